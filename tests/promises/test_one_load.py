"""P6: concurrent misses run one load. Its holder may die, fall silent, come too late; whoever waits may give up."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from fakes import Bench, Connection, ask, lease_of, wait_for, write
from pannierd.cache.outcomes import Hit, Miss, StoreResult

if TYPE_CHECKING:
    from both_lanes import BothLanes
    from callers import LaneConnection, Site

HERD = 500
KEY = b"key"
FETCH_AND_WAIT = ("PN.FETCH", KEY, "WAIT", 60_000)


def waiting(sidecar: BothLanes) -> int:
    """How many wait for the key now; asked in the sidecar's thread."""
    flight = sidecar.bench.space().loads.get(KEY)
    return 0 if flight is None else len(flight.waiters)


def herd_of(sidecar: BothLanes, size: int) -> list[LaneConnection]:
    """So many connections that ask for the key and wait."""
    herd = [sidecar.dial() for _ in range(size)]
    for connection in herd:
        connection.send(FETCH_AND_WAIT)
    sidecar.until(lambda: waiting(sidecar) == size)
    return herd


async def test_a_herd_of_misses_is_granted_one_lease_and_gets_one_value() -> None:
    """T26: many tasks."""
    view = Bench().view()
    lease = lease_of(view)
    herd = [wait_for(view) for _ in range(HERD)]
    await asyncio.sleep(0)
    assert view.store(KEY, write(b"loaded", lease=lease)) is StoreResult.STORED
    assert await asyncio.gather(*herd) == [Hit(view.space.entries[KEY])] * HERD
    assert lease_of(view, b"another key") == "lease-2", "no other lease was granted meanwhile"


def test_a_herd_of_connections_is_granted_one_lease_and_gets_one_value(sidecar: BothLanes) -> None:
    """T26: many connections."""
    holder = sidecar.dial()
    _, _, lease, _, _ = holder.call("PN.FETCH", KEY)
    herd = herd_of(sidecar, HERD)
    assert holder.call("PN.STORE", KEY, "loaded", "LEASE", lease) == b"stored"
    assert {(status, value, lease) for status, value, lease, _, _ in (connection.read() for connection in herd)} == {
        (b"hit", b"loaded", None)
    }


async def test_a_herd_at_the_end_of_a_life_is_served_stale_while_one_refreshes() -> None:
    """T26: at the end of a life."""
    bench = Bench()
    view = bench.view()
    view.store(KEY, write(ttl_ms=1_000))
    bench.clock.advance(1)
    answers = [view.fetch(KEY, want_lease=True, wait_ms=60_000, holder=None) for _ in range(HERD)]
    assert [type(answer).__name__ for answer in answers] == ["Stale"] * HERD
    leases = {answer.lease for answer in answers if not asyncio.iscoroutine(answer)}  # type: ignore[union-attr]
    assert leases == {"lease-1", None}


async def test_a_herd_after_everything_was_dropped_is_one_load_for_each_key() -> None:
    """T26: after everything was dropped."""
    view = Bench().view()
    keys = [b"%d" % number for number in range(10)]
    for key in keys:
        view.store(key, write())
    view.invalidate(everything=True)
    answers = [ask(view, key) for key in keys * 50]
    assert sum(answer.lease is not None for answer in answers) == len(keys)


def test_a_dead_holders_load_is_taken_over_by_one_of_those_who_wait(sidecar: BothLanes) -> None:
    """T26: a dead holder."""
    holder = sidecar.dial()
    holder.call("PN.FETCH", KEY)
    first, second = herd_of(sidecar, 2)
    holder.close()
    status, _, lease, _, _ = first.read()
    assert (status, lease) == (b"miss", b"lease-2")
    assert first.call("PN.STORE", KEY, "loaded", "LEASE", lease) == b"stored"
    assert second.read()[:2] == [b"hit", b"loaded"]


def test_a_silent_holder_is_replaced_and_its_late_fill_is_refused(sidecar: BothLanes) -> None:
    """T26: a late holder."""
    holder = sidecar.dial()
    late = holder.call("PN.FETCH", KEY)[2]
    (follower,) = herd_of(sidecar, 1)
    sidecar.bench.clock.advance(10)
    sidecar.run(sidecar.bench.upkeep)
    lease = follower.read()[2]
    assert lease not in {None, late}
    assert holder.call("PN.STORE", KEY, "late", "LEASE", late) == b"lease_lost"
    assert follower.call("PN.STORE", KEY, "in time", "LEASE", lease) == b"stored"
    assert holder.call("PN.STORE", KEY, "late", "LEASE", late) == b"lease_lost"
    assert holder.call("GET", KEY) == b"in time"


