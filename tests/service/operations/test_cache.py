"""One caller in one namespace: limits, quota, and what an invalidation reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fakes import Bench, Connection, ask, lease_of, write
from pannierd.cache.outcomes import Miss, Reach
from pannierd.config import Namespace
from pannierd.errors import BadRequest, QuotaExceeded, TooLarge
from pannierd.operations.cache import CacheOperations
from pannierd.operations.limits import MAX_NAMESPACES
from pannierd.tenancy.rate import TokenBucket
from pannierd.tenancy.tenants import Caller

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_view_is_bound_once() -> None:
    bench = Bench()
    assert bench.view("users") is bench.view("users")
    assert bench.view("users") is not bench.view("carts")


def test_a_namespace_that_cannot_be_or_is_one_too_many_is_refused() -> None:
    bench = Bench()
    with pytest.raises(BadRequest):
        bench.view("a/b")
    for number in range(MAX_NAMESPACES):
        bench.view(f"n{number}").store(b"key", write())
    with pytest.raises(BadRequest, match="at most 1000"):
        bench.view("one-more")
    bench.view("n0")


def test_namespaces_that_hold_nothing_make_room_for_others() -> None:
    """A test suite may take a new one for each test, and a stray GET must not use one up for ever."""
    bench = Bench()
    for number in range(3 * MAX_NAMESPACES):
        view = bench.view(f"n{number}")
        view.store(b"key", write())
        view.invalidate(everything=True)
        bench.upkeep()
    assert len(bench.engine.tenants["default"].spaces) <= MAX_NAMESPACES


def test_a_namespace_that_a_connection_is_in_stays_the_one_that_everybody_sees() -> None:
    bench = Bench()
    mine = bench.view("mine")
    for number in range(3 * MAX_NAMESPACES):
        bench.view(f"n{number}")
    mine.store(b"key", write(b"abc"))
    seen = bench.view("mine").get(b"key")
    assert seen is not None
    assert seen.value == b"abc"


def test_a_tenant_over_its_rate_is_told_how_long_to_wait() -> None:
    bench = Bench()
    caller = Caller("default", frozenset({"use"}), "default#1", TokenBucket(per_second=10, burst=2))
    view = bench.operations.view(caller, "default")
    view.admit(2)
    with pytest.raises(QuotaExceeded) as refused:
        view.admit()
    assert refused.value.retry_after_ms == 100
    bench.clock.advance(0.1)
    view.admit()
    bench.view().admit(1_000_000)


@pytest.mark.parametrize("key", [b"", b"k" * 1_025], ids=len)
def test_every_call_refuses_a_key_that_cannot_be(key: bytes) -> None:
    view = Bench().view()
    calls: list[Callable[[], object]] = [
        lambda: view.get(key),
        lambda: view.peek(key),
        lambda: ask(view, key),
        lambda: view.store(key, write()),
        lambda: view.delete(key),
        lambda: view.expire(key, 1),
        lambda: view.explain(key),
        lambda: view.invalidate(keys=[key]),
    ]
    for call in calls:
        with pytest.raises(BadRequest):
            call()


def test_an_invalidation_with_one_bad_name_invalidates_nothing() -> None:
    view = Bench().view()
    view.store(b"key", write(tags=("red",)))
    bads: list[dict[str, Any]] = [{"keys": [b"key", b""]}, {"tags": ["red", ""]}, {"patterns": [b"*", b""]}]
    for bad in bads:
        with pytest.raises(BadRequest):
            view.invalidate(**{"tags": ["red"], "keys": [b"key"], "everything": True, **bad})
    assert view.get(b"key") is not None


def test_an_acknowledged_invalidation_tells_its_reach() -> None:
    reach = Bench().view().invalidate(keys=[b"key"])
    assert reach is Reach.ALONE
    assert (reach.scope, reach.reply) == ("local", "OK")


def test_a_tag_reaches_every_namespace_of_its_tenant_and_a_key_pattern_or_all_only_their_own() -> None:
    bench = Bench(tenants=("one", "two"))
    views = [bench.view("users", "one"), bench.view("carts", "one"), bench.view("users", "two")]

    def survivors() -> list[bool]:
        alive = [view.get(b"key") is not None for view in views]
        for view in views:
            view.store(b"key", write(tags=("red",)))
        return alive

    survivors()
    views[0].invalidate(tags=["red"])
    assert survivors() == [False, False, True]
    hows: list[dict[str, Any]] = [{"keys": [b"key"]}, {"patterns": [b"*"]}, {"everything": True}]
    for how in hows:
        views[0].invalidate(**how)
        assert survivors() == [False, True, True]


def test_a_delete_tells_whether_there_was_a_fresh_value() -> None:
    bench = Bench()
    view = bench.view()
    view.store(b"key", write(ttl_ms=1_000))
    assert [view.delete(b"key"), view.delete(b"key")] == [True, False]
    view.store(b"key", write(ttl_ms=1_000))
    bench.clock.advance(1)
    assert not view.delete(b"key")
    assert ask(view) == Miss("lease-1"), "the stale value is gone as well"


def test_a_life_of_nothing_deletes_and_none_is_the_namespaces() -> None:
    bench = Bench(namespaces={"default": Namespace(ttl_ms=7_000)})
    view = bench.view()
    entry_life = []
    for ttl_ms in (3_000, None):
        view.store(b"key", write(ttl_ms=1_000))
        assert view.expire(b"key", ttl_ms)
        entry = view.peek(b"key")
        assert entry is not None
        entry_life.append(view.ttl_ms(entry))
    assert entry_life == [3_000, 7_000]
    assert view.expire(b"key", 0)
    assert not view.expire(b"key", -1)
    assert view.peek(b"key") is None


def test_age_and_life_are_told_in_milliseconds_and_a_life_never_below_nothing() -> None:
    bench = Bench()
    view = bench.view()
    view.store(b"key", write(ttl_ms=1_000))
    entry = view.space.entries[b"key"]
    bench.clock.advance(0.4)
    assert (view.age_ms(entry), view.ttl_ms(entry)) == (400, 600)
    bench.clock.advance(1)
    assert view.ttl_ms(entry) == 0


def test_a_question_about_a_value_is_no_use_of_it() -> None:
    view = Bench().view()
    view.store(b"key", write())
    view.peek(b"key")
    assert view.space.entries[b"key"].uses == 0
    for _ in range(9):
        view.get(b"key")
    assert view.space.entries[b"key"].uses == 3


@pytest.mark.parametrize(
    ("bad", "error"), [({"ttl_ms": 0}, BadRequest), ({"tags": ("",)}, BadRequest), ({"value": bytes(11)}, TooLarge)]
)
def test_a_fill_refused_for_its_form_gives_its_lease_back(bad: dict[str, Any], error: type[Exception]) -> None:
    view = Bench(namespaces={"default": Namespace(max_value_bytes=10)}).view()
    with pytest.raises(error):
        view.store(b"key", write(lease=lease_of(view), **{"value": b"", **bad}))
    lease_of(view)


def test_release_is_for_the_holder_of_that_key() -> None:
    bench = Bench()
    view = bench.view()
    lease = lease_of(view)
    assert not view.release(b"other", lease)
    assert not bench.view("elsewhere").release(b"key", lease)
    assert view.release(b"key", lease)
    assert not view.release(b"key", lease)


def test_one_who_goes_away_is_forgotten_in_every_tenant() -> None:
    bench, tracker = Bench(tenants=("one", "two")), Connection()
    for tenant in ("one", "two"):
        bench.view(tenant=tenant).watch(tracker, b"key")
        bench.view(tenant=tenant).broadcast(tracker, [])
    bench.operations.forget(tracker)
    for tenant in ("one", "two"):
        bench.view(tenant=tenant).store(b"key", write())
    assert tracker.pushed == []


def test_two_callers_of_a_tenant_see_the_same_entries() -> None:
    bench = Bench()
    operations = CacheOperations(bench.engine, bench.config.limits, bench.metrics)
    callers = [Caller("default", frozenset({"use"}), f"default#{number}", None) for number in (1, 2)]
    first, second = (operations.view(caller, "users") for caller in callers)
    first.store(b"key", write(b"abc"))
    seen = second.get(b"key")
    assert seen is not None
    assert seen.value == b"abc"


def test_size_and_keys() -> None:
    bench = Bench()
    view = bench.view()
    view.store(b"short", write(ttl_ms=1_000))
    view.store(b"long", write(ttl_ms=9_000))
    bench.clock.advance(1)
    assert view.keys() == [b"long"]
    assert view.size() == 2
