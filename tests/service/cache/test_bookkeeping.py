"""Whatever happens, the dictionary, the queues and the expiry buckets hold the same entries, and the bytes add up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from fakes import Bench, ask, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from pannierd.cache.space import Space

KEYS = [b"a", b"b", b"c", b"user:1", b"user:2"]
STEPS = st.one_of(
    st.tuples(st.just("store"), st.sampled_from(KEYS), st.integers(0, 3_000), st.integers(1, 4_000)),
    st.tuples(st.just("fill"), st.sampled_from(KEYS), st.integers(0, 3_000)),
    st.tuples(st.sampled_from(["get", "fetch", "delete", "expire", "soft"]), st.sampled_from(KEYS)),
    st.tuples(st.sampled_from(["tag", "soft tag", "pattern", "all", "soft all", "upkeep"])),
    st.tuples(st.just("advance"), st.floats(0.1, 3)),
)


@given(st.lists(STEPS, max_size=60))
def test_after_the_background_work_everything_adds_up(steps: list[tuple[Any, ...]]) -> None:
    bench = Bench(max_bytes=9_000)
    words = vocabulary(bench)
    for step, *arguments in steps:
        words[step](*arguments)
    bench.upkeep()
    assert_the_books_add_up(bench)


def vocabulary(bench: Bench) -> dict[str, Callable[..., object]]:
    view = bench.view()

    def store(key: bytes, size: int, ttl_ms: int) -> object:
        return view.store(key, write(bytes(size), ttl_ms=ttl_ms, stale_ms=1_000, tags=("t",)))

    def fill(key: bytes, size: int) -> object:
        return view.store(key, write(bytes(size), ttl_ms=1_500, lease=ask(view, key).lease))

    return {
        "store": store,
        "fill": fill,
        "get": view.get,
        "fetch": lambda key: ask(view, key),
        "delete": view.delete,
        "expire": lambda key: view.expire(key, 700),
        "soft": lambda key: view.invalidate(keys=[key], soft=True),
        "tag": lambda: view.invalidate(tags=["t"]),
        "soft tag": lambda: view.invalidate(tags=["t"], soft=True),
        "pattern": lambda: view.invalidate(patterns=[b"user:*"]),
        "all": lambda: view.invalidate(everything=True),
        "soft all": lambda: view.invalidate(everything=True, soft=True),
        "upkeep": bench.engine.upkeep,
        "advance": bench.clock.advance,
    }


def assert_the_books_add_up(bench: Bench) -> None:
    tenant = bench.engine.tenants["default"]
    kept = {entry for space in tenant.spaces.values() for entry in space.entries.values()}
    queued = [*tenant.memory._small, *tenant.memory._main]
    standing = [entry for bucket in tenant.expiry._buckets.values() for entry in bucket]
    assert set(queued) == kept == set(standing)
    assert len(queued) == len(standing) == len(kept)
    assert tenant.memory.bytes == sum(entry.cost for entry in queued) <= tenant.memory.max_bytes
    assert all(entry.space.entries[entry.key] is entry for entry in queued)
    assert_no_load_is_lost(*tenant.spaces.values())


def assert_no_load_is_lost(*spaces: Space) -> None:
    for space in spaces:
        for key, flight in space.loads._by_key.items():
            assert space.loads.own(key, flight.lease) is flight
            assert not flight.killed_by
