"""One call waits for the sidecar as long as the timeout says, however many steps it takes and whoever is slow."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, cast

import pytest

import pannier
import pannier.aio
from both_kinds import decorated, made
from fakes import Clock
from pannier import DeadlineExceeded, Unavailable, cache
from pannier._line import Line
from pannier._wire import PING
from scripted_lane import Connection, ScriptedLane, hit, invalidated, miss

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TIMEOUT_S = 0.5
MOST_OF_IT_S = 0.45
MOST_S = 0.8  # on a machine that is busy with other things; two deadlines, one after the other, take longer


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def client(kind: str, lane: ScriptedLane) -> Iterator[Any]:
    with made(kind, lane.url, timeout=TIMEOUT_S) as client:
        yield client


def silent(*_: object) -> None:
    """No answer."""


def slow(answer: bytes, seconds: float = MOST_OF_IT_S) -> Callable[..., bytes]:
    """Most of the time is over when this comes."""

    def answered(*_: object) -> bytes:
        threading.Event().wait(seconds)
        return answer

    return answered


def seconds_until_the_deadline(client: Any) -> float:
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        client.cache(on_unavailable="raise").get("key")
    return time.monotonic() - started


def test_greeting_and_answer_have_one_deadline(lane: ScriptedLane, client: Any) -> None:
    lane.answers["HELLO"] = slow(b"%0\r\n")
    lane.answers["PN.FETCH"] = silent
    assert seconds_until_the_deadline(client) < MOST_S


def test_a_second_try_has_the_first_ones_deadline(lane: ScriptedLane, client: Any) -> None:
    assert client.cache().get("key") is None

    def hang_up(connection: Connection, _: list[bytes]) -> None:
        threading.Event().wait(MOST_OF_IT_S)
        lane.answers["PN.FETCH"] = silent
        connection.cut()

    lane.answers["PN.FETCH"] = hang_up
    started = time.monotonic()
    assert client.cache().get("key") is None
    assert time.monotonic() - started < MOST_S


class Hurried:
    """A sync client whose time passes only while the sidecar takes it."""

    def __init__(self, lane: ScriptedLane) -> None:
        self.clock = Clock(100.0)
        self.client = pannier.Client(lane.url, timeout=TIMEOUT_S, clock=self.clock)

    def takes_it_all(self, answer: bytes) -> Callable[..., bytes]:
        def answered(*_: object) -> bytes:
            self.clock.advance(TIMEOUT_S)
            return answer

        return answered


@pytest.fixture
def hurried(lane: ScriptedLane) -> Iterator[Hurried]:
    hurried = Hurried(lane)
    with hurried.client:
        yield hurried


def test_a_greeting_that_takes_all_the_time_leaves_none_to_ask(lane: ScriptedLane, hurried: Hurried) -> None:
    lane.answers["PN.NS"] = hurried.takes_it_all(b"+OK\r\n")
    with pytest.raises(DeadlineExceeded):
        hurried.client.cache(on_unavailable="raise").get("key")
    assert lane.asked("PN.FETCH") == []


def test_what_waits_is_sent_within_the_calls_deadline(lane: ScriptedLane, hurried: Hurried) -> None:
    lane.answers["PN.INVALIDATE"] = b"-OVERLOADED busy\r\n"
    hurried.client.cache().delete("other")
    lane.answers["PN.INVALIDATE"] = hurried.takes_it_all(b"-OVERLOADED busy\r\n")
    with pytest.raises(DeadlineExceeded):
        hurried.client.cache(on_unavailable="raise").get("key")
    assert lane.asked("PN.FETCH") == []


class Kernel:
    """A socket whose reads and writes take their time, by the test's clock, and end at the limit that was set."""

    def __init__(self, clock: Clock, *, received: Iterator[bytes], read_s: float, sent: int = 0) -> None:
        self.clock = clock
        self.received = received
        self.read_s = read_s
        self.sent = sent
        self.limit = 0.0

    def setsockopt(self, _: int, option: int, limit: bytes) -> None:
        if option == socket.SO_RCVTIMEO:
            seconds, micros = struct.unpack("@ll", limit)
            self.limit = seconds + micros / 1_000_000

    def send(self, piece: bytes) -> int:
        self._pass(STEP_S)
        return min(self.sent, len(piece))

    def sendall(self, command: bytes) -> None:
        """A short command finds room."""

    def recv_into(self, buffer: bytearray, *_: int) -> int:
        self._pass(self.read_s)
        received = next(self.received)
        buffer[: len(received)] = received
        return len(received)

    def setblocking(self, *_: object) -> None: ...

    def close(self) -> None: ...

    def _pass(self, seconds: float) -> None:
        self.clock.advance(min(seconds, self.limit))
        if seconds > self.limit:
            raise BlockingIOError


STEP_S = TIMEOUT_S / 5
PUSH = invalidated(b"other")


