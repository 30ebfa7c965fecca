"""How a lane connection ends that is never quiet: behind an answer, and without a reset."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Any

import hiredis
import pytest

from both_lanes import BothLanes
from callers import PATIENCE_S, packed
from fakes import Bench

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INCREMENT = packed(["INCR", "count"])
MANY = 200


@pytest.fixture
def lanes(tmp_path: Path) -> Iterator[BothLanes]:
    with BothLanes(Bench(), tmp_path) as lanes:
        yield lanes


@pytest.fixture
def connection(lanes: BothLanes) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", lanes._lane.address.port), PATIENCE_S) as connection:
        connection.sendall(packed(["PING"]))
        assert connection.recv(64) == b"+PONG\r\n"
        yield connection


def part(lanes: BothLanes) -> None:
    """The moment from which nobody is waited for any longer."""

    def step() -> None:
        for connection in list(lanes._lane.connections):
            connection.part()

    lanes.run(step)


def to_the_end(connection: socket.socket) -> list[Any]:
    """All replies until the sidecar hangs up; a reset is an error, and so is a reply that is cut off."""
    reader = hiredis.Reader(notEnoughData=Ellipsis)
    while received := connection.recv(65_536):
        reader.feed(received)
    return list(iter(reader.gets, Ellipsis))


def count(lanes: BothLanes) -> int:
    entry = lanes.run(lambda: lanes.bench.view().get(b"count"))
    return int(entry.value)


def test_whoever_sends_one_by_one_has_sent_nothing_in_vain(lanes: BothLanes, connection: socket.socket) -> None:
    part(lanes)
    connection.sendall(INCREMENT)
    assert to_the_end(connection) == [1]


def test_a_command_on_its_way_is_awaited(lanes: BothLanes, connection: socket.socket) -> None:
    connection.sendall(INCREMENT[:-4])
    part(lanes)
    connection.sendall(INCREMENT[-4:])
    assert to_the_end(connection) == [1]


def test_a_call_that_waits_is_answered_first(lanes: BothLanes, connection: socket.socket) -> None:
    loader = lanes.lane()
    lease = loader.fetch(b"key").lease
    assert lease
    connection.sendall(packed(["PN.FETCH", "key", "WAIT", 9_000]))
    part(lanes)
    loader.store(b"key", b"value", lease=lease)
    (answer,) = to_the_end(connection)
    assert answer[:2] == [b"hit", b"value"]


def test_whatever_was_carried_out_of_a_flood_is_answered(lanes: BothLanes, connection: socket.socket) -> None:
    """The flood goes on behind the goodbye, whose reset would otherwise overtake the last answers."""
    is_over = threading.Event()

    def flood() -> None:
        while not is_over.is_set():
            try:
                connection.sendall(INCREMENT * MANY)
            except OSError:
                return

    sender = threading.Thread(target=flood)
    sender.start()
    try:
        head = connection.recv(64)
        part(lanes)
        answers = [*_numbers(head + _all(connection))]
    finally:
        is_over.set()
        sender.join(PATIENCE_S)
    assert answers == list(range(1, count(lanes) + 1))


def _all(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65_536), b""))


def _numbers(replies: bytes) -> Iterator[int]:
    assert replies.endswith(b"\r\n")
    return (int(reply) for reply in replies.replace(b":", b"").split())


@pytest.mark.parametrize("last", [packed(["QUIT"]), b"*1\r\n$-5\r\n"])
def test_the_last_word_is_heard_by_whoever_goes_on_talking(connection: socket.socket, last: bytes) -> None:
    connection.sendall(INCREMENT + last + INCREMENT * MANY)
    connection.sendall(INCREMENT * MANY)
    first, parting = _all(connection).split(b"\r\n", 1)
    assert first == b":1"
    assert parting.startswith((b"+OK\r\n", b"-ERR Protocol error"))
    assert parting.count(b"\r\n") == 1