@pytest.mark.parametrize("first", [("PING",), ("PN.STORE", "another", "v")], ids=["says", "stores"])
def test_a_holder_that_was_stopped_for_too_long_has_lost_its_lease_whatever_it_says_first(
    sidecar: BothLanes, first: tuple[str, ...]
) -> None:
    """Nobody else asked meanwhile, and no background work ran: the clock alone decides."""
    holder = sidecar.dial()
    lost = holder.call("PN.FETCH", KEY)[2]
    sidecar.bench.clock.advance(5)
    kept = holder.call("PN.FETCH", "young")[2]
    sidecar.bench.clock.advance(9.9)
    assert holder.call("PING") == b"PONG"
    sidecar.bench.clock.advance(10)
    holder.call(*first)
    assert holder.call("PN.STORE", KEY, "late", "LEASE", lost) == b"lease_lost"
    assert holder.call("PN.STORE", "young", "late", "LEASE", kept) == b"lease_lost"
    assert holder.call("GET", KEY) is None


def test_a_lease_that_was_waited_for_counts_from_when_it_was_granted(sidecar: BothLanes) -> None:
    """Who waits is silent, and that is no fault."""
    holder = sidecar.dial()
    holder.call("PN.FETCH", KEY)
    (follower,) = herd_of(sidecar, 1)
    for _ in range(2):
        sidecar.bench.clock.advance(9)
        assert holder.call("PING") == b"PONG"
    holder.close()
    lease = follower.read()[2]
    sidecar.bench.clock.advance(9)
    assert follower.call("PN.STORE", KEY, "in time", "LEASE", lease) == b"stored"


def test_a_holder_that_is_heard_from_keeps_its_lease_but_not_for_ever(sidecar: BothLanes) -> None:
    holder = sidecar.dial()
    lease = holder.call("PN.FETCH", KEY)[2]
    for _ in range(6):
        sidecar.bench.clock.advance(9)
        assert holder.call("PING") == b"PONG"
        sidecar.run(sidecar.bench.upkeep)
    assert sidecar.dial().call("PN.FETCH", KEY)[2] is None, "54 seconds later it is still held"
    sidecar.bench.clock.advance(6)
    assert holder.call("PN.STORE", KEY, "late", "LEASE", lease) == b"lease_lost"


def test_a_late_fill_is_refused_by_every_way(site: Site) -> None:
    lease = site.loader.fetch(KEY).lease
    site.bench.clock.advance(10)
    site.upkeep()
    assert site.loader.store(KEY, b"late", lease=lease) == "lease_lost"
    assert site.writer.get(KEY) is None


def test_a_lease_is_used_once_and_only_for_its_key(site: Site) -> None:
    lease = site.loader.fetch(KEY).lease
    assert site.loader.store(b"another", b"v", lease=lease) == "lease_lost"
    assert site.loader.store(KEY, b"v", lease=lease) == "stored"
    assert site.loader.store(KEY, b"w", lease=lease) == "lease_lost"
    assert site.writer.get(KEY) == b"v"


def test_a_made_up_lease_fills_nothing(site: Site) -> None:
    assert site.loader.store(KEY, b"v", lease="made-up") == "lease_lost"
    assert site.writer.get(KEY) is None


def test_one_that_gives_up_waiting_does_not_stop_the_load_for_the_others(sidecar: BothLanes) -> None:
    """T27: one gives up."""
    holder = sidecar.dial()
    lease = holder.call("PN.FETCH", KEY)[2]
    patient, impatient = herd_of(sidecar, 2)
    impatient.close()
    sidecar.until(lambda: waiting(sidecar) == 1)
    assert holder.call("PN.STORE", KEY, "loaded", "LEASE", lease) == b"stored"
    assert patient.read()[:2] == [b"hit", b"loaded"]


def test_when_all_have_given_up_nothing_is_left_behind(sidecar: BothLanes) -> None:
    """T27: all give up."""
    holder = sidecar.dial()
    holder.call("PN.FETCH", KEY)
    for connection in herd_of(sidecar, 3):
        connection.close()
    sidecar.until(lambda: waiting(sidecar) == 0)
    holder.close()
    sidecar.until(lambda: not len(sidecar.bench.engine.tenants["default"].flights))
    assert sidecar.dial().call("PN.FETCH", KEY)[0] == b"miss"


async def test_waiters_that_are_cancelled_while_the_lease_comes_back_lose_it_to_nobody() -> None:
    """T27: the one that would have taken over is gone in that very turn, so the next one takes over instead."""
    bench, holder = Bench(), Connection()
    view = bench.view()
    lease_of(view, holder=holder)
    first, second = wait_for(view), wait_for(view)
    await asyncio.sleep(0)
    bench.operations.give_back(holder)
    first.cancel()
    assert await second == Miss("lease-2")
    with pytest.raises(asyncio.CancelledError):
        await first


def test_a_load_that_failed_is_the_next_callers(site: Site) -> None:
    lease = site.loader.fetch(KEY).lease
    assert site.writer.fetch(KEY).lease is None
    assert lease is not None
    site.loader.release(KEY, lease)
    assert site.writer.fetch(KEY).lease not in {None, lease}
