"""What an invalidation killed.

Every invalidation of a tenant takes the next number of one counter. A tag, a namespace and a pattern each keep the
number of their last invalidation. An entry keeps one number, `seen`: no invalidation up to that one concerns it. So

- a read compares `seen` with the counter; equal is the common case and ends it;
- otherwise it asks for the newest invalidation after `seen` that concerns the entry: none, and `seen` moves up to the
  counter; a soft one, and the entry is stale from now on; a hard one, and it is gone;
- a lease keeps the counter's value from before the function ran. A fill is refused if anything after that concerns
  it, its tags included, though nobody knew them when the lease was granted. That closes the race of a fill with an
  invalidation: the order is that of one counter, not of clocks.

The marks of tags are bounded. What is forgotten fails closed: an unknown tag counts as invalidated when the newest of
the forgotten ones was, which can only kill more than was asked for.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from pannierd.cache.globs import matcher

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_RULES: Final = 64
"""Patterns that a namespace remembers at once; one more invalidates the whole namespace."""


class Cause(Struct, frozen=True):
    """An invalidation: what it named, when, and who asked for it.

    Attributes:
        kind: tag, pattern, namespace, key.
        name: the tag or pattern; "" for a namespace.
        number: of the tenant's counter.
        soft: whether what it killed may still be served as stale.
        at: seconds since the epoch, for people.
        by: label of the caller's token.
    """

    kind: str
    name: str
    number: int
    soft: bool
    at: float
    by: str


class Mark:
    """The last hard and the last soft invalidation of one thing."""

    __slots__ = ("hard", "soft")

    def __init__(self) -> None:
        self.hard: Cause | None = None
        self.soft: Cause | None = None

    def put(self, cause: Cause | None) -> None:
        """Remember the newest of its kind."""
        if cause is None:
            return
        if cause.soft:
            self.soft = _newer(self.soft, cause)
        else:
            self.hard = _newer(self.hard, cause)

    def since(self, seen: int) -> Cause | None:
        """The invalidation after `seen` that weighs most: a hard one before a soft one."""
        for cause in (self.hard, self.soft):
            if cause is not None and cause.number > seen:
                return cause
        return None


class Versions:
    """A tenant's counter and the marks of its tags."""

    def __init__(self, max_tags: int) -> None:
        self.counter = 0
        self._max_tags = max_tags
        # Marks by tag, the longest untouched first.
        self._tags: OrderedDict[str, Mark] = OrderedDict()
        # What stands for every tag that is not in _tags.
        self._forgotten = Mark()

    def next(self) -> int:
        """The number of a new invalidation. From now on every entry is looked at once more."""
        self.counter += 1
        return self.counter

    def invalidate_tag(self, cause: Cause) -> None:
        """Everything with the tag `cause.name` that was loaded before is dead."""
        mark = self._tags.get(cause.name)
        if mark is None:
            mark = self._tags[cause.name] = Mark()
            mark.put(self._forgotten.hard)
            mark.put(self._forgotten.soft)
        self._tags.move_to_end(cause.name)
        mark.put(cause)
        if len(self._tags) > self._max_tags:
            _, forgotten = self._tags.popitem(last=False)
            self._forgotten.put(forgotten.hard)
            self._forgotten.put(forgotten.soft)

    def killer(self, tags: Iterable[str], seen: int) -> Cause | None:
        """The weightiest invalidation after `seen` of any of these tags."""
        worst: Cause | None = None
        for tag in tags:
            worst = weightier(worst, self._tags.get(tag, self._forgotten).since(seen))
        return worst

    def tag_number(self, tag: str) -> int:
        """Number of the tag's last invalidation, 0 for none: what explain shows."""
        mark = self._tags.get(tag, self._forgotten)
        return max((cause.number for cause in (mark.hard, mark.soft) if cause is not None), default=0)

    def __repr__(self) -> str:
        return f"<Versions {self.counter}, {len(self._tags)} tags>"


class Rules:
    """What was invalidated in one namespace: all of it, or patterns that no sweep has carried out yet."""

    def __init__(self) -> None:
        self._whole = Mark()
        # Pattern rules by glob and softness, oldest number first.
        self._patterns: OrderedDict[tuple[str, bool], Cause] = OrderedDict()

    def invalidate_all(self, cause: Cause) -> None:
        """Everything in the namespace that was loaded before is dead. A hard one makes every rule needless."""
        self._whole.put(cause)
        if not cause.soft:
            self._patterns.clear()

    def add_pattern(self, cause: Cause) -> None:
        """Every key that matches and was loaded before is dead. An equal glob takes the new number."""
        self._patterns.pop((cause.name, cause.soft), None)
        if len(self._patterns) < MOST_RULES:
            self._patterns[cause.name, cause.soft] = cause
        else:
            self.invalidate_all(cause)

    def retire(self, rule: Cause) -> None:
        """A sweep has carried out this rule; one that took a newer number since stays."""
        if self._patterns.get((rule.name, rule.soft)) is rule:
            del self._patterns[rule.name, rule.soft]

    def killer(self, key: bytes, seen: int) -> Cause | None:
        """The weightiest invalidation after `seen` that names this key by pattern, or the whole namespace."""
        worst = self._whole.since(seen)
        for cause in reversed(self._patterns.values()):
            if cause.number <= seen:
                break
            if matcher(pattern_bytes(cause.name))(key):
                worst = weightier(worst, cause)
        return worst

    @property
    def patterns(self) -> tuple[Cause, ...]:
        """The rules in force, oldest first."""
        return tuple(self._patterns.values())

    def __repr__(self) -> str:
        return f"<Rules {len(self._patterns)} patterns>"


def pattern_bytes(name: str) -> bytes:
    """A pattern as the bytes it was given as."""
    return name.encode("utf-8", "surrogateescape")


def weightier(one: Cause | None, other: Cause | None) -> Cause | None:
    """The hard one of two, else the first that there is."""
    if one is None or (other is not None and one.soft and not other.soft):
        return other
    return one


def _newer(known: Cause | None, cause: Cause) -> Cause:
    return cause if known is None or cause.number > known.number else known