@pytest.mark.parametrize(
    ("command", "kernel"),
    [
        pytest.param(PING, {"received": repeat(PUSH, 99), "read_s": STEP_S}, id="pushes"),
        pytest.param(PING, {"received": chain([b"$9999\r\n"], repeat(b".", 99)), "read_s": STEP_S}, id="a-drip"),
        pytest.param(
            bytes(4_000_000), {"received": repeat(PUSH, 99), "read_s": STEP_S, "sent": 4_096}, id="a-slow-send"
        ),
        pytest.param(
            bytes(65_536), {"received": repeat(PUSH, 99), "read_s": 9.0, "sent": 32_768}, id="a-send-and-silence"
        ),
    ],
)
def test_a_line_waits_no_longer_whatever_keeps_it(command: bytes, kernel: dict[str, Any]) -> None:
    clock = Clock(100.0)
    line = Line(cast(socket.socket, Kernel(clock, **kernel)), clock, lambda _: None)
    with pytest.raises(DeadlineExceeded):
        line.ask(command, clock.now + TIMEOUT_S)
    assert 0.9 * TIMEOUT_S < clock.now - 100.0 < 1.1 * TIMEOUT_S


def test_the_answers_to_many_commands_have_one_deadline() -> None:
    clock = Clock(100.0)
    kernel = Kernel(clock, received=repeat(b"+OK\r\n"), read_s=STEP_S, sent=1_000)
    line = Line(cast(socket.socket, kernel), clock)
    with pytest.raises(DeadlineExceeded):
        line.ask_many([PING] * 50, clock.now + TIMEOUT_S)
    assert 0.9 * TIMEOUT_S < clock.now - 100.0 < 1.1 * TIMEOUT_S


def test_a_line_that_was_in_a_hurry_has_time_again(lane: ScriptedLane) -> None:
    """The first call leaves its line little time; the next one has its own."""
    lane.answers["HELLO"] = slow(b"%0\r\n", 0.6 * TIMEOUT_S)
    with pannier.Client(lane.url, timeout=TIMEOUT_S) as client:
        assert client.cache().get("key") is None
        lane.answers["PN.FETCH"] = slow(hit(b"7"), 0.6 * TIMEOUT_S)
        assert client.cache(on_unavailable="raise").get("key") == 7


async def test_those_who_find_no_line_to_wait_on_give_up_in_time(lane: ScriptedLane) -> None:
    """Sixty-four keys that others are filling, sixteen lines to wait on."""
    lane.answers["PN.FETCH"] = lambda _, command: silent() if b"WAIT" in command else miss_without_lease()
    async with pannier.aio.Client(lane.url, timeout=TIMEOUT_S) as client:

        @cache(key="key:{number}", client=client)
        async def get(number: int) -> int:
            return number

        started = time.monotonic()
        assert await asyncio.gather(*(get(number) for number in range(64))) == list(range(64))
    assert time.monotonic() - started < 2 * TIMEOUT_S


def miss_without_lease() -> bytes:
    return miss(b"").replace(b"$0\r\n\r\n", b"_\r\n", 1)


def test_a_sidecar_that_hangs_takes_little_of_a_threads_time(lane: ScriptedLane) -> None:
    """Also by the probes, which are somebody's calls. What counts is the sum."""
    lane.answers["HELLO"] = silent
    with pannier.Client(lane.url, timeout=TIMEOUT_S) as client:
        look = client.cache(on_unavailable="raise").get
        for _ in range(3):
            with pytest.raises(DeadlineExceeded):
                look("key")
        began, spent, is_over = time.monotonic(), 0.0, threading.Event()
        while (now := time.monotonic()) < began + 2.5:
            with pytest.raises((Unavailable, DeadlineExceeded)):
                look("key")
            spent += time.monotonic() - now
            is_over.wait(0.005)
        asked = len(lane.connections) - 3
    assert asked >= 2, "it is probed, all the same"
    assert spent < 0.15 * 2.5


def test_an_error_names_the_place_that_takes_no_notice(lane: ScriptedLane, client: Any) -> None:
    lane.answers["HELLO"] = silent
    with pytest.raises(DeadlineExceeded, match=rf"tried {lane.url} \(it takes no notice\)"):
        client.cache(on_unavailable="raise").get("key")


def test_every_error_of_an_outage_names_what_was_tried(kind: str, tmp_path: Path) -> None:
    url = f"unix://{tmp_path}/none.sock"
    with made(kind, url, timeout=TIMEOUT_S) as client:
        for _ in range(3):
            with pytest.raises(Unavailable, match=f"tried {url}"):
                client.cache(on_unavailable="raise").get("key")


def test_a_function_runs_when_its_caller_found_no_answer(kind: str, lane: ScriptedLane, client: Any) -> None:
    lane.answers["PN.FETCH"] = slow(miss(b"lease-1"))
    lane.answers["PN.STORE"] = silent
    home = client if kind == "sync" else client.bare
    started = time.monotonic()
    assert decorated(kind, client, cache(key="key", client=home), lambda: 7)() == 7
    assert time.monotonic() - started < 2 * TIMEOUT_S + 0.3
