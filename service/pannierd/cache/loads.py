"""The loads in progress for the keys of one namespace: who may fill, and when a fill comes too late."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pannierd.cache.entry import Entry
    from pannierd.cache.flights import Flight, Flights, Holder
    from pannierd.cache.space import Space


class Loads:
    """The flights that later callers may still join, by key. Dead ones live on in the tenant's table until they end."""

    def __init__(self, space: Space, flights: Flights) -> None:
        self._space = space
        self._flights = flights
        self._by_key: dict[bytes, Flight] = {}

    def get(self, key: bytes) -> Flight | None:
        """The load that a caller of this key may join."""
        return self._by_key.get(key)

    def lease(self, key: bytes, now: float, holder: Holder | None) -> str | None:
        """The lease of a key, unless somebody else holds it."""
        flight = self._by_key.get(key)
        if flight is not None:
            if self._flights.ends_at(flight) > now:
                return None
            self.abandon(flight)
        counter = self._space.versions.counter
        flight = self._by_key[key] = self._flights.begin(self._space, key, counter, now, holder)
        surplus = self._flights.surplus()
        if surplus is not None:
            surplus.space.loads.abandon(surplus)
        return flight.lease

    def own(self, key: bytes, lease: str) -> Flight | None:
        """The flight of a lease, when it was granted for this very key."""
        flight = self._flights.find(lease)
        return flight if flight is not None and flight.space is self._space and flight.key == key else None

    def refusal(self, flight: Flight | None, tags: Sequence[str], now: float) -> str:
        """Why a fill must not be stored; "" when it may."""
        if flight is None:
            return "lease_unknown"
        if flight.killed_by:
            return flight.killed_by
        if self._flights.ends_at(flight) <= now:
            return "lease_expired"
        return "" if self._space.killer(flight.key, tags, flight.began) is None else "invalidated"

    def land(self, key: bytes, own: Flight | None) -> None:
        """A value was stored, by the holder or by somebody's own word: whoever waits for the key finds it."""
        if own is not None:
            self.abandon(own)
        elif flight := self.kill(key, "overwritten"):
            flight.wake()

    def answer(self, flight: Flight, unkept: Entry, *, joined_by: int | None = None) -> None:
        """A load ends with a value that is not kept: it answers those who came in time."""
        self._forget(flight)
        flight.wake(unkept, joined_by=joined_by)

    def abandon(self, flight: Flight) -> None:
        """A load ends: whoever waits looks again, and when there is no value the first of them takes over."""
        self._forget(flight)
        flight.wake()

    def kill(self, key: bytes, why: str) -> Flight | None:
        """The key changed: later callers must not join its load, and its fill must not be stored."""
        flight = self._by_key.pop(key, None)
        if flight is not None:
            flight.killed_by = why
        return flight

    def kill_if(self, concerns: Callable[[bytes], bool]) -> None:
        """An invalidation: kill the loads of every key that it concerns."""
        for key in [key for key in self._by_key if concerns(key)]:
            self.kill(key, "invalidated")

    def _forget(self, flight: Flight) -> None:
        self._flights.end(flight)
        if self._by_key.get(flight.key) is flight:
            del self._by_key[flight.key]

    def __len__(self) -> int:
        return len(self._by_key)

    def __repr__(self) -> str:
        return f"<Loads {len(self._by_key)}>"
