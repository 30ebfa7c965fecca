"""The bare path says what the general one says, and steps back where it cannot know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lane_bench import LaneBench, written
from patience import until

if TYPE_CHECKING:
    from lane_bench import Word

READS: list[tuple[Word, ...]] = [
    ("GET", "k"),
    ("PN.FETCH", "k", "NOLEASE"),
    ("PN.FETCH", "k"),
    ("PN.FETCH", "k", "nolease"),
    ("PN.FETCH", "k", "NS", "default", "NOLEASE"),
    ("PN.FETCH", "absent", "NOLEASE"),
    ("PN.FETCH", "k", "NONSENSE"),
    ("PN.FETCH",),
    ("GET", "k", "k"),
]


@pytest.mark.parametrize("lives", [("PX", 60_000), ("PX", 60_000, "TAGS", 1, "t", "TYPE", "text/plain"), ("PX", 900)])
async def test_a_pipeline_of_reads_is_answered_as_each_alone_without_the_path(lives: tuple[Word, ...]) -> None:
    lane = LaneBench()
    async with lane.client() as client:
        await client("PN.STORE", "k", "value", *lives)
        general = lane.session()
        wanted = [general(*words) for words in READS]
        client.writer.write(b"".join(written(*words) for words in READS * 3))
        assert [await client.answer() for _ in READS * 3] == wanted * 3
        assert [await client(*words) for words in READS] == wanted


async def test_fetches_count_like_those_of_the_general_path() -> None:
    lane = LaneBench()
    async with lane.client() as client:
        await client("SET", "k", "v")
        client.writer.write(written("PN.FETCH", "k", "NOLEASE") * 20 + written("pn.fetch", "k") * 3)
        for _ in range(23):
            assert (await client.answer())[:2] == [b"hit", b"v"]
        assert (await client("PN.FETCH", "k", "NOLEASE"))[:2] == [b"hit", b"v"]
        await until(lambda: lane.commands("PN.FETCH") == 24)
        assert lane.bench.space().counts.hits == 24
        labels = {"operation": "fetch", "tier": "memory"}
        seconds = lane.metrics.registry.get_sample_value("pannier_cache_request_duration_seconds_count", labels)
        assert seconds is not None
        assert seconds >= 20


@pytest.mark.parametrize("kill", [("PN.INVALIDATE", "KEYS", 1, "k", "SOFT"), ("PN.INVALIDATE", "TAGS", 1, "t", "SOFT")])
async def test_what_is_stale_is_not_taken_for_fresh(kill: tuple[Word, ...]) -> None:
    lane = LaneBench()
    async with lane.client() as client:
        await client("PN.STORE", "k", "v", "PX", 60_000, "TAGS", 1, "t")
        client.writer.write(written(*kill) + written("PN.FETCH", "k", "NOLEASE") + written("GET", "k"))
        assert await client.answer() == b"OK"
        assert (await client.answer())[0] == b"stale"
        assert await client.answer() is None


async def test_a_value_that_should_be_refreshed_soon_is_left_to_the_general_path() -> None:
    lane = LaneBench()
    async with lane.client() as client:
        lease = (await client("PN.FETCH", "k"))[2]
        lane.clock.advance(1)
        await client("PN.STORE", "k", "v", "PX", 20_000, "LEASE", lease)
        lane.bench.draw.value = 1 - 1e-12
        assert (await client("PN.FETCH", "k", "NOLEASE"))[:3] == [b"hit", b"v", None]
        told: list[Any] = await client("PN.FETCH", "k")
        assert told[0] == b"hit"
        assert told[2], "who refreshes ahead has the lease"


@pytest.mark.parametrize("age", [0.0, 0.5, 0.999])
async def test_a_life_ends_when_it_ends_and_not_with_its_second(age: float) -> None:
    lane = LaneBench()
    lane.clock.advance(10.25)
    async with lane.client() as client:
        await client("SET", "k", "v", "PX", 1_000)
        lane.clock.advance(age)
        assert await client("GET", "k") == b"v"
        lane.clock.advance(1.0 - age)
        assert await client("GET", "k") is None
        assert (await client("PN.FETCH", "k", "NOLEASE"))[0] == b"stale"
