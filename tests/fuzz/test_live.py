"""Random, mutated and split bytes on a live daemon's sockets: nothing that it does not survive, nothing that it keeps.

The examples are derived from the test itself, so each run has the same.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import hiredis
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callers import packed
from daemon import PATIENCE_S, Daemon, ask, lane_call, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WARM_UP, EXAMPLES = 200, 1_000
MOST_GROWN_BYTES = 8 << 20
fuzzed = settings(deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))

WORDS = st.sampled_from(
    """
    GET SET DEL MGET MULTI EXEC DISCARD HELLO 3 AUTH CLIENT TRACKING ON INFO SCAN 0 MATCH * COUNT INCR APPEND SETEX EX
    PX KEEPTTL PN.FETCH WAIT 5 NOLEASE PN.STORE TAGS 2 LEASE PN.INVALIDATE KEYS NS PN.NS PN.CALL PN.RELEASE COMMAND
    DOCS OBJECT CONFIG RESET QUIT key -1 99999999999999999999
    """.split()  # noqa: SIM905 - fifty words read best as words
)
COMMANDS = st.lists(st.one_of(WORDS, st.binary(max_size=40)), min_size=1, max_size=8).map(packed)
REQUESTS = st.builds(
    lambda method, path, headers, body: b"\r\n".join(
        [
            f"{method} {path} HTTP/1.1".encode(),
            b"Host: localhost",
            *headers,
            b"Content-Length: %d" % len(body),
            b"",
            body,
        ]
    ),
    st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "PATCH", "G\0T"]),
    st.sampled_from(
        ["/v1/cache/default/key", "/v1/cache:batch", "/v1/cache:invalidate", "/v1/status", "//", "/%", "*"]
    ),
    st.lists(
        st.sampled_from(
            [
                b"Transfer-Encoding: chunked",
                b"If-None-Match: *",
                b"X-Cache-TTL-Ms: 9e9",
                b"Content-Type: application/json",
            ]
        ),
        max_size=3,
    ),
    st.one_of(
        st.binary(max_size=60), st.just(b'{"namespace": "default", "operations": [{}]}'), st.just(b"5\r\nab\r\n0\r\n")
    ),
)


@st.composite
def streams(draw: st.DrawFn, whole: st.SearchStrategy[bytes]) -> list[bytes]:
    """What is well formed, with a few bytes changed, taken out or put in, and cut into pieces anywhere."""
    said = bytearray(b"".join(draw(st.lists(st.one_of(whole, st.binary(max_size=30)), min_size=1, max_size=6))))
    places = st.integers(0, max(0, len(said) - 1))
    for place in draw(st.lists(places, max_size=3)):
        said[place : place + draw(st.integers(0, 2))] = draw(st.binary(max_size=2))
    cuts = sorted(draw(st.lists(places, max_size=3)))
    return [bytes(said[begin:end]) for begin, end in zip([0, *cuts], [*cuts, len(said)], strict=True)]


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """When it has ended its whole log is there, and tells of no fault."""
    with serving(tmp_path) as daemon:
        yield daemon
        daemon.process.terminate()
        assert daemon.ended() == 0
        assert [entry for entry in daemon.logged if entry["level"] in {"error", "critical"}] == []
        assert daemon.stderr() == ""


def resident_bytes(daemon: Daemon) -> int:
    return int(daemon.status()["resident_bytes"])


def say(connection: socket.socket, pieces: list[bytes]) -> bytes:
    """All that is answered until the daemon hangs up, which it does once we have said all."""
    answers = b""
    try:
        for piece in pieces:
            connection.sendall(piece)
        connection.shutdown(socket.SHUT_WR)
        while received := connection.recv(65_536):
            answers += received
    except TimeoutError:
        raise
    except OSError:
        pass  # it had heard enough, and hung up
    return answers


def held(daemon: Daemon) -> None:
    """What must be true of it behind whatever it heard."""
    assert daemon.process.poll() is None
    assert lane_call(daemon.socket, "PING") == b"+PONG\r\n"
    assert ask(daemon.web, "GET", "/v1/status")[0] == 200


def grown_bytes(daemon: Daemon, run: Callable[[int], None]) -> int:
    """How much a long run adds to what the daemon needed for a short one."""
    run(WARM_UP)
    before = resident_bytes(daemon)
    run(EXAMPLES)
    return resident_bytes(daemon) - before


def test_the_lane_survives_any_bytes(daemon: Daemon) -> None:
    def run(examples: int) -> None:
        @settings(fuzzed, max_examples=examples)
        @given(streams(COMMANDS))
        def one(pieces: list[bytes]) -> None:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(PATIENCE_S)
                connection.connect(str(daemon.socket))
                reader = hiredis.Reader()
                reader.feed(say(connection, pieces))
                while reader.gets() is not False:  # raises at what is no reply
                    continue

        one()

    grown = grown_bytes(daemon, run)
    print(f"\nlane: {EXAMPLES} streams, resident memory {grown / 1024:+,.0f} KiB")
    held(daemon)
    assert grown < MOST_GROWN_BYTES


def test_the_web_lane_survives_any_bytes(daemon: Daemon) -> None:
    host, _, port = daemon.web.rpartition(":")

    def run(examples: int) -> None:
        @settings(fuzzed, max_examples=examples)
        @given(streams(REQUESTS))
        def one(pieces: list[bytes]) -> None:
            with socket.create_connection((host, int(port)), PATIENCE_S) as connection:
                answers = say(connection, pieces)
            assert b"HTTP/1.1 5" not in answers

        one()

    grown = grown_bytes(daemon, run)
    print(f"\nweb: {EXAMPLES} streams, resident memory {grown / 1024:+,.0f} KiB")
    held(daemon)
    assert grown < MOST_GROWN_BYTES
