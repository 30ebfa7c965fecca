"""The outbox: invalidations that the sidecar has not acknowledged, kept until it does.

While one waits here, this process does not read what it may concern. The outbox is bounded: when it is full, single
keys and patterns widen to their whole namespace, and tags to every namespace that this process has invalidated in. It
outlives the connection, not the process.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Invalidation", "Outbox"]

_MAX_WAITING = 1_000  # keys, patterns and tags


@dataclass(frozen=True, slots=True)
class Invalidation:
    """What is to be forgotten, in one namespace (tags: in all of the tenant's)."""

    namespace: str
    keys: tuple[bytes, ...] = ()
    tags: tuple[str, ...] = ()
    patterns: tuple[bytes, ...] = ()
    everything: bool = False
    soft: bool = False

    def concerns(self, namespace: str, key: bytes) -> bool:
        """It may be about this entry. An entry's tags are not known here, and globs are the sidecar's to match."""
        if self.tags:
            return True
        return namespace == self.namespace and (self.everything or bool(self.patterns) or key in self.keys)

    @property
    def is_wide(self) -> bool:
        """It names more than single keys."""
        return bool(self.tags or self.patterns or self.everything)

    @property
    def size(self) -> int:
        """How many things it names."""
        return len(self.keys) + len(self.tags) + len(self.patterns) + self.everything


class Outbox:
    """What waits for an acknowledgement, oldest first."""

    def __init__(self) -> None:
        """Begin empty."""
        # Each with a number of its own: the same invalidation, added again while its first copy is on its way, must
        # not be taken for acknowledged with it.
        self._waiting: dict[Invalidation, int] = {}
        self._added = 0
        # Something waits. A plain attribute: every look-up asks.
        self.is_waiting = False
        self._namespaces: set[str] = set()

    def __len__(self) -> int:
        """How many invalidations wait."""
        return len(self._waiting)

    def waiting(self) -> list[tuple[Invalidation, int]]:
        """What waits at this moment, with the numbers by which to acknowledge it."""
        return list(self._waiting.items())

    def add(self, invalidation: Invalidation) -> None:
        """Keep it until it is acknowledged."""
        self._namespaces.add(invalidation.namespace)
        self._waiting.pop(invalidation, None)
        self._put(invalidation)
        if sum(waiting.size for waiting, _ in self.waiting()) > _MAX_WAITING:
            self._widen()

    def acknowledged(self, invalidation: Invalidation, number: int) -> None:
        """The sidecar has this one."""
        if self._waiting.get(invalidation) == number:
            del self._waiting[invalidation]
            self.is_waiting = bool(self._waiting)

    def blocks(self, namespace: str, key: bytes) -> bool:
        """What the sidecar holds under this key may be older than an invalidation that it has not heard of."""
        return any(waiting.concerns(namespace, key) for waiting, _ in self.waiting())

    def _put(self, invalidation: Invalidation) -> None:
        self._added += 1
        self._waiting[invalidation] = self._added
        self.is_waiting = True

    def _widen(self) -> None:
        waiting = [invalidation for invalidation, _ in self.waiting()]
        has_tags = any(invalidation.tags for invalidation in waiting)
        self._waiting = {}
        for name in sorted(self._namespaces if has_tags else {invalidation.namespace for invalidation in waiting}):
            self._put(Invalidation(name, everything=True))

    def __repr__(self) -> str:
        """How much waits."""
        return f"<Outbox {len(self)} waiting>"
