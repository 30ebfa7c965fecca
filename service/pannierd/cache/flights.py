"""One load per key: the lease of the caller that may fill, and the callers who wait for its value.

A flight begins when a lease is granted and ends when its holder stores, gives the lease back, goes away, or is silent
for too long. Whatever changes the key meanwhile (an invalidation, a plain write) makes the flight **dead**:

- it leaves the table, so that a later caller starts a new flight and never gets what was loaded before the change;
- its holder's fill is refused;
- the callers who joined before the change asked before it, so its value still answers them.

A waiter is woken to look again: it finds the value, or becomes the next holder. Only a value that is not kept is handed
to it, without any life left. A waiter that gives up takes only itself away.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from pannierd.cache.entry import Entry
    from pannierd.cache.space import Space


class Holder(Protocol):
    """Who a lease was granted to: a connection, or a caller without one."""

    @property
    def label(self) -> str:
        """The caller's, for people."""

    @property
    def number(self) -> int | None:
        """The connection's, if it is one."""

    last_heard: float
    """Clock seconds of its last bytes. A holder that is not heard from loses its lease."""


class Flight:
    """A load in progress.

    Attributes:
        began: the tenant's counter when the lease was granted. What was invalidated after it must not be stored.
        granted_at: clock seconds.
        killed_by: what changed the key after the flight began: invalidated, overwritten; "" while nothing did.
    """

    __slots__ = ("began", "granted_at", "holder", "key", "killed_by", "lease", "space", "waiters")

    def __init__(
        self, space: Space, key: bytes, lease: str, began: int, granted_at: float, holder: Holder | None
    ) -> None:
        self.space = space
        self.key = key
        self.lease = lease
        self.began = began
        self.granted_at = granted_at
        self.holder = holder
        self.killed_by = ""
        # Those who wait, with the counter's value when they came.
        self.waiters: dict[asyncio.Future[Entry | None], int] = {}

    def wake(self, unkept: Entry | None = None, *, joined_by: int | None = None) -> None:
        """End the wait of everybody: they look again, or take a value that is not kept.

        Args:
            unkept: such a value; None when it was kept, or there is none.
            joined_by: only who had come when the counter stood here may take it; None is everybody.
        """
        waiters, self.waiters = self.waiters, {}
        for future, joined in waiters.items():
            if not future.done():
                future.set_result(unkept if joined_by is None or joined <= joined_by else None)

    async def wait(self, joined: int, seconds: float) -> Entry | None:
        """Wait for the end of this load: None says to look again, an entry is a value that was not kept."""
        future: asyncio.Future[Entry | None] = asyncio.get_running_loop().create_future()
        self.waiters[future] = joined
        try:
            await asyncio.wait((future,), timeout=seconds)
            return future.result() if future.done() else None
        finally:
            self.waiters.pop(future, None)

    def __repr__(self) -> str:
        state = self.killed_by or "loading"
        return f"<Flight {self.key!r} {state}, {len(self.waiters)} waiting>"


class Flights:
    """A tenant's loads in progress, by lease. Bounded: beyond, the oldest lease is taken back."""

    def __init__(self, lease_seconds: float, lease_max_seconds: float, most: int, new_lease: Callable[[], str]) -> None:
        self._lease_seconds = lease_seconds
        self._lease_max_seconds = lease_max_seconds
        self._most = most
        self._new_lease = new_lease
        self._by_lease: OrderedDict[str, Flight] = OrderedDict()
        self._by_holder: dict[Holder, set[Flight]] = {}
        # Those that nobody looked at yet, in the order of granting, which is that of their first ends; and those that
        # were heard from since: the end they had when they were looked at, a number for equal ends, and the flight.
        self._young: OrderedDict[str, Flight] = OrderedDict()
        self._renewed: list[tuple[float, int, Flight]] = []
        self._numbers = count()

    def begin(self, space: Space, key: bytes, began: int, now: float, holder: Holder | None) -> Flight:
        """Grant a lease."""
        flight = Flight(space, key, self._new_lease(), began, now, holder)
        self._by_lease[flight.lease] = self._young[flight.lease] = flight
        if holder is not None:
            self._by_holder.setdefault(holder, set()).add(flight)
        return flight

    def surplus(self) -> Flight | None:
        """The flight that must end because there are too many."""
        return next(iter(self._by_lease.values())) if len(self._by_lease) > self._most else None

    def find(self, lease: str) -> Flight | None:
        """The flight of a lease, dead ones included, until it ends."""
        return self._by_lease.get(lease)

    def end(self, flight: Flight) -> None:
        """Forget a flight. Its waiters are the caller's to wake."""
        self._by_lease.pop(flight.lease, None)
        self._young.pop(flight.lease, None)
        if flight.holder is not None:
            flights = self._by_holder.get(flight.holder)
            if flights is not None:
                flights.discard(flight)
                if not flights:
                    del self._by_holder[flight.holder]

    def ends_at(self, flight: Flight) -> float:
        """Clock seconds at which the lease is lost if its holder stays as silent as it is now."""
        heard = flight.granted_at
        if flight.holder is not None:
            heard = max(heard, flight.holder.last_heard)
        return min(heard + self._lease_seconds, flight.granted_at + self._lease_max_seconds)

    def of_holder(self, holder: Holder) -> list[Flight]:
        """What a holder that goes away gives back."""
        return list(self._by_holder.get(holder, ()))

    def lapsed(self, holder: Holder, now: float) -> list[Flight]:
        """What a holder lost by its silence up to now. To be asked before it counts as heard from again."""
        return [flight for flight in self.of_holder(holder) if self.ends_at(flight) <= now]

    def overdue(self, now: float) -> list[Flight]:
        """The flights whose leases are lost. Each is told once; who is told ends it.

        A flight is looked at when the end that it had at the last look has come, and not before.
        """
        renewed = self._renewed
        while self._young and next(iter(self._young.values())).granted_at + self._lease_seconds <= now:
            _, flight = self._young.popitem(last=False)
            heappush(renewed, (self.ends_at(flight), next(self._numbers), flight))
        lost = []
        while renewed and renewed[0][0] <= now:
            _, _, flight = heappop(renewed)
            if flight.lease not in self._by_lease:
                continue
            ends_at = self.ends_at(flight)
            if ends_at <= now:
                lost.append(flight)
            else:
                heappush(renewed, (ends_at, next(self._numbers), flight))
        return lost

    def __len__(self) -> int:
        return len(self._by_lease)

    def __repr__(self) -> str:
        return f"<Flights {len(self._by_lease)} loading>"
