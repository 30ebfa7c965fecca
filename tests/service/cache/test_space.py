"""One namespace: what reads see, what writes change, and who is told."""

from typing import Any

import pytest

from fakes import Bench, Connection, write
from pannierd.cache.outcomes import NONE_TYPE, Condition, Hit, Miss, Outcome, Stale, StoreResult
from pannierd.config import Namespace
from pannierd.errors import TooLarge


def fetch(bench: Bench, key: bytes = b"key", *, want_lease: bool = True) -> Outcome:
    return bench.space().fetch(key, bench.clock(), None, want_lease=want_lease)


def store(bench: Bench, key: bytes = b"key", value: bytes = b"value", **how: Any) -> StoreResult:
    return bench.space().store(key, write(value, **how), bench.clock(), None)


def test_a_value_is_a_hit_while_fresh_then_stale_for_one_who_asks_for_stale_then_gone() -> None:
    bench = Bench()
    store(bench, ttl_ms=1_000, stale_ms=500)
    seen = []
    for _ in range(4):
        plain = bench.space().get(b"key", bench.clock())
        seen.append((plain is not None, type(fetch(bench, want_lease=False))))
        bench.clock.advance(0.5)
    assert seen == [(True, Hit), (True, Hit), (False, Stale), (False, Miss)]
    assert bench.space().entries == {}


def test_one_caller_may_refresh_a_stale_value_and_the_others_are_served_it() -> None:
    bench = Bench()
    store(bench, ttl_ms=1_000)
    bench.clock.advance(1)
    first, second = fetch(bench), fetch(bench)
    assert isinstance(first, Stale)
    assert isinstance(second, Stale)
    assert first.lease is not None
    assert second.lease is None
    assert store(bench, value=b"new", lease=first.lease) is StoreResult.STORED
    assert fetch(bench) == Hit(bench.space().entries[b"key"])


def test_one_caller_may_refresh_a_dear_value_ahead_of_its_end() -> None:
    bench = Bench()
    miss = fetch(bench)
    assert isinstance(miss, Miss)
    bench.clock.advance(2)
    store(bench, lease=miss.lease, ttl_ms=10_000)
    bench.clock.advance(9)
    assert fetch(bench) == Hit(bench.space().entries[b"key"]), "an unlucky draw"
    bench.draw.value = 0.9
    early, other = fetch(bench), fetch(bench)
    assert isinstance(early, Hit)
    assert early.lease is not None
    assert other == Hit(bench.space().entries[b"key"])


def test_a_namespace_may_do_without_refresh_ahead() -> None:
    bench = Bench(namespaces={"default": Namespace(refresh_ahead=False)})
    miss = fetch(bench)
    assert isinstance(miss, Miss)
    bench.clock.advance(2)
    store(bench, lease=miss.lease, ttl_ms=10_000)
    bench.clock.advance(9.99)
    bench.draw.value = 0.9
    assert fetch(bench) == Hit(bench.space().entries[b"key"])


def test_a_plain_write_has_no_load_cost() -> None:
    bench = Bench()
    miss = fetch(bench)
    assert isinstance(miss, Miss)
    bench.clock.advance(2)
    store(bench, lease=miss.lease)
    assert bench.space().entries[b"key"].load_cost == 2
    store(bench)
    assert bench.space().entries[b"key"].load_cost == 0


@pytest.mark.parametrize(
    ("condition", "on_absent", "on_fresh"),
    [
        (Condition.ALWAYS, StoreResult.STORED, StoreResult.STORED),
        (Condition.IF_ABSENT, StoreResult.STORED, StoreResult.NOT_STORED),
        (Condition.IF_PRESENT, StoreResult.NOT_STORED, StoreResult.STORED),
    ],
)
def test_a_condition_is_about_a_fresh_value(
    condition: Condition, on_absent: StoreResult, on_fresh: StoreResult
) -> None:
    bench = Bench()
    assert store(bench, condition=condition) is on_absent
    store(bench, ttl_ms=1_000)
    assert store(bench, condition=condition, ttl_ms=1_000) is on_fresh
    bench.clock.advance(1)
    assert store(bench, condition=condition) is on_absent, "a stale value is as good as absent"


def test_a_write_may_ask_for_the_value_that_must_be_there_now() -> None:
    bench = Bench()
    store(bench, value=b"one")
    etag = bench.space().entries[b"key"].etag
    assert store(bench, value=b"two", etag="another") is StoreResult.NOT_STORED
    assert store(bench, value=b"two", etag=etag) is StoreResult.STORED
    assert store(bench, value=b"three", etag=etag) is StoreResult.NOT_STORED
    assert bench.space().entries[b"key"].value == b"two"


def test_a_fill_whose_condition_fails_gives_its_lease_back() -> None:
    bench = Bench()
    miss = fetch(bench)
    assert isinstance(miss, Miss)
    assert store(bench, lease=miss.lease, condition=Condition.IF_PRESENT) is StoreResult.NOT_STORED
    again = fetch(bench)
    assert isinstance(again, Miss)
    assert again.lease is not None


def test_a_plain_life_is_kept_to_the_letter_and_a_fills_is_jittered() -> None:
    bench = Bench(namespaces={"default": Namespace(ttl_ms=1_000, jitter=0.1)})
    bench.draw.value = 0.5
    miss = fetch(bench)
    assert isinstance(miss, Miss)
    lives = []
    for how in ({"ttl_ms": 1_000}, {}, {"lease": miss.lease, "ttl_ms": 1_000}):
        store(bench, b"key" if "lease" in how else b"other", **how)
        lives.append(bench.space().entries[b"key" if "lease" in how else b"other"].fresh_until)
    assert lives == [1.0, 0.95, 0.95]


