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


class Broken(Connection):
    """A reader that cannot be told anything."""

    def push_invalidate(self, keys: list[bytes] | None) -> None:
        raise RuntimeError(f"a fault of ours: {keys}")


def test_background_work_that_fails_is_said_once_and_goes_on_and_stops_no_other_tenants() -> None:
    bench, degraded = Bench(tenants=("unlucky", "lucky")), []
    for tenant in ("unlucky", "lucky"):
        for seconds in (1, 4, 7):
            view, key = bench.view(tenant=tenant), b"%d" % seconds
            view.store(key, write(ttl_ms=seconds * 1_000, stale_ms=0))
            if tenant == "unlucky" and seconds < 7:
                view.watch(Broken(), key)
    for _ in range(3):
        bench.clock.advance(3)
        bench.engine.upkeep()
        degraded.append(set(bench.metrics.degraded))
    assert degraded == [{"cache_upkeep"}, {"cache_upkeep"}, set()]
    assert [(line["log_level"], line["tenant"]) for line in bench.log.entries] == [("error", "unlucky")]
    assert [len(bench.space(tenant=tenant).entries) for tenant in ("unlucky", "lucky")] == [0, 0]


def test_a_namespace_that_holds_nothing_and_binds_nobody_can_go() -> None:
    bench = Bench()
    tenant = bench.engine.tenants["default"]
    for name in ("empty", "bound", "loading", "expired", "full"):
        bench.view(name)
    lease_of(bench.view("loading"))
    bench.view("expired").store(b"key", write(ttl_ms=1_000, stale_ms=0))
    bench.view("full").store(b"key", write())
    bench.view("empty").invalidate(patterns=[b"*"])
    bench.clock.advance(1)
    freed = tenant.free_idle({tenant.spaces["bound"]})
    assert [space.name for space in freed] == ["empty"]
    assert list(tenant.spaces) == ["bound", "loading", "expired", "full"]
    bench.upkeep()
    bench.clock.advance(2)
    bench.upkeep()
    assert [space.name for space in tenant.free_idle(())] == ["bound", "expired"]


def test_a_namespace_that_went_and_came_again_tells_its_readers_and_its_metrics_go_on() -> None:
    bench, reader = Bench(), Connection()
    tenant = bench.engine.tenants["default"]
    space = tenant.space("elsewhere")
    tenant.tracking.watch(reader, "elsewhere", b"key")
    space.get(b"key", bench.clock())
    assert tenant.free_idle(()) == [space]
    again = tenant.space("elsewhere")
    assert again is not space
    again.store(b"key", write(), bench.clock(), None)
    assert reader.pushed == [[b"key"]]
    again.get(b"key", bench.clock())
    assert (tenant.answers["other"].hits, tenant.answers["other"].misses) == (1, 1)


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
