import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import Bench, write
from pannierd.cache.scans import MOST_SCANS, REST_SECONDS, Scans
from pannierd.errors import BadRequest
from pannierd.operations.view import View

NAMES = st.sets(st.binary(min_size=1, max_size=3), max_size=30)


def full_view(keys: set[bytes]) -> View:
    view = Bench().view()
    for key in keys:
        view.store(key, write())
    return view


def test_an_empty_namespace_is_scanned_in_one_step() -> None:
    assert Bench().view().scan(0, None, 10) == (0, [])


@given(NAMES, NAMES, NAMES, st.integers(-1, 7))
def test_what_is_there_from_first_to_last_is_returned_and_nothing_twice(
    stay: set[bytes], leave: set[bytes], come: set[bytes], count: int
) -> None:
    """Whatever else comes and goes between the pages."""
    view = full_view(stay | leave)
    cursor, found = view.scan(0, None, count)
    leaving, coming = list(leave - stay), list(come)
    while cursor:
        if leaving:
            view.delete(leaving.pop())
        if coming:
            view.store(coming.pop(), write())
        cursor, page = view.scan(cursor, None, count)
        found += page
    assert stay <= set(found) <= stay | leave | come
    assert len(found) == len(set(found))


def test_only_matching_and_fresh_keys_are_returned() -> None:
    bench = Bench()
    view = bench.view()
    for key in (b"user:1", b"user:2", b"cart:1"):
        view.store(key, write(ttl_ms=1_000 if key == b"user:2" else 9_000))
    bench.clock.advance(1)
    assert view.scan(0, b"user:*", 100) == (0, [b"user:1"])


def test_a_page_looks_at_no_more_keys_than_it_was_asked_for() -> None:
    """So that a scan for something rare never holds the loop."""
    view = full_view({b"%d" % number for number in range(10)})
    cursor, found = view.scan(0, b"none of them", 4)
    assert cursor
    assert found == []


def test_a_cursor_belongs_to_its_namespace_and_is_used_once() -> None:
    bench = Bench()
    view, other = bench.view(), bench.view("elsewhere")
    for key in (b"a", b"b", b"c"):
        view.store(key, write())
    cursor, _ = view.scan(0, None, 1)
    with pytest.raises(BadRequest):
        other.scan(cursor, None, 1)
    view.scan(cursor, None, 1)
    with pytest.raises(BadRequest):
        view.scan(cursor, None, 1)


def test_one_scan_too_many_drops_the_one_that_rested_longest() -> None:
    view = full_view({b"a", b"b", b"c"})
    cursors = [view.scan(0, None, 1)[0] for _ in range(MOST_SCANS)]
    cursors[0], _ = view.scan(cursors[0], None, 1)
    view.scan(0, None, 1)
    with pytest.raises(BadRequest):
        view.scan(cursors[1], None, 1)
    assert view.scan(cursors[0], None, 1)[0] == 0


def test_a_scan_that_nobody_goes_on_with_holds_its_keys_for_a_while_and_not_for_ever() -> None:
    bench = Bench()
    view, scans = bench.view(), bench.engine.tenants["default"].scans
    for key in (b"a", b"b", b"c"):
        view.store(key, write())
    cursor, _ = view.scan(0, None, 1)
    bench.clock.advance(REST_SECONDS - 1)
    bench.upkeep()
    assert repr(scans) == "<Scans 1 open, 2 keys>"
    cursor, _ = view.scan(cursor, None, 1)
    bench.clock.advance(REST_SECONDS)
    bench.upkeep()
    assert repr(scans) == "<Scans 0 open, 0 keys>"
    with pytest.raises(BadRequest):
        view.scan(cursor, None, 1)


def test_open_scans_hold_a_bounded_number_of_keys_together_but_one_may_hold_more() -> None:
    space, scans = full_view({b"%d" % number for number in range(10)}).space, Scans(most_keys=12)
    first, _ = scans.step(space, 0, None, 4, 0.0)
    second, _ = scans.step(space, 0, None, 4, 0.0)
    assert repr(scans) == "<Scans 2 open, 12 keys>"
    scans.step(space, 0, None, 9, 0.0)
    assert repr(scans) == "<Scans 2 open, 7 keys>"
    with pytest.raises(BadRequest):
        scans.step(space, first, None, 1, 0.0)
    assert len(scans.step(space, second, None, 100, 0.0)[1]) == 6
    alone = Scans(most_keys=1)
    assert alone.step(space, 0, None, 1, 0.0)[0]
    assert repr(alone) == "<Scans 1 open, 9 keys>"