def test_a_write_may_keep_the_lives_of_the_value_that_is_there() -> None:
    bench = Bench()
    store(bench, ttl_ms=1_000, stale_ms=500)
    bench.clock.advance(0.5)
    store(bench, value=b"new", keep_ttl=True)
    entry = bench.space().entries[b"key"]
    assert (entry.fresh_until, entry.stale_until, entry.stored_at) == (1.0, 1.5, 0.5)


def test_another_life_is_given_to_a_fresh_value_only() -> None:
    bench = Bench()
    space = bench.space()
    store(bench, ttl_ms=1_000, stale_ms=500)
    assert space.expire(b"key", 5_000, bench.clock(), None)
    entry = space.entries[b"key"]
    assert (entry.fresh_until, entry.stale_until) == (5.0, 5.5)
    bench.clock.advance(5)
    assert not space.expire(b"key", 5_000, bench.clock(), None)
    assert not space.expire(b"absent", 5_000, bench.clock(), None)


def test_a_shorter_life_is_found_in_time() -> None:
    bench = Bench()
    store(bench, ttl_ms=60_000, stale_ms=0)
    bench.space().expire(b"key", 1_000, bench.clock(), None)
    bench.clock.advance(3)
    bench.upkeep()
    assert bench.space().entries == {}


def test_a_value_larger_than_the_share_is_refused_and_changes_nothing() -> None:
    bench = Bench(max_bytes=10_000)
    store(bench)
    with pytest.raises(TooLarge):
        store(bench, value=bytes(10_000))
    assert bench.space().entries[b"key"].value == b"value"


def test_a_value_that_grows_beyond_the_room_of_its_queue_is_still_kept() -> None:
    bench = Bench(max_bytes=10_000)
    for number in range(12):
        store(bench, b"%d" % number)
    store(bench, b"0", bytes(8_000))
    kept = bench.space().get(b"0", bench.clock())
    assert kept is not None
    assert kept.size == 8_000


@pytest.mark.parametrize("soft", [True, False])
def test_what_a_reader_is_told_when_many_things_die(soft: bool) -> None:  # noqa: FBT001
    """Hard: nothing is left. Soft: what was fresh is stale."""
    bench = Bench()
    for key in (b"a:1", b"a:2", b"b:1"):
        store(bench, key, tags=("red",) if key == b"b:1" else ())
    bench.view().invalidate(keys=[b"a:1"], soft=soft)
    bench.view().invalidate(patterns=[b"a:2"], soft=soft)
    bench.view().invalidate(tags=["red"], soft=soft)
    outcomes = [type(fetch(bench, key, want_lease=False)) for key in (b"a:1", b"a:2", b"b:1")]
    assert outcomes == [Stale if soft else Miss] * 3
    assert [bench.space().get(key, bench.clock()) for key in (b"a:1", b"a:2", b"b:1")] == [None] * 3


def test_a_hard_invalidation_ends_what_a_soft_one_left() -> None:
    bench = Bench()
    store(bench, tags=("red",))
    bench.view().invalidate(tags=["red"], soft=True)
    assert isinstance(fetch(bench, want_lease=False), Stale)
    bench.view().invalidate(tags=["red"])
    assert isinstance(fetch(bench, want_lease=False), Miss)


def test_readers_that_keep_what_they_read_are_told_when_its_life_ends() -> None:
    bench, reader = Bench(), Connection()
    store(bench, ttl_ms=1_000, stale_ms=60_000)
    bench.view().watch(reader, b"key")
    bench.clock.advance(0.9)
    bench.upkeep()
    assert reader.pushed == []
    bench.clock.advance(1.1)
    bench.upkeep()
    assert reader.pushed == [[b"key"]], "for them the value is gone, though it is still there as stale"


def test_readers_are_told_when_a_value_is_found_expired() -> None:
    bench, reader = Bench(), Connection()
    store(bench, ttl_ms=1_000, stale_ms=0)
    bench.view().watch(reader, b"key")
    bench.clock.advance(1)
    assert bench.space().get(b"key", bench.clock()) is None
    assert reader.pushed == [[b"key"]]


def test_readers_are_told_when_a_value_is_evicted() -> None:
    """Nobody would tell them later that its life is over."""
    bench, reader = Bench(max_bytes=10_000), Connection()
    store(bench, b"first")
    bench.view().watch(reader, b"first")
    for number in range(20):
        store(bench, b"%d" % number)
    assert reader.pushed == [[b"first"]]


def test_a_write_an_expire_and_a_delete_are_told_but_not_to_who_asked_not_to_hear() -> None:
    bench, reader, writer = Bench(), Connection(), Connection()
    view = bench.view()
    for change in (
        lambda: view.store(b"key", write(), origin=writer),
        lambda: view.expire(b"key", 1_000, origin=writer),
        lambda: view.delete(b"key", origin=writer),
    ):
        view.watch(reader, b"key")
        view.watch(writer, b"key")
        change()
    assert (reader.pushed, writer.pushed) == ([[b"key"]] * 3, [])


def test_a_result_that_is_nothing_takes_the_namespaces_negative_life() -> None:
    bench = Bench(namespaces={"default": Namespace(negative_ttl_ms=2_000)})
    assert store(bench, value=b"", content_type=NONE_TYPE) is StoreResult.STORED
    assert bench.space().entries[b"key"].fresh_until == 2.0
    store(bench, value=b"", content_type=NONE_TYPE, ttl_ms=9_000)
    assert bench.space().entries[b"key"].fresh_until == 9.0
