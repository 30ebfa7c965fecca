"""P6: a function that runs for longer than a lease keeps it, because its client is heard from meanwhile."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pannier
import pannier.aio

if TYPE_CHECKING:
    from both_lanes import BothLanes
    from pannierd.cache.flights import Holder


def nearly_a_lease_passes(sidecar: BothLanes) -> None:
    """Six seconds for the sidecar, at whose end it has heard from the holder. The client has its own time."""
    bench = sidecar.bench

    def holder() -> Holder:
        flight = bench.space().loads.get(b"slow")
        assert flight is not None, "the lease is lost"
        assert flight.holder is not None
        return flight.holder

    sidecar.run(lambda: bench.clock.advance(6))
    sidecar.until(lambda: holder().last_heard == bench.clock())
    sidecar.run(bench.upkeep)


def test_a_slow_sync_function_keeps_its_lease_and_its_result_is_kept(sidecar: BothLanes) -> None:
    runs = []
    with pannier.Client(sidecar.lane_url, near_cache=False) as client:

        @pannier.cache(key="slow", ttl=60, client=client)
        def slow() -> int:
            for _ in range(2):
                nearly_a_lease_passes(sidecar)
            runs.append(sidecar.bench.clock())
            return 7

        assert [slow(), slow()] == [7, 7]
    assert runs == [12.0]


async def test_a_slow_async_function_keeps_its_lease_and_its_result_is_kept(sidecar: BothLanes) -> None:
    runs = []
    async with pannier.aio.Client(sidecar.lane_url, near_cache=False) as client:

        @pannier.cache(key="slow", ttl=60, client=client)
        async def slow() -> int:
            for _ in range(2):
                await asyncio.to_thread(nearly_a_lease_passes, sidecar)
            runs.append(sidecar.bench.clock())
            return 7

        assert [await slow(), await slow()] == [7, 7]
    assert runs == [12.0]
