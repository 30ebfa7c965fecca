"""Bytes in and out of a real socket: order, holding, limits, ends."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fakes import lease_of as lease_of_view
from lane_bench import LaneBench, RawClient, read, read_all, written
from pannierd.resp import replies
from pannierd.resp.connection import KEPT_BYTES
from pannierd.resp.outgoing import BATCH_BYTES
from pannierd.resp.protocol import ProtocolError
from patience import until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lane_bench import Word


@pytest.fixture
def lane() -> LaneBench:
    return LaneBench()


FRAGMENTS = [
    *(written(*words) for words in (("GET", "k"), ("SET", "k", "v\r\n*1\r\n"), ("MULTI",), ("EXEC",), ("HELLO", 3))),
    *(written(*words) for words in (("PN.FETCH", "k"), ("CLIENT", "TRACKING", "ON"), ("RESET",), ("COMMAND", "DOCS"))),
    *(
        b"%b%d\r\n" % (sign, n)
        for sign in (b"*", b"$", b":", b"%", b"~", b">", b"|", b"+", b"#", b"(")
        for n in (-1, 0, 2)
    ),
    *(b"GET k\r\n", b"\r\n", b"$4\r\nPING\r\n", b"$3\r\nGET\r\n", b'"', b"_\r\n", b"#t\r\n", b",1.5\r\n", b"\n"),
]
"""What streams are made of, and what they are not."""


def lease_of(answer: Any) -> bytes:
    """The lease in the answer to PN.FETCH."""
    lease = answer[2]
    assert isinstance(lease, bytes)
    return lease


async def answers(client: RawClient, count: int) -> list[Any]:
    return [await client.answer() for _ in range(count)]


async def test_a_pipeline_is_answered_in_order(lane: LaneBench) -> None:
    async with lane.client() as client:
        stream: list[Sequence[Word]] = []
        for n in range(500):
            stream += [("SET", f"k{n}", n), ("GET", f"k{n}"), ("GET", "absent"), ("INCR", f"k{n}"), ("NONSENSE",)]
        client.writer.write(b"".join(written(*words) for words in stream))
        for n in range(500):
            got = await answers(client, 5)
            assert got[:4] == [b"OK", str(n).encode(), None, n + 1]
            assert got[4].startswith("ERR unknown command 'NONSENSE'")
    assert lane.commands("other") == 500


async def test_the_bare_path_and_the_general_one_count_alike(lane: LaneBench) -> None:
    async with lane.client() as client:
        await client("SET", "k", "v")
        client.writer.write(written("GET", "k") * 100 + written("GET", "absent") * 7 + written("get", "k") * 3)
        await answers(client, 110)
        await until(lambda: lane.commands("GET") == 110)
        counts = lane.bench.space().counts
        assert (counts.hits, counts.misses) == (103, 7)


async def test_a_read_behind_a_write_or_an_invalidation_in_one_chunk_sees_it(lane: LaneBench) -> None:
    async with lane.client() as client:
        await client("PN.STORE", "k", "old", "TAGS", 1, "t")
        client.writer.write(
            written("GET", "k")
            + written("SET", "k", "new")
            + written("GET", "k")
            + written("PN.STORE", "k", "newer", "TAGS", 1, "t")
            + written("GET", "k")
            + written("PN.INVALIDATE", "TAGS", 1, "t")
            + written("GET", "k")
            + written("PN.NS", "other")
            + written("GET", "k")
        )
        assert await answers(client, 9) == [b"old", b"OK", b"new", b"stored", b"newer", b"OK", None, b"OK", None]


async def test_an_entry_that_is_over_is_not_answered_bare(lane: LaneBench) -> None:
    async with lane.client() as client:
        await client("SET", "k", "v", "EX", 1)
        assert await client("GET", "k") == b"v"
        lane.clock.advance(1)
        assert await client("GET", "k") is None


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(min_value=1, max_value=4_000), min_size=1, max_size=8), st.booleans())
async def test_however_a_stream_is_cut_the_answers_are_the_same(
    lane: LaneBench,
    sizes: list[int],
    has_awkward_values: bool,  # noqa: FBT001 - hypothesis hands it in
) -> None:
    value = b"\r\n*3\r\n$3\r\nSET\r\n*12345 ~" if has_awkward_values else b"v" * 500
    stream, wanted = b"", list[Any]()
    for n in range(60):
        stream += b"PING\r\n" * (n % 20 == 7) + written("SET", f"k{n}", value) + written("GET", f"k{n}")
        wanted += [b"PONG"] * (n % 20 == 7) + [b"OK", value]
    async with lane.client() as client:
        at = turn = 0
        while at < len(stream):
            size = sizes[turn % len(sizes)]
            client.writer.write(stream[at : at + size])
            await asyncio.sleep(0)
            at, turn = at + size, turn + 1
        assert await answers(client, len(wanted)) == wanted


PIECES = [
    *(written(*words) for words in (("SET", "k", "v"), ("GET", "k"), ("PING",), ("PN.FETCH", "k", "NOLEASE"))),
    written("SET", "k", "\r\n*1\r\n$4\r\nPING\r\n"),
    *(
        b"SET k inline\r\n",
        b"GET k\n",
        b"\r\n",
        b"*0\r\n",
        b"$4\r\nPING\r\n",
        b"$9\r\nPI",
        b"*1\r\n+PING\r\n",
        b"*2\r\n",
    ),
]
"""What may follow what: commands in every form, and what only looks like one."""


def exactly(stream: bytes) -> list[Any]:
    """What the exact parser, alone, would have the lane answer."""
    lane = LaneBench()
    say, parser = lane.session(), lane.lane.parser()
    parser.is_trusted = True
    parser.feed(stream)
    said: list[Any] = []
    try:
        while (command := parser.gets()) is not False:
            said.append(say(*command))
    except ProtocolError as error:
        said.append(read(replies.error(f"ERR Protocol error: {error}")))
    return said


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=8), st.lists(st.integers(min_value=0, max_value=200), max_size=2))
@example([written("PING"), b"SET k inline\r\n"], [])
@example([written("PING"), b"$4\r\nPING\r\n"], [])
@example([written("PING"), b"$9\r\nPI", written("PING")], [])
async def test_whichever_way_a_stream_takes_the_answers_are_the_exact_parsers(
    pieces: list[bytes], cuts: list[int]
) -> None:
    stream = b"".join(pieces)
    async with LaneBench().client() as client:
        for begin, end in pairwise([0, *sorted(cuts), len(stream)]):
            client.writer.write(stream[begin:end])
            await asyncio.sleep(0)
        client.writer.write_eof()
        assert read_all(await client.until_closed()) == exactly(stream)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(FRAGMENTS) | st.binary(max_size=20), max_size=20))
async def test_whatever_comes_the_lane_lives_on(lane: LaneBench, fragments: list[bytes]) -> None:
    """Every answer can be read, nothing is logged as a fault, and the next connection is served."""
    async with lane.listening() as address:
        async with RawClient.connect(address) as client:
            client.writer.write(b"".join(fragments))
            client.writer.write_eof()
            read_all(await client.until_closed())
        async with RawClient.connect(address) as client:
            assert await client("PING") == b"PONG"
    assert lane.log.calls == []


async def test_inline_commands_work_for_people(lane: LaneBench) -> None:
    async with lane.client() as client:
        client.writer.write(b'\r\nSET greeting "hello world"\r\nget greeting\n')
        assert await answers(client, 2) == [b"OK", b"hello world"]


async def test_a_large_value_comes_and_goes(lane: LaneBench) -> None:
    value = bytes(range(256)) * 32_000  # 8 MiB
    async with lane.client() as client:
        assert await client("SET", "k", value) == b"OK"
        assert await client("GET", "k") == value
        assert await client("PING") == b"PONG"


@pytest.mark.parametrize(
    ("stream", "text"),
    [
        (b"*1\r\n:1\r\n", "ERR Protocol error: expected '$', got ':'"),
        (b"*2\r\n$3\r\nGET\r\n:5\r\n", "ERR Protocol error: expected '$', got ':'"),
        (b"*2\r\n$3\r\nGET\r\n*0\r\n", "ERR Protocol error: expected '$', got '*'"),
        (b"*2\r\n$3\r\nGET\r\n%0\r\n", "ERR Protocol error: expected '$', got '%'"),
        (b"*2\r\n$3\r\nGET\r\n_\r\n", "ERR Protocol error: expected '$', got '_'"),
        (b"*2\r\n$3\r\nGET\r\n$-1\r\n", "ERR Protocol error: invalid bulk length"),
        (b"*1\r\n" * 20, "ERR Protocol error: expected '$', got '*'"),
        (b"*100000\r\n", "ERR Protocol error: invalid multibulk length"),
        (b"*99999999999\r\n", "ERR Protocol error: invalid multibulk length"),
        (b"*1\r\n+PING\r\n", "ERR Protocol error: expected '$', got '+'"),
        (b"*1\r\n=8\r\ntxt:PING\r\n", "ERR Protocol error: expected '$', got '='"),
        (b"*2\r\n$3\r\nGET\r\n(1\r\n", "ERR Protocol error: expected '$', got '('"),
        (b"*1\r\n~99999999\r\n", "ERR Protocol error: expected '$', got '~'"),
        (b"*1\r\n$99999999999\r\n", "ERR Protocol error: invalid bulk length"),
        (b'SET "unbalanced\r\n', "ERR Protocol error: unbalanced quotes in request"),
    ],
)
async def test_a_broken_stream_ends_behind_the_answers_that_were_due(lane: LaneBench, stream: bytes, text: str) -> None:
    async with lane.client() as client:
        await client("SET", "k", "v")
        client.writer.write(written("GET", "k") + written("PING") + stream + written("SET", "k", "w"))
        assert await answers(client, 3) == [b"v", b"PONG", text]
        assert await client.until_closed() == b""
    assert lane.bench.view().get(b"k").value == b"v"  # type: ignore[union-attr]  # it is there
    assert lane.refused("protocol") == 1


@pytest.mark.parametrize("stream", [b"*0\r\n*-1\r\n\r\n", b"*0\r\n" * 50])
async def test_empty_commands_are_passed_over(lane: LaneBench, stream: bytes) -> None:
    async with lane.client() as client:
        client.writer.write(written("PING") + stream + written("ECHO", "x") + stream + written("PING"))
        assert await answers(client, 3) == [b"PONG", b"x", b"PONG"]


async def test_who_waits_is_answered_by_the_fill_and_others_behind_it_in_order(lane: LaneBench) -> None:
    async with lane.listening() as address, RawClient.connect(address) as filler, RawClient.connect(address) as waiter:
        lease = lease_of(await filler("PN.FETCH", "k"))
        waiter.writer.write(
            written("PING") + written("PN.FETCH", "k", "WAIT", 60_000) + written("GET", "k") + written("PING")
        )
        assert await waiter.answer() == b"PONG"
        await until(lambda: lane.waiting == 1)
        assert await filler("PN.STORE", "k", "v", "LEASE", lease, "PX", 5_000) == b"stored"
        assert await answers(waiter, 3) == [[b"hit", b"v", None, 5_000, b""], b"v", b"PONG"]
        assert lane.waiting == 0


async def test_a_get_behind_a_call_that_waited_sees_the_clock_of_now(lane: LaneBench) -> None:
    async with lane.listening() as address, RawClient.connect(address) as filler, RawClient.connect(address) as waiter:
        await filler("SET", "short", "v", "EX", 1)
        lease = lease_of(await filler("PN.FETCH", "k"))
        waiter.writer.write(written("PN.FETCH", "k", "WAIT", 60_000) + written("GET", "short") * 500)
        await until(lambda: lane.waiting == 1)
        lane.clock.advance(2)
        await filler("PN.STORE", "k", "v", "LEASE", lease)
        await waiter.answer()
        assert await answers(waiter, 500) == [None] * 500


async def test_a_fetch_behind_a_call_that_waited_tells_a_life_from_now_on(lane: LaneBench) -> None:
    async with lane.listening() as address, RawClient.connect(address) as filler, RawClient.connect(address) as waiter:
        await filler("SET", "short", "v", "EX", 10)
        lease = lease_of(await filler("PN.FETCH", "k"))
        waiter.writer.write(written("PN.FETCH", "k", "WAIT", 60_000) + written("PN.FETCH", "short", "NOLEASE"))
        await until(lambda: lane.waiting == 1)
        lane.clock.advance(2)
        await filler("PN.STORE", "k", "v", "LEASE", lease)
        await waiter.answer()
        assert await waiter.answer() == [b"hit", b"v", None, 8_000, b""]


async def test_a_client_that_leaves_gives_its_leases_to_who_waits(lane: LaneBench) -> None:
    async with lane.listening() as address, RawClient.connect(address) as waiter:
        async with RawClient.connect(address) as filler:
            await filler("PN.FETCH", "k")
            waiter.send("PN.FETCH", "k", "WAIT", 60_000)
            await until(lambda: lane.waiting == 1)
        answer = await waiter.answer()
        assert answer[0] == b"miss"
        assert answer[2] is not None


async def test_a_waiter_that_leaves_harms_nobody(lane: LaneBench) -> None:
    async with lane.listening() as address, RawClient.connect(address) as filler:
        lease = lease_of(await filler("PN.FETCH", "k"))
        async with RawClient.connect(address) as waiter:
            waiter.send("PN.FETCH", "k", "WAIT", 60_000)
            await until(lambda: lane.waiting == 1)
        await until(lambda: lane.waiting == 0)
        assert await filler("PN.STORE", "k", "v", "LEASE", lease) == b"stored"


async def test_a_client_that_leaves_in_the_very_turn_it_began_to_wait(lane: LaneBench) -> None:
    """Its call has not taken its first step when it is ended; nothing of it may be left un-awaited."""
    async with lane.listening() as address, RawClient.connect(address) as filler:
        await filler("PN.FETCH", "k")
        for _ in range(20):
            with contextlib.closing(socket.create_connection((address.host, address.port))) as sender:
                sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")  # close by reset
                sender.sendall(written("PN.FETCH", "k", "WAIT", 60_000))
        await until(lambda: lane.metrics.lane_connections == 1)
        await until(lambda: lane.waiting == 0)
        gc.collect()


async def test_a_lease_that_comes_to_a_waiter_that_just_left_goes_to_the_next(lane: LaneBench) -> None:
    """Its call was woken before its client was gone, so it is not cancelled in time: it takes the lease for nobody."""
    async with lane.listening() as address, RawClient.connect(address) as filler, RawClient.connect(address) as waiter:
        lease = lease_of(await filler("PN.FETCH", "k"))
        waiter.send("PN.FETCH", "k", "WAIT", 60_000)
        await until(lambda: lane.waiting == 1)
        (connection,) = [one for one in lane.listener.connections if one._waiting.is_on]
        lane.bench.view().release(b"k", lease.decode())
        asyncio.get_running_loop().call_soon(connection.connection_lost, None)
        await until(lambda: lane.waiting == 0)
        await until(lambda: lane.bench.space().loads.get(b"k") is None)
        assert lease_of(await filler("PN.FETCH", "k"))


async def test_a_deadline_ends_a_wait_in_time(lane: LaneBench) -> None:
    async with lane.listening() as address, RawClient.connect(address) as filler, RawClient.connect(address) as waiter:
        await filler("PN.FETCH", "k")
        answer = await waiter("PN.CALL", 5, "-", "PN.FETCH", "k", "WAIT", 60_000)
        assert answer == "DEADLINE_EXCEEDED the deadline passed before there was an answer"
        assert await waiter("PING") == b"PONG"


async def test_one_wait_too_many_is_refused() -> None:
    lane = LaneBench(max_waiting_calls=1)
    async with lane.listening() as address, RawClient.connect(address) as first, RawClient.connect(address) as second:
        await second("PN.FETCH", "k")
        first.send("PN.FETCH", "k", "WAIT", 60_000)
        await until(lambda: lane.waiting == 1)
        assert (await second("PN.FETCH", "k", "WAIT", 60_000)).startswith(
            "OVERLOADED 1 calls of this tenant wait for others' loads already"
        )
        assert await second("PING") == b"PONG"
        assert lane.refused("overloaded") == 1


async def test_a_connection_that_holds_keeps_little_and_then_stops_listening(lane: LaneBench) -> None:
    async with lane.listening() as address, RawClient.connect(address) as filler, RawClient.connect(address) as waiter:
        lease = lease_of(await filler("PN.FETCH", "k"))
        waiter.send("PN.FETCH", "k", "WAIT", 60_000)
        await until(lambda: lane.waiting == 1)
        commands = 60_000
        waiter.writer.write(written("ECHO", "x" * 100) * commands)
        (connection,) = [one for one in lane.listener.connections if one._waiting.is_on]
        await until(lambda: connection._exact.held_bytes > KEPT_BYTES)
        for _ in range(100):
            await asyncio.sleep(0)
        assert connection._exact.held_bytes < 3 * KEPT_BYTES
        await filler("PN.STORE", "k", "v", "LEASE", lease)
        assert (await waiter.answer())[0] == b"hit"
        assert await answers(waiter, commands) == [b"x" * 100] * commands


async def test_a_client_that_pipelines_more_than_it_reads_is_held_not_fed(lane: LaneBench) -> None:
    """What it may leave unread is bounded by back pressure: commands wait, answers do not pile up."""
    async with lane.client() as client:
        await client("SET", "k", "v" * 100_000)
        client.writer.write(written("GET", "k") * 1_000)
        (connection,) = lane.listener.connections
        await until(lambda: connection._outgoing.unread.is_much)
        assert connection._transport.get_write_buffer_size() < 3 * BATCH_BYTES
        assert await answers(client, 1_000) == [b"v" * 100_000] * 1_000
        assert await client("PING") == b"PONG"


async def test_a_client_that_does_not_read_is_closed() -> None:
    lane = LaneBench(lane_unread_ms=1)
    async with lane.client() as client:
        await client("SET", "k", "v" * 1_000_000)
        client.writer.write(written("GET", "k") * 100)
        await until(lambda: lane.refused("unread") == 1)
        await until(lambda: lane.metrics.lane_connections == 0)


async def test_a_tracker_that_does_not_read_its_pushes_is_closed() -> None:
    lane = LaneBench(max_lane_output_bytes=1_000_000)
    async with lane.listening() as address, RawClient.connect(address) as tracker, RawClient.connect(address) as writer:
        await tracker("HELLO", 3)
        await tracker("CLIENT", "TRACKING", "ON", "BCAST")
        while not lane.refused("unread"):
            writer.writer.write(b"".join(written("SET", f"{n}{'k' * 1000}", "v") for n in range(200)))
            await answers(writer, 200)
        assert await writer("PING") == b"PONG"


async def test_pushes_come_behind_the_answer_that_knew_the_older_value(lane: LaneBench) -> None:
    async with lane.listening() as address, RawClient.connect(address) as tracker, RawClient.connect(address) as writer:
        await tracker("HELLO", 3)
        await tracker("CLIENT", "TRACKING", "ON")
        await writer("SET", "k", "old")
        assert await tracker("GET", "k") == b"old"
        await writer("SET", "k", "new")
        assert await tracker.answer() == [b"invalidate", [b"k"]]
        tracker.writer.write(written("GET", "k") + written("SET", "k", "own") + written("GET", "k"))
        assert await answers(tracker, 4) == [b"new", b"OK", [b"invalidate", [b"k"]], b"own"]


async def test_quit_ends_behind_its_answer(lane: LaneBench) -> None:
    async with lane.client() as client:
        client.writer.write(written("PING") + written("QUIT") + written("SET", "k", "v"))
        assert await client.until_closed() == b"+PONG\r\n+OK\r\n"
    assert lane.bench.view().get(b"k") is None


async def test_a_web_page_cannot_talk_to_the_lane(lane: LaneBench) -> None:
    async with lane.client() as client:
        client.writer.write(b"POST / HTTP/1.1\r\nHost: localhost:7481\r\n\r\nSET k evil\r\n")
        await client.until_closed()
    assert lane.bench.view().get(b"k") is None


async def test_one_connection_too_many_is_told_and_closed() -> None:
    lane = LaneBench(max_connections=1)
    async with lane.listening() as address, RawClient.connect(address) as first:
        assert await first("PING") == b"PONG"
        async with RawClient.connect(address) as second:
            assert await second.until_closed() == b"-ERR max number of clients reached\r\n"
        assert await first("PING") == b"PONG"
        assert lane.metrics.lane_connections == 1
        assert lane.refused("connections") == 1


async def test_draining_closes_what_is_quiet_and_waits_for_what_is_not(lane: LaneBench) -> None:
    async with lane.listening() as address, RawClient.connect(address) as filler, RawClient.connect(address) as waiter:
        listener = lane.listener
        lease = lease_of(await filler("PN.FETCH", "k"))
        waiter.send("PN.FETCH", "k", "WAIT", 60_000)
        await until(lambda: lane.waiting == 1)
        listener.stop_accepting()
        draining = asyncio.create_task(listener.drain(60_000))
        assert await filler("PN.STORE", "k", "v", "LEASE", lease) == b"stored"
        assert (await waiter.answer())[0] == b"hit"
        lane.clock.advance(1)
        assert await waiter.until_closed() == await filler.until_closed() == b""
        await draining
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(address.host, address.port)
        await listener.close()


async def test_draining_takes_no_longer_than_it_may(lane: LaneBench) -> None:
    lease_of_view(lane.bench.view(), b"k")
    async with lane.client() as waiter:
        waiter.send("PN.FETCH", "k", "WAIT", 60_000)
        await until(lambda: lane.waiting == 1)
        lane.clock.advance(1)
        await lane.listener.drain(1)
        assert lane.waiting == 1
