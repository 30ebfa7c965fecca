"""What P1, P2 and P6 allow, as plainly as it can be said: the history of a cache, searched from its end.

Nothing here is clever or fast, and nothing is taken from the engine: no counters, no marks, no queues.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

MATCHES: Final = {
    b"*": {b"a", b"ab", b"b", b"*"},
    b"a*": {b"a", b"ab"},
    b"?": {b"a", b"b", b"*"},
    b"\\*": {b"*"},
}
"""The patterns that are tried, and the keys of the test that each matches."""

MISS: Final = ("miss", None)

LEASE_SECONDS: Final = 10.0

FEW: Final = 4
"""Soft invalidations of a value that are told apart; of more, the stale time may end before its time."""


@dataclass(frozen=True)
class Place:
    """Where a value is."""

    tenant: str
    namespace: str
    key: bytes


@dataclass(frozen=True)
class Write:
    """A value that was stored."""

    place: Place
    value: bytes
    tags: tuple[str, ...]
    fresh_until: float
    stale_seconds: float


@dataclass(frozen=True)
class Invalidation:
    """Something was said to be dead, by somebody of a tenant in a namespace."""

    tenant: str
    namespace: str
    keys: tuple[bytes, ...] = ()
    tags: tuple[str, ...] = ()
    patterns: tuple[bytes, ...] = ()
    everything: bool = False
    soft: bool = False
    moment: float = 0.0

    def concerns(self, place: Place, tags: tuple[str, ...]) -> bool:
        if place.tenant != self.tenant:
            return False
        if set(tags) & set(self.tags):
            return True
        named = place.key in self.keys or any(place.key in MATCHES[pattern] for pattern in self.patterns)
        return place.namespace == self.namespace and (named or self.everything)


@dataclass
class Lease:
    """A right to fill. `at` is its place in the history, `is_over` says that it was used, given back or replaced."""

    token: str
    place: Place
    at: int
    granted_at: float
    is_over: bool = False


@dataclass
class History:
    """All that was acknowledged, in its order."""

    clock: Callable[[], float]
    events: list[Write | Invalidation] = field(default_factory=list)
    leases: list[Lease] = field(default_factory=list)

    def read(self, place: Place) -> list[tuple[str, bytes | None]]:
        """P1: what fetch or lease may answer now, what it should first: `hit`, `stale` or `miss`, and the value."""
        at, write = max(
            ((at, event) for at, event in enumerate(self.events) if isinstance(event, Write) and event.place == place),
            key=lambda found: found[0],
            default=(0, None),
        )
        if write is None:
            return [MISS]
        deaths = self._invalidations(at, place, write.tags)
        if not all(death.soft for death in deaths):
            return [MISS]
        fresh_until = min([write.fresh_until, *(death.moment for death in deaths)])
        if self.clock() < fresh_until:
            return [("hit", write.value)]
        if self.clock() < fresh_until + write.stale_seconds:
            return [("stale", write.value)] + [MISS] * (len(deaths) > FEW)
        return [MISS]

    def wrote(self, write: Write) -> None:
        """A plain write or a fill: either ends every load of the place."""
        self.events.append(write)
        for lease in self.leases:
            lease.is_over |= lease.place == write.place

    def invalidated(self, place: Place, **what: Any) -> None:
        """Something was said to be dead, by the place's tenant in its namespace."""
        self.events.append(Invalidation(place.tenant, place.namespace, **what, moment=self.clock()))

    def granted(self, token: str, place: Place) -> None:
        """P6: a lease is granted when no other is held."""
        for lease in self.leases:
            if lease.place == place and not lease.is_over:
                assert self.must_refuse(lease, place, ()) or self._may_have_lapsed(lease), "two loads of one key"
                lease.is_over = True
        self.leases.append(Lease(token, place, len(self.events), self.clock()))

    def must_refuse(self, lease: Lease, place: Place, tags: tuple[str, ...]) -> bool:
        """P2: a load that was overtaken is not kept."""
        return lease.is_over or lease.place != place or bool(self._invalidations(lease.at, place, tags))

    def must_store(self, lease: Lease, place: Place, tags: tuple[str, ...]) -> bool:
        """A load that was not overtaken is kept, if it came in time."""
        return not self.must_refuse(lease, place, tags) and not self._may_have_lapsed(lease)

    def _invalidations(self, since: int, place: Place, tags: tuple[str, ...]) -> list[Invalidation]:
        after = self.events[since:]
        return [event for event in after if isinstance(event, Invalidation) and event.concerns(place, tags)]

    def _may_have_lapsed(self, lease: Lease) -> bool:
        """A holder on the lane may have been heard from since; how long it was silent is not followed here."""
        return self.clock() >= lease.granted_at + LEASE_SECONDS
