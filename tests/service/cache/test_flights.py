"""Loads in progress: who holds the lease, how long, and who waits. Waits end by gates, never by sleeping."""

import asyncio
from itertools import count

from fakes import Bench, Connection
from pannierd.cache.entry import Entry
from pannierd.cache.flights import Flight, Flights

SPACE = Bench().space()


def flights(most: int = 10) -> Flights:
    leases = iter(range(1_000))
    return Flights(10.0, 60.0, most, lambda: f"lease-{next(leases)}")


def begin(table: Flights, key: bytes = b"key", now: float = 0.0, holder: Connection | None = None) -> Flight:
    return table.begin(SPACE, key, 0, now, holder)


async def waiting(flight: Flight, count: int, joined: int = 0) -> list[asyncio.Task[Entry | None]]:
    tasks = [asyncio.create_task(flight.wait(joined, 60)) for _ in range(count)]
    await asyncio.sleep(0)  # one turn of the loop: all of them wait now
    return tasks


def test_a_lease_that_is_bound_to_nobody_lasts_its_time() -> None:
    table = flights()
    assert table.ends_at(begin(table, now=5.0)) == 15.0


def test_a_lease_lives_while_its_holder_is_heard_from_but_never_longer_than_the_most() -> None:
    table, holder = flights(), Connection()
    flight = begin(table, now=5.0, holder=holder)
    ends = []
    for holder.last_heard in (0.0, 12.0, 1_000.0):
        ends.append(table.ends_at(flight))
    assert ends == [15.0, 22.0, 65.0]


def test_overdue_are_those_whose_holders_fell_silent() -> None:
    table, silent, talking = flights(), Connection(), Connection()
    old = begin(table, b"old", 0.0, silent)
    kept = begin(table, b"kept", 0.0, talking)
    begin(table, b"young", 5.0)
    talking.last_heard = 9.0
    assert table.overdue(10.0) == [old]
    assert table.ends_at(kept) == 19.0


def test_a_flight_that_is_renewed_is_overdue_when_its_holder_falls_silent_and_is_told_once() -> None:
    table, holder = flights(), Connection()
    flight = begin(table, holder=holder)
    holder.last_heard = 4.0
    assert [table.overdue(now) for now in (9.9, 10.0, 13.9)] == [[], [], []]
    holder.last_heard = 5.0
    assert [table.overdue(now) for now in (14.0, 14.9, 15.0, 16.0)] == [[], [], [flight], []]


def test_a_flight_that_ended_is_never_overdue() -> None:
    table, holder = flights(), Connection()
    young, renewed = begin(table, b"young", 5.0), begin(table, b"renewed", 0.0, holder)
    holder.last_heard = 9.0
    assert table.overdue(10.0) == []
    for flight in (young, renewed):
        table.end(flight)
    assert table.overdue(1_000.0) == []


class CountingFlights(Flights):
    """Counts how often it looks at a flight."""

    looks = 0

    def ends_at(self, flight: Flight) -> float:
        self.looks += 1
        return super().ends_at(flight)


def test_background_work_looks_at_a_flight_when_it_may_have_ended_and_not_ten_times_a_second() -> None:
    leases, holder = count(), Connection()
    table = CountingFlights(10.0, 60.0, 1_000, lambda: f"lease-{next(leases)}")
    for number in range(1_000):
        begin(table, b"%d" % number, 0.0, holder)
    for tenth in range(300):
        holder.last_heard = now = tenth / 10
        assert table.overdue(now) == []
    assert table.looks < 6_000


def test_a_holder_that_comes_back_has_lost_what_it_was_silent_for() -> None:
    table, holder = flights(), Connection()
    lost, kept = begin(table, b"lost", 0.0, holder), begin(table, b"kept", 5.0, holder)
    begin(table, b"another's", 0.0, Connection("another"))
    assert table.lapsed(holder, 9.9) == []
    assert table.lapsed(holder, 10.0) == [lost]
    assert table.ends_at(kept) == 15.0


def test_a_flight_is_found_by_its_lease_until_it_ends() -> None:
    table, holder = flights(), Connection()
    flight = begin(table, holder=holder)
    assert table.find(flight.lease) is flight
    assert table.of_holder(holder) == [flight]
    table.end(flight)
    table.end(flight)
    assert table.find(flight.lease) is None
    assert table.of_holder(holder) == []
    assert len(table) == 0


def test_beyond_the_bound_the_oldest_is_surplus() -> None:
    table = flights(most=2)
    first = begin(table, b"first")
    begin(table, b"second")
    assert table.surplus() is None
    begin(table, b"third")
    assert table.surplus() is first


async def test_who_waits_is_woken_to_look_again() -> None:
    flight = begin(flights())
    tasks = await waiting(flight, 3)
    flight.wake()
    assert await asyncio.gather(*tasks) == [None] * 3
    assert flight.waiters == {}


async def test_a_value_that_is_not_kept_is_handed_to_those_who_came_in_time() -> None:
    flight, unkept = begin(flights()), Entry(SPACE, b"key")
    early, late = await waiting(flight, 1, joined=3), await waiting(flight, 1, joined=4)
    flight.wake(unkept, joined_by=3)
    assert await asyncio.gather(*early, *late) == [unkept, None]


async def test_a_waiter_that_gives_up_takes_only_itself_away() -> None:
    flight = begin(flights())
    patient, impatient = await waiting(flight, 2)
    impatient.cancel()
    await asyncio.wait((impatient,))
    assert len(flight.waiters) == 1
    flight.wake()
    assert await patient is None
    assert impatient.cancelled()


async def test_a_wait_ends_with_its_time() -> None:
    flight = begin(flights())
    assert await flight.wait(0, 0.001) is None
    assert flight.waiters == {}
