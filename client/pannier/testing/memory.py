"""The fake's cache: entries, leases and invalidations of one tenant, on a clock that stands still until it is moved.

It decides as the sidecar does with its defaults, but for chance: lives are not shortened, and nothing is refreshed
ahead of its time. Nothing is evicted. Pure: no I/O, no threads.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from pannier._commands import Fetched
from pannier._wire import NOTHING
from pannier.testing.globs import glob

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pannier._commands import Life
    from pannier._outbox import Invalidation

    Wake = Callable[[Fetched | None], None]

__all__ = ["MAX_VALUE_BYTES", "Lease", "Memory", "Place"]

Place = tuple[str, bytes]  # a namespace and a key in it

MAX_VALUE_BYTES = 8_388_608
_TTL_MS = 300_000
_STALE_MS = 600_000
_NEGATIVE_TTL_MS = 0
_LEASE_MAX_SECONDS = 60.0

_MISS = Fetched(b"miss", None, None, 0, b"")


@dataclass(slots=True)
class Entry:
    """A value and its life, in seconds of the fake's clock."""

    value: bytes
    content_type: bytes
    tags: tuple[str, ...]
    stored_at: float
    fresh_until: float
    stale_until: float


@dataclass(eq=False, slots=True)
class Lease:
    """The leave to fill one place.

    Attributes:
        holder: The connection that has it.
        dead_tags: Tags that were invalidated since it was granted: a value that has one of them comes too late.
        waiting: Who is to be told when it ends: nothing, or a value that answers them but is not kept.
    """

    place: Place
    token: bytes
    holder: object
    granted_at: float
    dead_tags: set[str] = field(default_factory=set)
    waiting: list[Wake] = field(default_factory=list)

    def end(self, unkept: Fetched | None = None) -> None:
        """Tell who waits."""
        waiting, self.waiting = self.waiting, []
        for wake in waiting:
            wake(unkept)


