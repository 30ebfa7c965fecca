"""The background work: bounded, owned, and enough to leave nothing behind."""

import asyncio

from fakes import Bench, Connection, lease_of, wait_for, write
from pannierd.cache.engine import UPKEEP_ENTRIES


def test_what_expired_leaves_without_being_met() -> None:
    bench = Bench()
    for number in range(100):
        bench.view().store(b"%d" % number, write(ttl_ms=1_000, stale_ms=number * 100))
    bench.clock.advance(7)
    bench.upkeep()
    assert 38 <= len(bench.space().entries) <= 50, "what ended within the last second may still be there"
    bench.clock.advance(7)
    bench.upkeep()
    assert bench.engine.memory_bytes == 0


def test_a_step_of_background_work_is_bounded() -> None:
    bench = Bench()
    for number in range(UPKEEP_ENTRIES + 1):
        bench.view().store(b"%d" % number, write(ttl_ms=1_000, stale_ms=0))
    bench.clock.advance(3)
    assert bench.engine.upkeep()
    assert len(bench.space().entries) == 1
    assert not bench.engine.upkeep()
    assert len(bench.space().entries) == 0


def test_an_emptied_namespace_is_out_of_reach_at_once_and_out_of_memory_soon() -> None:
    bench = Bench()
    for number in range(10):
        bench.view().store(b"%d" % number, write())
    bench.view().invalidate(everything=True)
    bench.view().store(b"0", write(b"new"))
    assert bench.view().keys() == [b"0"]
    bench.upkeep()
    assert bench.engine.memory_bytes == bench.space().entries[b"0"].cost


def test_what_was_emptied_and_then_evicted_is_counted_once() -> None:
    bench = Bench(max_bytes=10_000)
    for number in range(10):
        bench.view().store(b"%d" % number, write())
    bench.view().invalidate(everything=True)
    for number in range(10):
        bench.view().store(b"new-%d" % number, write())
    bench.upkeep()
    assert bench.engine.tenants["default"].counts.evictions == {"invalidated": 10}


async def test_a_silent_holder_loses_its_lease_though_nobody_asks() -> None:
    bench, holder = Bench(), Connection()
    view = bench.view()
    lost = lease_of(view, holder=holder)
    waiter = wait_for(view)
    await asyncio.sleep(0)
    bench.clock.advance(10)
    bench.upkeep()
    assert (await waiter).lease not in {None, lost}


def test_tenants_share_nothing() -> None:
    bench = Bench(max_bytes=10_000, tenants=("one", "two"))
    one, two = bench.view(tenant="one"), bench.view(tenant="two")
    two.store(b"key", write(b"two's", tags=("red",)))
    one.store(b"key", write(b"one's", tags=("red",)))
    one.invalidate(tags=["red"], patterns=[b"*"], everything=True)
    for number in range(50):
        one.store(b"%d" % number, write(bytes(1_000)))
    kept = two.get(b"key")
    assert kept is not None
    assert kept.value == b"two's"
    assert one.get(b"key") is None


async def test_the_background_work_has_an_owner_that_ends_it() -> None:
    bench = Bench()
    bench.view().store(b"key", write(ttl_ms=1_000, stale_ms=0))
    bench.clock.advance(3)
    bench.engine.start()
    bench.engine.start()
    assert len([task for task in asyncio.all_tasks() if task.get_name() == "cache upkeep"]) == 1
    await asyncio.sleep(0)
    assert len(bench.space().entries) == 0
    await bench.engine.close()
    await bench.engine.close()
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "cache upkeep"]
