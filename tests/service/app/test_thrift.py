"""Memory goes back when a crowd has gone, and nobody pays for it otherwise."""

from pannierd.app.thrift import Thrift, trim_heap


def trims(*connections: int) -> list[int]:
    """After which looks, counted from 0, the heap was trimmed."""
    numbers, trimmed = iter(connections), list[int]()
    looks = 0
    thrift = Thrift(lambda: next(numbers), lambda: trimmed.append(looks))
    while looks < len(connections):
        thrift.look()
        looks += 1
    return trimmed


def test_a_crowd_that_goes_is_followed_by_one_trim() -> None:
    assert trims(0, 10_000, 9_990, 3, 3, 3) == [3]


def test_one_that_goes_slowly_is_followed_by_few() -> None:
    assert trims(2_000, 1_600, 1_400, 1_200, 900, 0) == [2, 4, 5]


def test_the_coming_and_going_of_a_few_is_not() -> None:
    assert trims(*[0, 400] * 10) == []


def test_the_heap_can_be_trimmed_at_any_time() -> None:
    trim_heap()


async def test_it_may_end_twice_and_before_it_began() -> None:
    thrift = Thrift(lambda: 7, trim_heap)
    thrift.close()
    thrift.start()
    thrift.close()
    thrift.close()
    thrift.look()
    assert repr(thrift) == "<Thrift 7 connections at most>"
