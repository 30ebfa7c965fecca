"""S3-FIFO by bytes: its rules one by one, its accounting under any sequence, its hit ratio beside the authors' code."""

from __future__ import annotations

from itertools import accumulate
from random import Random
from typing import TYPE_CHECKING

import libcachesim  # type: ignore[import-untyped]  # it ships no types
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import Bench
from pannierd.cache.entry import Entry
from pannierd.cache.memory import MAIN, OUT, SMALL, Memory

if TYPE_CHECKING:
    from pannierd.cache.space import Space


class Shelf:
    """A memory of 100 bytes (small queue 10) with entries of a chosen cost."""

    def __init__(self, max_bytes: int = 100) -> None:
        self.evicted: list[bytes] = []
        self.memory = Memory(max_bytes, lambda entry: self.evicted.append(entry.key))
        self.entries: dict[bytes, Entry] = {}
        self._space: Space = Bench().space()

    def add(self, name: str, cost: int = 1) -> Entry:
        entry = self.entries[name.encode()] = Entry(self._space, name.encode(), cost=cost)
        self.memory.add(entry)
        return entry

    def fill(self, count: int = 100) -> None:
        """One-byte entries: ten in the small queue, the rest overflowed into the main queue."""
        for number in range(count):
            self.add(f"old-{number}")


def test_the_first_entries_fill_the_small_queue_and_overflow_into_the_main_queue() -> None:
    shelf = Shelf()
    shelf.fill()
    queues = [entry.queue for entry in shelf.entries.values()]
    assert queues == [SMALL] * 10 + [MAIN] * 90
    assert shelf.evicted == []


def test_what_was_never_used_again_leaves_the_small_queue_first() -> None:
    shelf = Shelf()
    shelf.fill()
    new = shelf.add("new")
    assert shelf.evicted == [b"old-0"]
    assert new.queue == SMALL


def test_one_use_is_not_enough_to_leave_the_small_queue_for_the_main_queue_and_two_are() -> None:
    shelf = Shelf()
    shelf.fill()
    shelf.entries[b"old-0"].uses = 1
    shelf.entries[b"old-1"].uses = 2
    shelf.add("new-1")
    shelf.add("new-2")
    assert shelf.evicted == [b"old-0", b"old-2"]
    assert shelf.entries[b"old-1"].queue == MAIN
    assert shelf.entries[b"old-1"].uses == 0, "its uses in the small queue are spent"


def test_what_left_the_small_queue_is_remembered_and_comes_back_into_the_main_queue() -> None:
    shelf = Shelf()
    shelf.fill()
    shelf.add("new")
    assert shelf.add("old-0").queue == MAIN
    assert shelf.add("never seen").queue == SMALL


def test_a_ghost_serves_once() -> None:
    shelf = Shelf()
    shelf.fill()
    shelf.add("new")
    shelf.memory.remove(shelf.add("old-0"))
    assert shelf.add("old-0").queue == SMALL


def test_ghosts_are_bounded_by_the_bytes_they_had() -> None:
    shelf = Shelf()
    shelf.fill()
    for number in range(1_000):
        shelf.add(f"new-{number}")
    assert "90 ghosts" in repr(shelf.memory)


def test_the_main_queue_gives_a_used_entry_one_more_round_for_each_use() -> None:
    shelf = Shelf()
    shelf.fill()
    for number in range(10):
        shelf.entries[b"old-%d" % number].uses = 2  # the small queue will be promoted, so that the main one is over
    shelf.entries[b"old-10"].uses = 2
    shelf.entries[b"old-11"].uses = 1
    shelf.add("new-1")
    assert shelf.evicted == [b"old-12"]
    assert [shelf.entries[name].uses for name in (b"old-10", b"old-11")] == [1, 0]


def test_an_entry_as_large_as_the_small_queue_starts_in_the_main_queue() -> None:
    shelf = Shelf()
    assert [shelf.add("nine", 9).queue, shelf.add("ten", 10).queue] == [SMALL, MAIN]


def test_a_large_entry_evicts_as_many_as_it_needs() -> None:
    shelf = Shelf()
    shelf.fill()
    shelf.add("large", 50)
    assert len(shelf.evicted) == 50
    assert shelf.memory.bytes == 100


def test_an_entry_that_grows_in_place_may_evict_even_itself() -> None:
    shelf = Shelf()
    first = shelf.add("first", 5)
    shelf.add("second", 60)
    shelf.memory.change_cost(first, 45)
    assert shelf.evicted == [b"first"]
    assert first.queue == OUT
    assert shelf.memory.bytes == 60


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdefghij"), st.sampled_from(["add", "use", "grow", "remove"]), st.integers(1, 60))
    )
)
def test_the_bytes_are_those_of_the_entries_that_are_kept(steps: list[tuple[str, str, int]]) -> None:
    shelf = Shelf()
    for name, step, cost in steps:
        entry = shelf.entries.get(name.encode())
        if entry is None or entry.queue == OUT:
            shelf.add(name, cost)
        elif step == "use":
            entry.uses = min(entry.uses + 1, 3)
        elif step == "grow":
            shelf.memory.change_cost(entry, cost)
        elif step == "remove":
            shelf.memory.remove(entry)
        kept = [entry for entry in shelf.entries.values() if entry.queue != OUT]
        assert shelf.memory.bytes == sum(entry.cost for entry in kept) <= 100


@pytest.mark.parametrize("objects", [100, 500, 2_000])
@pytest.mark.parametrize("skew", [0.7, 1.0])
def test_the_hit_ratio_is_that_of_the_authors_own_code(objects: int, skew: float) -> None:
    """Within 0.3 points of libcachesim's S3FIFO, over a trace of 100,000 reads of 20,000 keys."""
    trace = zipf(keys=20_000, reads=100_000, skew=skew)
    assert hit_ratio(trace, objects) == pytest.approx(reference_hit_ratio(trace, objects), abs=0.003)


def zipf(keys: int, reads: int, skew: float) -> list[int]:
    weights = list(accumulate(rank**-skew for rank in range(1, keys + 1)))
    return Random(7).choices(range(keys), cum_weights=weights, k=reads)


def hit_ratio(trace: list[int], objects: int) -> float:
    space = Bench().space()
    kept: dict[int, Entry] = {}
    memory = Memory(objects, lambda entry: kept.__delitem__(int(entry.key)))
    hits = 0
    for number in trace:
        entry = kept.get(number)
        if entry is not None:
            hits += 1
            entry.uses = min(entry.uses + 1, 3)
            continue
        entry = kept[number] = Entry(space, b"%d" % number, cost=1)
        memory.add(entry)
    return hits / len(trace)


def reference_hit_ratio(trace: list[int], objects: int) -> float:
    cache = libcachesim.S3FIFO(objects)
    request = libcachesim.Request()
    request.obj_size = 1
    hits = 0
    for number in trace:
        request.obj_id = number + 1
        hits += cache.get(request)
    return hits / len(trace)
