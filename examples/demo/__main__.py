"""The demo: a real application with and without the sidecar, under the same skewed traffic, in three steps.

1. Without: a few users ask for page after page, and every page is a query.
2. With: the same users ask for the same pages in the same order, now through the sidecar, which begins empty.
3. Going on: the traffic of the next seconds, with a cache that knows it.

Then one price changes. Usage: `make demo`, or `python examples/demo --seconds 15`.
"""

from __future__ import annotations

import argparse
import itertools
import math
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import aiohttp
import shop
import table
import uvloop
from drive import USERS, drive
from processes import memory_hits, sidecar, worker
from progress import Progress

from traffic import SKEW, unlimited_hit_ratio, zipf_trace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from drive import Ask, Measured

BUILD = Path(__file__).parents[2] / "build" / "demo"
WORKERS = 2
MEMORY_BYTES = 500_000
"""The sidecar's memory: about half of all pages, so that it has to choose."""

TRACE_LENGTH = 500_000
TIMED_PART = 0.4
"""Of all seconds: for the first step, and for the third. The second takes as long as its requests do."""

NEW_WITHIN_S = 5.0


class Counts(NamedTuple):
    """What the sidecar and the workers counted until now."""

    hits: int
    loads: int


class Application:
    """The workers as their users see them, one after another in turn."""

    def __init__(self, session: aiohttp.ClientSession, workers: list[str], metrics_url: str) -> None:
        self._session = session
        self._workers = workers
        self._turn = itertools.cycle(workers)
        self._metrics_url = metrics_url

    def asker(self, route: str) -> Ask:
        """Asks for pages by this route, and takes no answer but a page."""

        async def ask(product_id: int) -> None:
            await self.page(next(self._turn), route, product_id)

        return ask

    async def page(self, url: str, route: str, product_id: int) -> dict[str, Any]:
        async with self._session.get(f"{url}/{route}/{product_id}") as response:
            response.raise_for_status()
            page: dict[str, Any] = await response.json()
            return page

    async def tiers(self, trace: list[int], since: Counts) -> table.Tiers:
        """Where the answers came from since then."""
        now = await self.counts()
        return table.Tiers(len(trace), now.hits - since.hits, now.loads - since.loads, unlimited_hit_ratio(trace))

    async def counts(self) -> Counts:
        loads = 0
        for url in self._workers:
            async with self._session.get(f"{url}/loads") as response:
                loads += await response.json()
        return Counts(await memory_hits(self._session, self._metrics_url), loads)

    async def write(self, product_id: int) -> table.Write:
        """Change a price through one worker, and read it through the other until it is new."""
        writer, reader = self._workers[:2]
        before = (await self.page(reader, "cached", product_id))["price"]
        after = before + 1
        begin = time.perf_counter()
        async with self._session.put(f"{writer}/price/{product_id}", data=str(after)) as response:
            response.raise_for_status()
        acknowledged = time.perf_counter()
        old_reads = 0
        while (await self.page(reader, "cached", product_id))["price"] != after:
            old_reads += 1
            if time.perf_counter() - acknowledged > NEW_WITHIN_S:
                raise SystemExit(f"the new price was not there after {NEW_WITHIN_S:g} s")
        return table.Write(before, after, acknowledged - begin, time.perf_counter() - acknowledged, old_reads)


async def compare(application: Application, seconds: float, progress: Progress) -> str:
    """Run the steps and describe what they found."""
    trace = zipf_trace(shop.PRODUCTS, TRACE_LENGTH)
    requests = iter(trace)
    steps = {}

    async def step(name: str, route: str, requests: Iterator[int], seconds: float = math.inf) -> int:
        steps[name] = await drive(application.asker(route), requests, telling(progress, name), seconds)
        progress.done(told(name, steps[name]))
        return len(steps[name].seconds)

    same = trace[: await step("1 without the sidecar", "direct", requests, seconds)]
    loaded = await application.counts()
    await step("2 with it, the same requests", "cached", iter(same))
    same_tiers = await application.tiers(same, loaded)
    all_of_it = trace[: len(same) + await step("3 with it, going on", "cached", requests, seconds)]
    all_tiers = await application.tiers(all_of_it, loaded)
    write = await application.write(trace[0])
    return "\n\n".join(
        [
            table.latencies(steps),
            table.hits({"step 2": same_tiers, "steps 2 and 3": all_tiers}),
            table.invalidation(write),
        ]
    )


def telling(progress: Progress, step: str) -> Callable[[Measured], None]:
    return lambda measured: progress.show(told(step, measured))


def told(step: str, measured: Measured) -> str:
    return f"{step}: {len(measured.seconds):,} answers to {USERS} users"


async def demonstrate(seconds: float, progress: Progress) -> str:
    """Prepare the shop, start everything, compare, end everything."""
    path = BUILD / "shop.sqlite"
    shop.prepare(path, lambda part: progress.show(f"making {shop.LINES:,} order lines: {part:.0%}"))
    progress.done(f"the shop: {shop.LINES:,} order lines of {shop.PRODUCTS:,} products in {path}")
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="pannier-demo-"))
        lane_url, metrics_url = await stack.enter_async_context(sidecar(Path(folder), MEMORY_BYTES))
        workers = [await stack.enter_async_context(worker(path, lane_url)) for _ in range(WORKERS)]
        session = await stack.enter_async_context(aiohttp.ClientSession())
        progress.done(
            f"a sidecar with {MEMORY_BYTES:,} bytes of memory and {WORKERS} workers serve; zipf {SKEW} traffic"
        )
        return await compare(Application(session, workers, metrics_url), seconds * TIMED_PART, progress)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make demo", description="A real application, with and without the sidecar.")
    parser.add_argument("--seconds", type=float, default=15.0, help="of traffic, about; default 15")
    options = parser.parse_args()
    try:
        print(f"\n{uvloop.run(demonstrate(options.seconds, Progress(sys.stdout)))}")
    except KeyboardInterrupt:
        print("\nended; every process of the demo has ended too")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
