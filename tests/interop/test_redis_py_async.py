"""redis-py, async: many tasks over one pool, pipelines and iteration, by both doors of the lane."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import redis
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from daemon import Daemon


@pytest.fixture(params=[2, 3], ids=["resp2", "resp3"])
async def client(request: pytest.FixtureRequest, url: str) -> AsyncIterator[Any]:
    async with redis.asyncio.Redis.from_url(url, protocol=request.param, decode_responses=True) as connected:
        yield connected


async def test_many_tasks_get_their_own_answers(client: Any) -> None:
    async def talk(number: int) -> list[str]:
        name = f"task:{number}"
        await client.set(name, number, px=60_000)
        return [await client.get(name) for _ in range(20)]

    answers = await asyncio.gather(*map(talk, range(50)))
    assert answers == [[str(number)] * 20 for number in range(50)]
    assert await client.dbsize() == 50


@pytest.mark.parametrize("transaction", [True, False], ids=["transaction", "pipeline"])
async def test_a_pipeline_answers_in_order(client: Any, *, transaction: bool) -> None:
    async with client.pipeline(transaction=transaction) as pipeline:
        for number in range(1_000):
            pipeline.set(f"k{number}", number).get(f"k{number}")
        answers = await pipeline.execute()
    assert answers == [answer for number in range(1_000) for answer in (True, str(number))]


async def test_iteration_meets_every_key_once(client: Any) -> None:
    await client.mset({f"user:{number}": "x" for number in range(300)})
    await client.set("other", "x")
    found = [key async for key in client.scan_iter(match="user:*", count=7)]
    assert sorted(found) == sorted(f"user:{number}" for number in range(300))


async def test_a_cancelled_call_leaves_the_others_their_answers(client: Any) -> None:
    await client.set("k", "v")
    cancelled = asyncio.create_task(client.get("k"))
    await asyncio.sleep(0)
    cancelled.cancel()
    assert await asyncio.gather(*(client.get("k") for _ in range(20))) == ["v"] * 20


@pytest.mark.parametrize("protocol", [2, 3])
async def test_the_password_is_a_token(guarded: Daemon, token: str, protocol: int) -> None:
    url = f"unix://{guarded.socket}"
    async with redis.asyncio.Redis.from_url(url, protocol=protocol, password=token) as client:
        assert await client.set("k", "v") is True
        assert await client.get("k") == b"v"
    once = Retry(NoBackoff(), 0)
    async with redis.asyncio.Redis.from_url(url, protocol=protocol, password="another", retry=once) as client:
        with pytest.raises(redis.ConnectionError, match="invalid username-password pair"):
            await client.get("k")
