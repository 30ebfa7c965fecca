"""One connection shared by tasks: whoever gives up, replies go to whom they belong, and leases to nobody go back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

import pannier.aio
from pannier import DeadlineExceeded, Overloaded, Unavailable, cache
from pannier._wire import PING
from pannier.errors import Disconnected
from patience import until
from scripted_lane import MISS, Connection, ScriptedLane, hit, miss

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Held:
    """Answers that the test lets go, in its own time and in order."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Connection, list[bytes]]] = []

    def __call__(self, connection: Connection, command: list[bytes]) -> None:
        self.waiting.append((connection, command))

    async def until(self, count: int) -> None:
        await until(lambda: len(self.waiting) == count)

    def let_go(self, *answers: bytes) -> None:
        for answer in answers:
            connection, _ = self.waiting.pop(0)
            connection.send(answer)


@pytest.fixture
async def client(lane: ScriptedLane) -> AsyncIterator[pannier.aio.Client]:
    async with pannier.aio.Client(lane.url, timeout=5) as client:
        yield client


@pytest.fixture
def held(lane: ScriptedLane) -> Held:
    held = Held()
    lane.answers["PN.FETCH"] = held
    return held


async def test_commands_of_one_turn_leave_together_and_replies_come_in_order(
    client: pannier.aio.Client, held: Held
) -> None:
    tasks = [asyncio.create_task(client.cache().get(f"key:{number}")) for number in range(64)]
    await held.until(64)
    assert [command[1] for _, command in held.waiting] == [b"key:%d" % number for number in range(64)]
    held.let_go(*(hit(b"%d" % number) for number in range(64)))
    assert await asyncio.gather(*tasks) == list(range(64))


async def test_a_caller_that_gives_up_does_not_shift_the_replies(client: pannier.aio.Client, held: Held) -> None:
    tasks = [asyncio.create_task(client.cache().get(f"key:{number}")) for number in range(3)]
    await held.until(3)
    tasks[0].cancel()
    tasks[1].cancel()
    await asyncio.wait(tasks[:2])
    held.let_go(hit(b"0"), hit(b"1"), hit(b"2"))
    assert await tasks[2] == 2
    assert tasks[0].cancelled()


async def test_a_reply_that_comes_too_late_is_nobody_elses(lane: ScriptedLane, held: Held) -> None:
    async with pannier.aio.Client(lane.url, timeout=0.5) as client:
        demanding = client.cache(on_unavailable="raise")
        with pytest.raises(DeadlineExceeded):
            await demanding.get("late")
        second = asyncio.create_task(demanding.get("second"))
        await held.until(2)
        held.let_go(hit(b'"late"'), hit(b'"second"'))
        assert await second == "second"


async def test_a_lease_that_nobody_waits_for_is_given_back(
    client: pannier.aio.Client, lane: ScriptedLane, held: Held
) -> None:
    @cache(key="key", client=client)
    async def get() -> int:
        return 7

    caller = asyncio.create_task(get())
    await held.until(1)
    caller.cancel()
    await asyncio.wait([caller])
    held.let_go(miss(b"lease-1"))
    await asyncio.to_thread(lane.until_asked, "PN.RELEASE")
    assert lane.asked("PN.RELEASE") == [[b"PN.RELEASE", b"key", b"lease-1"]]


async def test_a_lease_that_arrives_in_the_turn_in_which_its_caller_gives_up_is_given_back(
    client: pannier.aio.Client, lane: ScriptedLane, held: Held
) -> None:
    @cache(key="key", client=client)
    async def get() -> int:
        return 7

    caller = asyncio.create_task(get())
    await held.until(1)
    line = client.sidecar.here().line
    assert line is not None
    line.data_received(miss(b"lease-1"))
    caller.cancel()
    await asyncio.wait([caller])
    assert caller.cancelled()
    await asyncio.to_thread(lane.until_asked, "PN.RELEASE")
    assert lane.asked("PN.RELEASE") == [[b"PN.RELEASE", b"key", b"lease-1"]]


async def test_more_keys_than_a_line_takes_at_once_are_asked_in_parts(aio_client: pannier.aio.Client) -> None:
    users = aio_client.cache()
    values = {f"key:{number}": number for number in range(70_000)}
    assert await users.set_many(values)
    assert await users.get_many(values) == values


async def test_a_line_with_too_many_calls_refuses_the_latest(client: pannier.aio.Client, lane: ScriptedLane) -> None:
    lane.answers["PING"] = lambda *_: None
    line = await client.sidecar.here().connected()
    calls = [line.ask(PING) for _ in range(65_536 + 2)]
    await until(calls[-1].done)
    assert [type(call.exception()) for call in calls[-2:]] == [Overloaded, Overloaded]
    assert not calls[-3].done()
    line.abort()
    assert {type(error) for error in await asyncio.gather(*calls[:-2], return_exceptions=True)} == {Disconnected}


async def test_threads_may_look_for_pushes_at_once(lane: ScriptedLane) -> None:
    """Two loops share a near-cache, and each proves its hits by the one feed."""
    async with pannier.aio.Client(lane.url, near_cache=True) as client:
        line = await client.sidecar.here().connected()

        def look() -> None:
            for _ in range(20_000):
                line.valid_until(0.0)

        await asyncio.gather(asyncio.to_thread(look), asyncio.to_thread(look))


