"""A loop that ends without the client having been closed leaves nothing open behind it."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path

import pannier.aio


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_a_loop_that_ends_takes_the_clients_connections_with_it(sidecar_url: str) -> None:
    client = pannier.aio.Client(sidecar_url, near_cache=True)
    before = open_files()
    for _ in range(2):
        asyncio.run(used(client))
        assert open_files() == before
    gc.collect()  # an open connection that is found now is a warning, and so an error


async def used(client: pannier.aio.Client) -> None:
    assert await client.cache("loop-end").get("nothing") is None
    assert await client.cache("loop-end").get_or_set("key", load, ttl=60) == 7


async def load() -> int:
    return 7
