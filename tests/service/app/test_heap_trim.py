"""Memory goes back when a crowd has gone, and nobody waits for it or pays for it otherwise."""

import threading

from pannierd.app.heap_trim import HeapTrim, trim_heap
from pannierd.app.life import resident_bytes

BLOCK_BYTES = 65_536
"""Short enough for the heap: the C library gives a longer one back by itself."""

BLOCKS = 1_600

PATIENCE_S = 10.0
"""Longer than anything here takes."""


async def trims(*connections: int) -> list[int]:
    """After which looks, counted from 0, the heap was trimmed."""
    numbers, trimmed = iter(connections), list[int]()
    heap_trim = HeapTrim(lambda: next(numbers), lambda: None)
    for look in range(len(connections)):
        trimming = heap_trim.look()
        if trimming is not None:
            trimmed.append(look)
            await trimming
    return trimmed


async def test_a_crowd_that_goes_is_followed_by_one_trim() -> None:
    assert await trims(0, 10_000, 9_990, 3, 3, 3) == [3]


async def test_one_that_goes_slowly_is_followed_by_few() -> None:
    assert await trims(2_000, 1_600, 1_400, 1_200, 900, 0) == [2, 4, 5]


async def test_the_coming_and_going_of_a_few_is_not() -> None:
    assert await trims(*[0, 400] * 10) == []


async def test_the_loop_turns_while_the_heap_is_trimmed_and_one_trim_waits_for_the_other() -> None:
    crowds = iter((1_000, 0, 1_000, 0, 0))
    gate, threads = threading.Event(), list[threading.Thread]()

    def trim() -> None:
        threads.append(threading.current_thread())
        gate.wait(PATIENCE_S)

    heap_trim = HeapTrim(lambda: next(crowds), trim)
    assert heap_trim.look() is None
    first = heap_trim.look()
    assert first is not None
    assert [heap_trim.look(), heap_trim.look()] == [None, None]

    gate.set()
    await first
    second = heap_trim.look()
    assert second is not None, "the crowd that went meanwhile is not forgotten"
    await second
    assert len(threads) == 2
    assert threading.current_thread() not in threads


def test_what_was_freed_goes_back_to_the_system() -> None:
    blocks = [bytearray(BLOCK_BYTES) for _ in range(BLOCKS)]
    del blocks[:-1]  # the last lies behind them, or the heap's end would go back by itself
    before = resident_bytes()
    trim_heap()
    assert before - resident_bytes() > BLOCKS * BLOCK_BYTES / 2


async def test_it_may_end_twice_and_before_it_began() -> None:
    heap_trim = HeapTrim(lambda: 7, trim_heap)
    heap_trim.close()
    heap_trim.start()
    heap_trim.close()
    heap_trim.close()
    assert heap_trim.look() is None
    assert repr(heap_trim) == "<HeapTrim 7 connections at most>"
