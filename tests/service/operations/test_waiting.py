"""Callers that wait for somebody else's load, and all that may wake them. Each turn of the loop is taken by hand."""

import asyncio

import pytest

from fakes import Bench, Connection, ask, lease_of, wait_for, write
from pannierd.cache.outcomes import NONE_TYPE, Hit, Miss, Stale, StoreResult
from pannierd.config import Namespace
from pannierd.errors import Overloaded


async def test_a_caller_that_waits_gets_the_value_of_the_load() -> None:
    view = Bench().view()
    lease = lease_of(view)
    waiters = [wait_for(view) for _ in range(3)]
    await asyncio.sleep(0)
    view.store(b"key", write(lease=lease))
    assert await asyncio.gather(*waiters) == [Hit(view.space.entries[b"key"])] * 3


async def test_a_load_that_ends_before_the_waiter_begins_to_wait_still_answers_it() -> None:
    """Between the call and the first step of its coroutine lies a turn of the loop."""
    view = Bench().view()
    lease = lease_of(view)
    waiter = wait_for(view)
    view.store(b"key", write(lease=lease))
    assert await waiter == Hit(view.space.entries[b"key"])


async def test_a_lease_that_comes_back_before_the_waiter_begins_to_wait_is_its_own() -> None:
    view = Bench().view()
    lease = lease_of(view)
    waiter = wait_for(view)
    view.release(b"key", lease)
    assert await waiter == Miss("lease-2")


async def test_a_plain_write_answers_those_who_wait() -> None:
    view = Bench().view()
    lease_of(view)
    waiter = wait_for(view)
    await asyncio.sleep(0)
    view.store(b"key", write(b"the user's own word"))
    assert await waiter == Hit(view.space.entries[b"key"])


async def test_when_a_load_fails_one_of_those_who_wait_takes_over_and_the_others_go_on_waiting() -> None:
    view = Bench().view()
    lease = lease_of(view)
    waiters = [wait_for(view) for _ in range(3)]
    await asyncio.sleep(0)
    view.release(b"key", lease)
    done, waiting = await asyncio.wait(waiters, return_when=asyncio.FIRST_COMPLETED)
    assert [task.result() for task in done] == [Miss("lease-2")]
    view.store(b"key", write(lease="lease-2"))
    assert await asyncio.gather(*waiting) == [Hit(view.space.entries[b"key"])] * 2


async def test_a_wait_that_is_over_answers_with_neither_value_nor_lease() -> None:
    """Such a caller may run its function, and must not store."""
    bench = Bench()
    view = bench.view()
    lease_of(view)
    waiter = wait_for(view, wait_ms=1)
    await asyncio.sleep(0)
    bench.clock.advance(0.001)
    assert await waiter == Miss(None)


async def test_who_wants_no_lease_waits_for_the_value_and_never_takes_over() -> None:
    view = Bench().view()
    lease = lease_of(view)
    waiter = wait_for(view, want_lease=False)
    await asyncio.sleep(0)
    view.release(b"key", lease)
    assert await waiter == Miss(None)


async def test_nobody_waits_for_a_stale_value() -> None:
    bench = Bench()
    view = bench.view()
    view.store(b"key", write(ttl_ms=1_000))
    bench.clock.advance(1)
    lease_of(view)
    assert view.fetch(b"key", want_lease=True, wait_ms=1_000, holder=None) == Stale(view.space.entries[b"key"])


async def test_a_result_that_is_nothing_and_is_not_kept_still_answers_everybody_who_waits() -> None:
    """Otherwise each of them would ask the origin, one after the other, for what is not there."""
    view = Bench().view()
    lease = lease_of(view)
    waiters = [wait_for(view) for _ in range(5)]
    await asyncio.sleep(0)
    assert view.store(b"key", write(b"", content_type=NONE_TYPE, lease=lease)) is StoreResult.NOT_STORED
    outcomes = await asyncio.gather(*waiters)
    assert [outcome.entry.content_type for outcome in outcomes if isinstance(outcome, Hit)] == [NONE_TYPE] * 5
    assert [view.ttl_ms(outcome.entry) for outcome in outcomes if isinstance(outcome, Hit)] == [0] * 5
    assert ask(view) == Miss("lease-2")


async def test_a_refused_fill_answers_those_who_asked_before_the_invalidation_with_no_life_left() -> None:
    """A near-cache must not keep what the invalidation, which it has already heard of, was about."""
    view = Bench().view()
    lease = lease_of(view)
    early = wait_for(view)
    await asyncio.sleep(0)
    view.invalidate(tags=["red"])
    late = wait_for(view)
    await asyncio.sleep(0)
    assert view.store(b"key", write(b"old", tags=("red",), lease=lease)) is StoreResult.LEASE_LOST
    answered = await early
    assert isinstance(answered, Hit)
    assert (answered.entry.value, view.ttl_ms(answered.entry)) == (b"old", 0)
    assert await late == Miss("lease-2")


async def test_what_dies_between_the_fill_and_the_waiters_turn_is_not_served() -> None:
    view = Bench().view()
    lease = lease_of(view)
    waiter = wait_for(view)
    await asyncio.sleep(0)
    view.store(b"key", write(lease=lease))
    view.delete(b"key")
    assert await waiter == Miss("lease-2")


async def test_a_closed_connection_gives_its_load_to_who_waits() -> None:
    bench, holder = Bench(), Connection()
    view = bench.view()
    lease_of(view, holder=holder)
    waiter = wait_for(view)
    await asyncio.sleep(0)
    bench.operations.give_back(holder)
    assert await waiter == Miss("lease-2")


async def test_one_waiting_call_too_many_of_a_tenant_is_refused_and_no_others_is() -> None:
    bench = Bench(tenants=("shop", "office"), max_waiting_calls=1)
    shop, office = bench.view(tenant="shop"), bench.view(tenant="office")
    lease_of(shop)
    lease_of(office)
    first, second = wait_for(shop), wait_for(shop)
    assert bench.operations.waiting == 0, "neither has taken its first step"
    with pytest.raises(Overloaded):
        await asyncio.wait_for(second, 5)
    with pytest.raises(Overloaded):
        shop.fetch(b"key", want_lease=True, wait_ms=1_000, holder=None)
    assert ask(shop) == Miss(None), "who does not wait is answered"
    other = wait_for(office)
    await asyncio.sleep(0)
    assert bench.operations.waiting == 2
    for view, waiter in ((shop, first), (office, other)):
        view.store(b"key", write())
        assert isinstance(await waiter, Hit)
    assert bench.operations.waiting == 0


async def test_no_call_waits_longer_than_calls_may_last() -> None:
    bench = Bench()
    view = bench.view()
    lease_of(view)
    waiter = wait_for(view, want_lease=False, wait_ms=10**9)
    bench.clock.advance(60)
    async with asyncio.timeout(5):
        assert await waiter == Miss(None)


async def test_who_names_no_time_waits_as_long_as_the_namespace_says() -> None:
    bench = Bench(namespaces={"patient": Namespace(wait_ms=1_000)})
    for name, waits in (("patient", True), ("default", False)):
        view = bench.view(name)
        lease = lease_of(view)
        outcome = view.fetch(b"key", want_lease=True, wait_ms=None, holder=None)
        assert isinstance(outcome, Miss) is not waits
        if not isinstance(outcome, (Hit, Stale, Miss)):
            view.store(b"key", write(lease=lease))
            assert isinstance(await outcome, Hit)