async def test_a_wait_that_is_given_up_leaves_its_line_to_others_only_when_it_is_quiet(
    client: pannier.aio.Client, lane: ScriptedLane, held: Held
) -> None:
    lane.answers["PING"] = held

    @cache(key="key:{number}", client=client)
    async def get(number: int) -> int:
        return number

    first = asyncio.create_task(get(1))
    await held.until(1)
    held.let_go(MISS)
    await held.until(1)
    first.cancel()
    await held.until(2)
    second = asyncio.create_task(get(2))
    await held.until(3)
    (first_line, _), (_, ping), (shared, _) = held.waiting
    assert ping == [b"PING"]
    shared.send(MISS)
    await held.until(4)
    assert held.waiting[3][0] is not first_line
    held.waiting[3][0].send(miss(b"lease-2"))
    assert await second == 2
    held.let_go(miss(b"lease-1"), b"+PONG\r\n")
    await asyncio.to_thread(lane.until_asked, "PN.RELEASE")
    assert lane.asked("PN.RELEASE") == [[b"PN.RELEASE", b"key:1", b"lease-1"]]


async def test_calls_that_were_given_up_leave_no_more_lines_than_there_may_be(
    client: pannier.aio.Client, lane: ScriptedLane
) -> None:
    """Sixteen, and the shared one. What was given up keeps its line until the sidecar has answered, or is gone."""
    asked: list[Connection] = []

    def answer(connection: Connection, command: list[bytes]) -> bytes | None:
        if b"WAIT" not in command:
            return MISS
        asked.append(connection)
        return None

    lane.answers["PN.FETCH"] = answer
    lane.answers["PING"] = lambda *_: None

    @cache(key="key:{number}", client=client)
    async def get(number: int) -> int:
        return number

    first = [asyncio.create_task(get(number)) for number in range(16)]
    await until(lambda: len(asked) == 16)
    for call in first:
        call.cancel()
    await asyncio.wait(first)
    await asyncio.to_thread(lane.until_asked, "PING", 16)
    later = [asyncio.create_task(get(number)) for number in range(16, 32)]
    await asyncio.to_thread(lane.until_asked, "PN.FETCH", 16 + 32)
    await client.cache().set("another turn", 1)
    assert len(lane.connections) == 1 + 16
    for connection in asked[:8]:
        connection.send(MISS + b"+PONG\r\n")
    for connection in asked[8:16]:
        connection.cut()
    await until(lambda: len(asked) == 32)
    assert len(lane.connections) == 1 + 16 + 8
    for call in later:
        call.cancel()
    await asyncio.wait(later)


async def test_a_connection_that_holds_a_lease_is_kept_talking(client: pannier.aio.Client, lane: ScriptedLane) -> None:
    lane.answers["PN.FETCH"] = miss(b"lease-1")

    @cache(key="key", client=client)
    async def get() -> int:
        await asyncio.to_thread(lane.until_asked, "PING", 2)
        return 7

    assert await get() == 7
    await until(lambda: not client.loader.waiting)


async def test_what_is_asked_in_two_loops_is_answered_in_each(lane: ScriptedLane) -> None:
    lane.answers["PN.FETCH"] = hit(b"7")
    async with pannier.aio.Client(lane.url) as client:

        async def use() -> Any:
            return await client.cache().get("key")

        assert await use() == 7
        assert await asyncio.to_thread(asyncio.run, use()) == 7
        assert await use() == 7


async def test_a_client_is_closed_in_every_loop(lane: ScriptedLane) -> None:
    lane.answers["PN.FETCH"] = hit(b"7")
    client = pannier.aio.Client(lane.url)
    demanding = client.cache(on_unavailable="raise")
    assert await demanding.get("key") == 7

    async def use_and_close() -> None:
        assert await demanding.get("key") == 7
        await client.close()

    line = client.sidecar.here().line
    await asyncio.to_thread(asyncio.run, use_and_close())
    await until(lambda: line is not None and "closed" in repr(line))
    with pytest.raises(Unavailable, match="closed"):
        await demanding.get("key")


async def test_an_invalidation_on_its_way_when_the_client_is_closed_is_told_of(
    lane: ScriptedLane, client: pannier.aio.Client, caplog: pytest.LogCaptureFixture
) -> None:
    lane.answers["PN.INVALIDATE"] = lambda *_: None
    deleting = asyncio.create_task(client.cache().delete("key"))
    await asyncio.to_thread(lane.until_asked, "PN.INVALIDATE")
    await client.close()
    with pytest.raises(Unavailable):
        await deleting
    assert client.sidecar.background == []
    assert "invalidations that the sidecar has not acknowledged are lost: 1" in caplog.messages


async def test_closing_the_client_ends_its_loads(client: pannier.aio.Client, lane: ScriptedLane) -> None:
    lane.answers["PN.FETCH"] = miss(b"lease-1")
    began, ended = asyncio.Event(), asyncio.Event()

    @cache(key="key", client=client)
    async def get() -> int:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return 7

    caller = asyncio.create_task(get())
    await began.wait()
    await client.close()
    assert ended.is_set()
    with pytest.raises(pannier.Unavailable, match="closed"):
        await caller


async def test_invalidations_that_waited_go_before_any_look_up(client: pannier.aio.Client, lane: ScriptedLane) -> None:
    lane.answers["PN.FETCH"] = hit(b"7")
    assert await client.cache().get("key") == 7
    lane.stop()
    assert await client.cache().delete("key") is pannier.Reach.QUEUED
    asked = len(lane.commands)
    lane.listen()
    await until(lambda: client.sidecar.here().line)
    assert await client.cache().get("key") == 7
    assert [command[0] for command in lane.commands[asked:]][:4] == [b"HELLO", b"PN.NS", b"PN.INVALIDATE", b"PN.FETCH"]
