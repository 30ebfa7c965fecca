from prometheus_client import CollectorRegistry, generate_latest

from fakes import Bench, write
from pannierd.cache.collector import CacheCollector
from pannierd.config import Namespace


def page(bench: Bench) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(CacheCollector(bench.engine))
    lines = generate_latest(registry).decode().splitlines()
    return {sample: float(value) for sample, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


def test_reads_are_counted_once_at_the_tier_that_answered() -> None:
    bench = Bench(namespaces={"users": Namespace()})
    users, other = bench.view("users"), bench.view("anybodys")
    users.store(b"key", write(ttl_ms=1_000))
    users.get(b"key")
    users.get(b"nothing")
    users.fetch(b"key", want_lease=True, wait_ms=0, holder=None)
    bench.clock.advance(1)
    users.get(b"key")
    users.fetch(b"key", want_lease=True, wait_ms=0, holder=None)
    other.get(b"nothing")
    told = page(bench)
    requests = "pannier_cache_requests_total"
    assert told[f'{requests}{{namespace="users",outcome="hit",tier="memory"}}'] == 2
    assert told[f'{requests}{{namespace="users",outcome="stale",tier="memory"}}'] == 1
    assert told[f'{requests}{{namespace="users",outcome="miss",tier="none"}}'] == 2
    assert told[f'{requests}{{namespace="other",outcome="miss",tier="none"}}'] == 1


def test_questions_about_a_value_are_no_reads() -> None:
    bench = Bench()
    bench.view().store(b"key", write())
    for key in (b"key", b"nothing"):
        bench.view().peek(key)
        bench.view().explain(key)
    told = page(bench)
    assert told['pannier_cache_requests_total{namespace="default",outcome="hit",tier="memory"}'] == 0
    assert told['pannier_cache_requests_total{namespace="default",outcome="miss",tier="none"}'] == 0


def test_entries_bytes_and_leases_are_gauges() -> None:
    bench = Bench(tenants=("one", "two"))
    for tenant in ("one", "two"):
        bench.view(tenant=tenant).store(b"key", write(b"abc"))
    bench.view(tenant="one").fetch(b"other", want_lease=True, wait_ms=0, holder=None)
    told = page(bench)
    assert told["pannier_cache_entries"] == 2
    assert told["pannier_cache_leases"] == 1
    assert told["pannier_cache_memory_bytes"] == sum(
        bench.space(tenant=tenant).entries[b"key"].cost for tenant in ("one", "two")
    )


def test_what_leaves_is_counted_by_its_reason() -> None:
    bench = Bench(max_bytes=10_000)
    view = bench.view()
    view.store(b"expires", write(ttl_ms=1_000, stale_ms=0))
    view.store(b"deleted", write())
    view.delete(b"deleted")
    bench.clock.advance(3)
    bench.upkeep()
    for number in range(20):
        view.store(b"%d" % number, write())
    evicted = 20 - view.size()
    view.invalidate(everything=True)
    bench.upkeep()
    told = page(bench)
    assert told['pannier_cache_evictions_total{reason="expired"}'] == 1
    assert told['pannier_cache_evictions_total{reason="capacity"}'] == evicted > 0
    assert told['pannier_cache_evictions_total{reason="invalidated"}'] == 21 - evicted


def test_refused_fills_are_counted_by_their_reason() -> None:
    bench = Bench()
    view = bench.view()
    for spoil in (lambda: view.delete(b"key"), lambda: view.store(b"key", write()), lambda: bench.clock.advance(10)):
        view.delete(b"key")
        lease = view.space.loads.lease(b"key", bench.clock(), None)
        spoil()
        view.store(b"key", write(lease=lease))
    view.store(b"key", write(lease="never granted"))
    told = page(bench)
    reasons = ("invalidated", "overwritten", "lease_expired", "lease_unknown")
    assert [told[f'pannier_cache_fills_rejected_total{{reason="{reason}"}}'] for reason in reasons] == [1] * 4


def test_invalidations_are_counted_by_kind() -> None:
    bench = Bench()
    bench.view().invalidate(keys=[b"a", b"b"], tags=["x"], patterns=[b"*"], everything=True)
    told = page(bench)
    kinds = {"key": 2, "tag": 1, "pattern": 1, "namespace": 1}
    for kind, count in kinds.items():
        assert told[f'pannier_cache_invalidations_total{{kind="{kind}"}}'] == count
