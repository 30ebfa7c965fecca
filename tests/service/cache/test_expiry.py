import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import Bench
from pannierd.cache.entry import Entry
from pannierd.cache.expiry import Expiry


def entry(fresh_until: float, stale_until: float) -> Entry:
    return Entry(Bench().space(), b"key", fresh_until=fresh_until, stale_until=stale_until)


def test_an_entry_is_due_at_the_end_of_its_fresh_life_and_again_at_the_end_of_its_stale_life() -> None:
    expiry, one = Expiry(0), entry(fresh_until=3.5, stale_until=7.5)
    expiry.place(one, now=0)
    assert expiry.due(3.9, most=10) == []
    assert expiry.due(4.0, most=10) == [one]
    expiry.place(one, now=4.0)
    assert expiry.due(7.9, most=10) == []
    assert expiry.due(8.0, most=10) == [one]
    assert repr(expiry) == "<Expiry 0 seconds>"


def test_an_end_that_moved_away_costs_nothing_and_one_that_came_nearer_is_kept() -> None:
    expiry, later, sooner = Expiry(0), entry(5.5, 5.5), entry(50.5, 50.5)
    expiry.place(later, now=0)
    later.fresh_until = later.stale_until = 90.5
    expiry.place(later, now=0)
    assert later.second == 6, "it is looked at where it stood, and then placed anew"
    expiry.place(sooner, now=0)
    sooner.fresh_until = sooner.stale_until = 2.5
    expiry.place(sooner, now=0)
    assert expiry.due(3.0, most=10) == [sooner]


def test_what_left_for_another_reason_is_never_due() -> None:
    expiry, one = Expiry(0), entry(1.0, 1.0)
    expiry.place(one, now=0)
    expiry.remove(one)
    expiry.remove(one)
    assert expiry.due(60.0, most=10) == []


def test_a_step_is_bounded_even_when_everything_lives_on() -> None:
    expiry = Expiry(0)
    entries = [entry(1.0, 100.0) for _ in range(25)]
    for one in entries:
        expiry.place(one, now=0)
    found = [expiry.due(60.0, most=10) for _ in range(4)]
    assert [len(some) for some in found] == [10, 10, 5, 0]
    assert {one for some in found for one in some} == set(entries)


@given(st.lists(st.tuples(st.floats(0.01, 50), st.floats(0, 50)), max_size=30), st.floats(0, 120))
def test_whatever_ended_a_second_ago_is_due_and_nothing_that_lives_is(
    lives: list[tuple[float, float]], now: float
) -> None:
    expiry = Expiry(0)
    entries = [entry(fresh, fresh + stale) for fresh, stale in lives]
    for one in entries:
        expiry.place(one, now=0)
    due = expiry.due(now, most=1_000)
    assert all(one in due for one in entries if one.fresh_until + 1 <= now)
    assert all(one.fresh_until <= now for one in due)


@pytest.mark.parametrize("start", [0.0, 0.99, 1e6])
def test_an_entry_that_is_over_when_it_is_placed_is_due_within_two_seconds(start: float) -> None:
    expiry, one = Expiry(start), entry(0.0, 0.0)
    expiry.place(one, now=start)
    assert expiry.due(start + 2, most=10) == [one]
