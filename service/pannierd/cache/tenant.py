"""One tenant's cache: its share of memory, its counter, its loads and its trackers, and its namespaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pannierd.cache.counts import SpaceCounts, TenantCounts
from pannierd.cache.deaths import Death, Deaths
from pannierd.cache.expiry import Expiry
from pannierd.cache.flights import Flights
from pannierd.cache.memory import Memory
from pannierd.cache.scans import Scans
from pannierd.cache.space import Space
from pannierd.cache.sweeps import Sweeps
from pannierd.cache.tracking import Tracking
from pannierd.cache.versions import Cause, Versions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from pannierd.cache.entry import Entry
    from pannierd.cache.flights import Holder
    from pannierd.cache.tracking import Tracker
    from pannierd.cache.world import World
    from pannierd.config import Config, Namespace

MOST_LEASES: Final = 100_000
"""Leases of one tenant at once; one more takes the oldest back."""


class TenantCache:
    """What the namespaces of one tenant share. Nothing here ever touches another tenant's.

    Attributes:
        spaces: the namespaces by name; those that hold nothing may go.
        answers: what was answered, by namespace where it is configured, and of all others together as "other".
    """

    def __init__(
        self, name: str, max_bytes: int, config: Config, policies: Mapping[str, Namespace], world: World
    ) -> None:
        cache = config.cache
        self.name = name
        self.world = world
        self.flights = Flights(cache.lease_ms / 1000, cache.lease_max_ms / 1000, MOST_LEASES, world.new_lease)
        self.tracking = Tracking(config.limits.max_tracked_keys)
        self.versions = Versions(cache.memory.max_tags)
        self.memory = Memory(max_bytes, self._evicted)
        self.expiry = Expiry(world.clock())
        self.deaths = Deaths()
        self.counts = TenantCounts()
        self.sweeps = Sweeps()
        self.scans = Scans()
        self.spaces: dict[str, Space] = {}
        self.answers = {name: SpaceCounts() for name in (*policies, "other")}
        self._policies = policies
        # Entries of emptied namespaces: out of reach already, still to be taken out of queue and bucket.
        self._doomed: list[Entry] = []

    def space(self, name: str) -> Space:
        """A namespace, made when it is first named."""
        space = self.spaces.get(name)
        if space is None:
            policy = self._policies.get(name) or self._policies["default"]
            counts = self.answers["other" if name not in self._policies else name]
            space = self.spaces[name] = Space(self, name, policy, counts)
        return space

    def free_idle(self, bound: Collection[Space]) -> list[Space]:
        """Forget the namespaces that hold nothing, but for those that somebody is bound to, and tell which.

        Nothing is lost by it: a rule without entries and loads kills nothing, and who names one again gets a new one.
        """
        idle = [space for space in self.spaces.values() if space.is_idle and space not in bound]
        for space in idle:
            del self.spaces[space.name]
        return idle

    def invalidate_tags(self, tags: Collection[str], *, soft: bool, by: str) -> None:
        """Kill what carries any of these tags, in every namespace. Trackers drop everything."""
        for tag in tags:
            self.versions.invalidate_tag(self.cause("tag", tag, soft=soft, by=by))
        if tags:
            self.tracking.everything_changed()

    def cause(self, kind: str, name: str, *, soft: bool, by: str) -> Cause:
        """A new invalidation with the next number."""
        self.counts.invalidations[kind] += 1
        return Cause(kind, name, self.versions.next(), self.world.clock(), soft, self.world.wall_clock(), by)

    def died(self, entry: Entry, kind: str, *, soft: bool = False, by: str = "") -> None:
        """Remember why an entry is no longer fresh from this moment on."""
        self.deaths.put(entry.space.name, entry.key, Death(kind, "", soft, self.world.wall_clock(), by))

    def drop(self, entry: Entry) -> None:
        """Take an entry out of queue and bucket; its namespace has let go of it."""
        if entry.queue:
            self.memory.remove(entry)
        self.expiry.remove(entry)

    def doom(self, entries: Iterable[Entry]) -> None:
        """Take these out little by little."""
        self._doomed.extend(entries)

    def make_way(self, cost: int) -> None:
        """What is out of reach leaves before anything that lives."""
        while self._doomed and self.memory.bytes + cost > self.memory.max_bytes:
            self.drop(self._doomed.pop())

    def give_back(self, holder: Holder) -> None:
        """A connection closed: whoever waits for its loads may take them over."""
        for flight in self.flights.of_holder(holder):
            flight.space.loads.abandon(flight)

    def lapse(self, holder: Holder) -> None:
        """A connection is heard from again: what it lost by its silence is lost, before it can speak of it."""
        for flight in self.flights.lapsed(holder, self.world.clock()):
            flight.space.loads.abandon(flight)

    def forget(self, tracker: Tracker) -> None:
        """A connection closed, or tracks no more."""
        self.tracking.forget(tracker)

    def upkeep(self, most: int) -> bool:
        """Do up to about `most` entries' worth of background work. True when there is more."""
        now = self.world.clock()
        for flight in self.flights.overdue(now):
            flight.space.loads.abandon(flight)
        self.scans.end_rested(now)
        due = self.expiry.due(now, most)
        for entry in due:
            entry.space.ended(entry, now)
        for entry in self._doomed[-most:]:
            self.drop(entry)
        del self._doomed[-most:]
        return self.sweeps.step(most, now) or len(due) == most or bool(self._doomed)

    def _evicted(self, entry: Entry) -> None:
        """The memory needed the room."""
        self.expiry.remove(entry)
        entry.space.evicted(entry)

    def __repr__(self) -> str:
        return f"<TenantCache {self.name} {len(self.spaces)} namespaces, {self.memory!r}>"
