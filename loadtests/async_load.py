"""A process that loads one server with GETs through its async client, on uvloop, and prints what it saw as JSON.

Closed loop: some tasks ask as fast as they are answered; the rate is the result. Open loop: GETs begin at a given rate,
whether or not the earlier ones were answered, and each latency counts from the time at which its call was due; so a
stall shows in every call that it held up. Timers of an event loop are too coarse for that (a millisecond), so the loop
spins, and keeps one core to itself.

    python loadtests/async_load.py pannier unix:///run/pannier/lane.sock closed 64 1.0      # tasks, seconds
    python loadtests/async_load.py redis redis://127.0.0.1:6379 open 20000 3.0              # calls a second, seconds
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import sys
from contextlib import asynccontextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Final

import uvloop
from redis.asyncio.cluster import RedisCluster

import pannier.aio
from measurement import percentile

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Get = Callable[[], Awaitable[None]]

KEYS: Final = [f"user:{number}" for number in range(10_000)]
VALUE: Final = b"x" * 100
WARM_SECONDS: Final = 0.2
MAX_CONNECTIONS: Final = 1_000  # of redis-py, which has one for each call in flight


class WrongValueError(Exception):
    """A GET did not bring what was stored."""


@asynccontextmanager
async def pannier_get(url: str) -> AsyncIterator[Callable[[str], Awaitable[object]]]:
    """Without a near-cache: every GET travels to the sidecar."""
    async with pannier.aio.Client(url) as client:
        yield client.cache("default", on_unavailable="raise").get


@asynccontextmanager
async def redis_get(url: str) -> AsyncIterator[Callable[[str], Awaitable[object]]]:
    client = RedisCluster.from_url(url, max_connections=MAX_CONNECTIONS)
    await client.initialize()  # one task does this, or each that finds it undone closes what the others opened
    try:
        yield client.get
    finally:
        await client.aclose()


CLIENTS: Final = {"pannier": pannier_get, "redis": redis_get}


async def closed(get: Get, tasks: int, seconds: float) -> dict[str, float]:
    """Requests per second that so many tasks get done."""
    started = perf_counter()
    until = started + seconds

    async def ask() -> int:
        done = 0
        while perf_counter() < until:
            await get()
            done += 1
        return done

    done = sum(await asyncio.gather(*(ask() for _ in range(tasks))))
    return {"rate": done / (perf_counter() - started)}


async def offered(get: Get, rate: int, seconds: float) -> dict[str, float]:
    """Latencies in milliseconds, from when a call was due, of calls that begin at this rate."""
    latencies: list[float] = []
    started = perf_counter()

    async def ask(due: float) -> None:
        await get()
        latencies.append(perf_counter() - due)

    begun, total = 0, round(rate * seconds)
    async with asyncio.TaskGroup() as calls:
        while begun < total:
            by_now = min(int((perf_counter() - started) * rate) + 1, total)
            for number in range(begun, by_now):
                calls.create_task(ask(started + number / rate))
            begun = by_now
            await asyncio.sleep(0)
    parts = {"p50_ms": 0.5, "p99_ms": 0.99, "p99.9_ms": 0.999, "max_ms": 1.0}
    return {name: percentile(latencies, part) * 1_000 for name, part in parts.items()}


LOOPS: Final = {"closed": closed, "open": offered}


async def load(side: str, url: str, loop: str, amount: int, seconds: float) -> dict[str, float]:
    next_key = itertools.cycle(random.Random(1).sample(KEYS, len(KEYS))).__next__
    async with CLIENTS[side](url) as fetch:

        async def get() -> None:
            if await fetch(next_key()) != VALUE:
                raise WrongValueError(side)

        await closed(get, 64, min(seconds, WARM_SECONDS))
        return await LOOPS[loop](get, amount, seconds)


if __name__ == "__main__":
    side, url, loop, amount, seconds = sys.argv[1:]
    print(json.dumps(uvloop.run(load(side, url, loop, int(amount), float(seconds)))))
