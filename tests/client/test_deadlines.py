"""One call waits for the sidecar as long as the timeout says, however many steps it takes and whoever is slow."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

import pannier
import pannier.aio
from both_kinds import decorated, made
from pannier import DeadlineExceeded, Unavailable, cache
from scripted_lane import Connection, ScriptedLane, hit, miss

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TIMEOUT_S = 0.4
MOST_S = 0.55  # on a machine that is busy with other things


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def client(kind: str, lane: ScriptedLane) -> Iterator[Any]:
    with made(kind, lane.url, timeout=TIMEOUT_S) as client:
        yield client


def silent(*_: object) -> None:
    """No answer."""


def slow(answer: bytes) -> Callable[..., bytes]:
    """Most of the time is over when this comes."""

    def answered(*_: object) -> bytes:
        threading.Event().wait(0.75 * TIMEOUT_S)
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


def test_an_answer_that_drips_has_one_deadline(lane: ScriptedLane, client: Any) -> None:
    lane.answers["PN.FETCH"] = slow(hit(b"1234")[:-2])
    assert seconds_until_the_deadline(client) < MOST_S


def test_a_second_try_has_the_first_ones_deadline(lane: ScriptedLane, client: Any) -> None:
    assert client.cache().get("key") is None

    def hang_up(connection: Connection, _: list[bytes]) -> None:
        threading.Event().wait(0.75 * TIMEOUT_S)
        lane.answers["PN.FETCH"] = silent
        connection.cut()

    lane.answers["PN.FETCH"] = hang_up
    started = time.monotonic()
    assert client.cache().get("key") is None
    assert time.monotonic() - started < MOST_S


def test_what_waits_is_sent_within_the_calls_deadline(lane: ScriptedLane, client: Any) -> None:
    lane.answers["PN.INVALIDATE"] = b"-OVERLOADED busy\r\n"
    for number in range(20):
        client.cache().delete(f"other:{number}")
    lane.answers["PN.INVALIDATE"] = silent
    started = time.monotonic()
    client.cache().get("key")
    assert time.monotonic() - started < MOST_S


def test_a_line_that_was_in_a_hurry_has_time_again(lane: ScriptedLane) -> None:
    """The first call leaves its line little time; the next one has its own."""
    lane.answers["HELLO"] = slow(b"%0\r\n")
    with pannier.Client(lane.url, timeout=TIMEOUT_S) as client:
        assert client.cache().get("key") is None
        lane.answers["PN.FETCH"] = slow(hit(b"7"))
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
    assert time.monotonic() - started < TIMEOUT_S * 2 + 0.15
