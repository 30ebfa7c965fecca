"""What an invalidation killed.

Every invalidation of a tenant takes the next number of one counter. A tag, a namespace and a pattern each keep the
number of their last invalidation. An entry keeps one number, `seen`: no invalidation up to that one concerns it. So

- a read compares `seen` with the counter; equal is the common case and ends it;
- otherwise it asks for the weightiest invalidation after `seen` that concerns the entry: none, and `seen` moves up to
  the counter; a soft one, and the entry is stale since the moment of that one; a hard one, and it is gone;
- a lease keeps the counter's value from before the function ran. A fill is refused if anything after that concerns
  it, its tags included, though nobody knew them when the lease was granted. That closes the race of a fill with an
  invalidation: the order is that of one counter, not of clocks.

The marks of tags are bounded. What is forgotten fails closed: an unknown tag counts as invalidated when the newest of
the forgotten ones was, which can only kill more than was asked for. Soft ones are counted from the first that an entry
missed, so a mark keeps a few of them; of more, two that lie close together count as one, at the earlier moment.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from pannierd.cache.globs import matcher

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_RULES: Final = 64
"""Patterns that a namespace remembers at once; one more invalidates the whole namespace."""

MOST_SOFT: Final = 4
"""Soft invalidations that a mark tells apart."""


class Cause(Struct, frozen=True):
    """An invalidation: what it named, when, and who asked for it.

    Attributes:
        kind: tag, pattern, namespace, key.
        name: the tag or pattern; "" for a namespace.
        number: of the tenant's counter.
        moment: clock seconds, from which on what it killed softly is stale.
        soft: whether what it killed may still be served as stale.
        at: seconds since the epoch, for people.
        by: label of the caller's token.
    """

    kind: str
    name: str
    number: int
    moment: float
    soft: bool
    at: float
    by: str


class Mark:
    """The invalidations of one thing that still matter: the last hard one, and the soft ones after it."""

    __slots__ = ("hard", "soft")

    def __init__(self) -> None:
        self.hard: Cause | None = None
        # Oldest first.
        self.soft: list[Cause] = []

    def put(self, cause: Cause) -> None:
        """Remember it."""
        if cause.soft:
            self.soft.append(cause)
            self.soft.sort(key=_number)
            if len(self.soft) > MOST_SOFT:
                self._join_the_closest()
        elif self.hard is None or cause.number > self.hard.number:
            self.hard = cause
            self.soft = [soft for soft in self.soft if soft.number > cause.number]

    def put_all(self, other: Mark) -> None:
        """Remember what another mark does."""
        for cause in (other.hard, *other.soft):
            if cause is not None:
                self.put(cause)

    def since(self, seen: int) -> Cause | None:
        """The invalidation after `seen` that weighs most: a hard one, else the first soft one."""
        if self.hard is not None and self.hard.number > seen:
            return self.hard
        for cause in self.soft:
            if cause.number > seen:
                return cause
        return None

    @property
    def last(self) -> Cause | None:
        """The newest of all."""
        return self.soft[-1] if self.soft else self.hard

    def _join_the_closest(self) -> None:
        soft = self.soft
        at = min(range(1, len(soft)), key=lambda at: soft[at].moment - soft[at - 1].moment)
        soft[at - 1 : at + 1] = [replace(soft[at], moment=soft[at - 1].moment)]


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
            mark.put_all(self._forgotten)
        self._tags.move_to_end(cause.name)
        mark.put(cause)
        if len(self._tags) > self._max_tags:
            self._forgotten.put_all(self._tags.popitem(last=False)[1])

    def killer(self, tags: Iterable[str], seen: int) -> Cause | None:
        """The weightiest invalidation after `seen` of any of these tags."""
        worst: Cause | None = None
        for tag in tags:
            worst = weightier(worst, self._tags.get(tag, self._forgotten).since(seen))
        return worst

    def tag_number(self, tag: str) -> int:
        """Number of the tag's last invalidation, 0 for none: what explain shows."""
        last = self._tags.get(tag, self._forgotten).last
        return 0 if last is None else last.number

    def __repr__(self) -> str:
        return f"<Versions {self.counter}, {len(self._tags)} tags>"


class Rules:
    """What was invalidated in one namespace: all of it, or patterns that no sweep has carried out yet."""

    def __init__(self) -> None:
        self._whole = Mark()
        # Marks by glob, the longest untouched first.
        self._patterns: OrderedDict[str, Mark] = OrderedDict()

    def invalidate_all(self, cause: Cause) -> None:
        """Everything in the namespace that was loaded before is dead. A hard one makes every rule needless."""
        self._whole.put(cause)
        if not cause.soft:
            self._patterns.clear()

    def add_pattern(self, cause: Cause) -> None:
        """Every key that matches and was loaded before is dead."""
        mark = self._patterns.get(cause.name)
        if mark is None:
            if len(self._patterns) == MOST_RULES:
                self.invalidate_all(cause)
                return
            mark = self._patterns[cause.name] = Mark()
        mark.put(cause)
        self._patterns.move_to_end(cause.name)

    def retire(self, rule: Cause) -> None:
        """A sweep has carried out this rule; one whose glob was invalidated again since stays."""
        mark = self._patterns.get(rule.name)
        if mark is not None and mark.last is rule:
            del self._patterns[rule.name]

    def killer(self, key: bytes, seen: int) -> Cause | None:
        """The weightiest invalidation after `seen` that names this key by pattern, or the whole namespace."""
        worst = self._whole.since(seen)
        for name, mark in reversed(self._patterns.items()):
            cause = mark.since(seen)
            if cause is None:
                break
            if matcher(pattern_bytes(name))(key):
                worst = weightier(worst, cause)
        return worst

    @property
    def patterns(self) -> tuple[Cause, ...]:
        """The newest rule of each glob, oldest first."""
        return tuple(mark.last for mark in self._patterns.values() if mark.last is not None)

    def __repr__(self) -> str:
        return f"<Rules {len(self._patterns)} patterns>"


def pattern_bytes(name: str) -> bytes:
    """A pattern as the bytes it was given as."""
    return name.encode("utf-8", "surrogateescape")


def weightier(one: Cause | None, other: Cause | None) -> Cause | None:
    """The hard one of two; of two alike the earlier."""
    if one is None or other is None:
        return one or other
    if one.soft != other.soft:
        return other if one.soft else one
    return one if one.moment <= other.moment else other


def _number(cause: Cause) -> int:
    return cause.number
