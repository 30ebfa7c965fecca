"""How long operations take: counted each, by what came of them, whichever lane asks."""

import pytest

from fakes import Bench, ask, lease_of, wait_for, write


def counted(bench: Bench) -> dict[tuple[str, str], float]:
    """How many of each operation and tier."""
    return {
        (sample.labels["operation"], sample.labels["tier"]): sample.value
        for family in bench.metrics.registry.collect()
        for sample in family.samples
        if sample.name == "pannier_cache_request_duration_seconds_count" and sample.value
    }


def test_every_operation_is_counted_by_what_came_of_it() -> None:
    bench = Bench()
    view = bench.view()
    view.get(b"key")
    ask(view)
    for _ in range(3):
        view.store(b"key", write())
    view.get(b"key")
    view.get(b"key")
    ask(view)
    view.delete(b"key")
    view.invalidate(tags=["red"])
    assert counted(bench) == {
        ("get", "none"): 1,
        ("fetch", "none"): 1,
        ("store", "memory"): 3,
        ("get", "memory"): 2,
        ("fetch", "memory"): 1,
        ("delete", "memory"): 1,
        ("invalidate", "memory"): 1,
    }


async def test_a_wait_lasts_until_its_end() -> None:
    bench = Bench()
    view = bench.view()
    lease = lease_of(view)
    waiter = wait_for(view)
    bench.clock.advance(3)
    view.store(b"key", write(lease=lease))
    await waiter
    labels = {"operation": "fetch", "tier": "memory"}
    seconds = bench.metrics.registry.get_sample_value("pannier_cache_request_duration_seconds_sum", labels)
    assert seconds == pytest.approx(3)