class Memory:
    """All namespaces of one tenant."""

    def __init__(self) -> None:
        """Begin empty, at 0 seconds."""
        self.now = 0.0
        self._entries: dict[Place, Entry] = {}
        # The lease of each place that is being filled.
        self._leases: dict[Place, Lease] = {}
        self._numbers = count(1)

    def clear(self) -> None:
        """Forget everything, as a restart does."""
        self._entries = {}
        self._leases = {}

    def advance(self, seconds: float) -> list[Place]:
        """Let time pass; what went stale or died by that."""
        before, self.now = self.now, self.now + seconds
        return [place for place, entry in self._entries.items() if before < entry.fresh_until <= self.now]

    def fetch(self, place: Place, holder: object | None) -> Fetched:
        """The value, and for a holder the leave to fill or refresh it, unless somebody else has that."""
        entry = self._entry(place)
        if entry is not None and entry.fresh_until > self.now:
            ttl_ms = round((entry.fresh_until - self.now) * 1_000)
            return Fetched(b"hit", entry.value, None, ttl_ms, entry.content_type)
        lease = None if holder is None else self._grant(place, holder)
        if entry is None:
            return _MISS._replace(lease=lease)
        return Fetched(b"stale", entry.value, lease, 0, entry.content_type)

    def lease(self, place: Place) -> Lease | None:
        """Who is filling the place."""
        return self._leases.get(place)

    def store(
        self, place: Place, record: tuple[bytes, bytes], life: Life, tags: Sequence[str], token: bytes | None
    ) -> bytes:
        """Keep a value: stored, lease_lost or not_stored."""
        lease = self._leases.get(place)
        if token is not None and not self._may_fill(lease, token, tags):
            return b"lease_lost"
        self._leases.pop(place, None)
        is_nothing = record[1] == NOTHING
        is_kept = not is_nothing or bool(life.ttl_ms or _NEGATIVE_TTL_MS)
        if is_kept:
            self._entries[place] = self._born(record, life, tags)
        else:
            self._entries.pop(place, None)
        if lease is not None:
            lease.end(None if is_kept else Fetched(b"hit", record[0], None, 0, record[1]))
        return b"stored" if is_kept else b"not_stored"

    def release(self, place: Place, token: bytes) -> None:
        """The fill failed: let the next caller try."""
        lease = self._leases.get(place)
        if lease is not None and lease.token == token:
            self._end(lease)

    def give_back(self, holder: object) -> None:
        """A connection is gone, and its leases with it."""
        for lease in [lease for lease in self._leases.values() if lease.holder is holder]:
            self._end(lease)

    def invalidate(self, invalidation: Invalidation) -> None:
        """Forget what it names, and refuse what is being loaded for it."""
        tags, concerns = set(invalidation.tags), _matcher(invalidation)
        for place, entry in list(self._entries.items()):
            if not tags.isdisjoint(entry.tags) or concerns(place):
                self._kill(place, entry, soft=invalidation.soft)
        for place, lease in list(self._leases.items()):
            lease.dead_tags |= tags
            if concerns(place):
                self._end(lease)

    def explain(self, place: Place) -> dict[str, Any]:
        """What the sidecar tells about a key, as far as the fake knows it: no death and no rules."""
        entry, lease = self._entry(place), self._leases.get(place)
        return {
            "namespace": place[0],
            "key": place[1].decode("utf-8", "backslashreplace"),
            "state": "absent" if entry is None else "fresh" if entry.fresh_until > self.now else "stale",
            "sidecar": "fake",
            "version": 0,
            "entry": None if entry is None else self._explained(place, entry),
            "lease": None if lease is None else self._held(lease),
            "death": None,
            "rules": [],
        }

    def _entry(self, place: Place) -> Entry | None:
        entry = self._entries.get(place)
        if entry is not None and entry.stale_until <= self.now:
            del self._entries[place]
            return None
        return entry

    def _born(self, record: tuple[bytes, bytes], life: Life, tags: Sequence[str]) -> Entry:
        namespaces = _NEGATIVE_TTL_MS if record[1] == NOTHING else _TTL_MS
        ttl_ms = namespaces if life.ttl_ms is None else life.ttl_ms
        stale_ms = _STALE_MS if life.stale_ms is None else life.stale_ms
        fresh_until = self.now + ttl_ms / 1_000
        return Entry(*record, tuple(tags), self.now, fresh_until, fresh_until + stale_ms / 1_000)

    def _kill(self, place: Place, entry: Entry, *, soft: bool) -> None:
        if soft:
            span = entry.stale_until - entry.fresh_until
            entry.fresh_until = min(entry.fresh_until, self.now)
            entry.stale_until = entry.fresh_until + span
        else:
            del self._entries[place]

    def _grant(self, place: Place, holder: object) -> bytes | None:
        held = self._leases.get(place)
        if held is not None:
            if self.now - held.granted_at < _LEASE_MAX_SECONDS:
                return None
            self._end(held)
        lease = Lease(place, b"lease-%d" % next(self._numbers), holder, self.now)
        self._leases[place] = lease
        return lease.token

    def _may_fill(self, lease: Lease | None, token: bytes, tags: Sequence[str]) -> bool:
        if lease is None or lease.token != token:
            return False
        is_late = self.now - lease.granted_at >= _LEASE_MAX_SECONDS or not lease.dead_tags.isdisjoint(tags)
        if is_late:
            self._end(lease)
        return not is_late

    def _end(self, lease: Lease) -> None:
        del self._leases[lease.place]
        lease.end()

    def _explained(self, place: Place, entry: Entry) -> dict[str, Any]:
        return {
            "tier": "memory",
            "age_ms": round((self.now - entry.stored_at) * 1_000),
            "ttl_ms": max(round((entry.fresh_until - self.now) * 1_000), 0),
            "stale_ms": round((entry.stale_until - max(entry.fresh_until, self.now)) * 1_000),
            "load_ms": 0.0,
            "content_type": entry.content_type.decode(),
            "size_bytes": len(entry.value),
            "memory_bytes": len(entry.value) + len(place[1]),
            "etag": "",
            "uses": 0,
            "tags": [{"tag": tag, "version": 0} for tag in entry.tags],
        }

    def _held(self, lease: Lease) -> dict[str, Any]:
        held = self.now - lease.granted_at
        return {
            "held_ms": round(held * 1_000),
            "ends_in_ms": max(round((_LEASE_MAX_SECONDS - held) * 1_000), 0),
            "waiting": len(lease.waiting),
        }

    def __repr__(self) -> str:
        """How much it holds."""
        return f"<Memory {len(self._entries)} entries, {len(self._leases)} leases, at {self.now:g} s>"


def _matcher(invalidation: Invalidation) -> Callable[[Place], bool]:
    """Whether it names a place, other than by a tag."""
    keys = set(invalidation.keys)
    globs = [glob(pattern) for pattern in invalidation.patterns]

    def concerns(place: Place) -> bool:
        namespace, key = place
        if namespace != invalidation.namespace:
            return False
        return invalidation.everything or key in keys or any(pattern.fullmatch(key) for pattern in globs)

    return concerns
