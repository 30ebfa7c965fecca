"""What an entry is said to cost is what it costs: a share of memory is a promise to whoever pays for the machine."""

import gc
import tracemalloc

import pytest

from fakes import Bench, write
from pannierd.cache.deaths import Deaths
from pannierd.cache.entry import weight

ENTRIES = 20_000


@pytest.mark.parametrize(
    ("size", "tags", "letters"), [(10, 0, 0), (10, 5, 0), (10, 0, 200), (100, 1, 20), (1_000, 0, 0), (10_000, 5, 0)]
)
def test_an_entry_costs_what_it_is_said_to_cost(size: int, tags: int, letters: int) -> None:
    """Within 15 %, in the steady state: the share is full, and so is the ghost queue."""
    cost = weight(bytes(20), bytes(size), labels(0, tags), media_type(0, letters))
    bench = Bench(max_bytes=cost * ENTRIES)
    view = bench.view()
    tracemalloc.start()
    try:
        for number in range(2 * ENTRIES):
            lives = {"ttl_ms": 300_000 + number % 15_000, "stale_ms": 600_000}
            texts = {"tags": labels(number, tags), "content_type": media_type(number, letters)}
            view.store(b"%020d" % number, write(bytes(size), **texts, **lives))
        bench.engine.tenants["default"].deaths = Deaths()  # a bounded memory of the dead, no cost of the living
        gc.collect()
        truth, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert view.size() == ENTRIES
    assert bench.engine.memory_bytes == pytest.approx(truth, rel=0.15)


def labels(number: int, count: int) -> tuple[str, ...]:
    return tuple(f"tag-{number * 7 + at:06}" for at in range(count))


def media_type(number: int, letters: int) -> str:
    """Another one for each entry, as a caller may send it."""
    return f"{number:0{letters}}" if letters else ""
