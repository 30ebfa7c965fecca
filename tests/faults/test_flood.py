"""Ten thousand connections that are half open or slow, on both lanes, and one caller who is neither."""

from __future__ import annotations

import itertools
import resource
import socket
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from callers import packed
from daemon import PATIENCE_S, Daemon, ask, serving
from patience import until_now

if TYPE_CHECKING:
    from collections.abc import Iterator

CROWD = 10_000
MOST = 6_000  # connections that each listener takes
BEHAVED_CALLS = 1_000
P99_MS = 50.0
BYTES_EACH = 32_768
BYTES_LEFT_EACH = 8_192
BYTES_LEFT_BY_THE_SECOND = 1_024
BODY_TIMEOUT_MS = KEEPALIVE_MS = 4_000
LARGE = b"x" * 200_000
HEAD = b"PUT /v1/cache/default/key HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n"
SMALL_BY_LANE = packed(["GET", "small"])
SMALL_BY_WEB = b"GET /v1/cache/default/small HTTP/1.1\r\nHost: localhost\r\n\r\n"
LANE = [b"", b"*2\r\n$3\r\nGET\r\n$9", packed(["SET", "key", "value"])[:-4], packed(["GET", "large"])]
WEB = [b"", HEAD[:30], HEAD + b"half", b"GET /v1/cache/default/large HTTP/1.1\r\nHost: localhost\r\n\r\n"]


@contextmanager
def many_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CROWD + 1_000
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.fail(f"this machine allows {hard} file descriptors: {wanted} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def dial(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    connection = socket.create_connection((host, int(port)), PATIENCE_S)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # leave no TIME_WAIT behind
    return connection


class Behaved:
    """Asks for a small value over one lane, one call after the other."""

    def __init__(self, address: str, call: bytes, answer: bytes) -> None:
        self.seconds: list[float] = []
        self._call = call
        self._answer = answer
        self._connection = dial(address)

    def ask(self) -> None:
        started = time.perf_counter()
        self._connection.sendall(self._call)
        assert self._answer in self._connection.recv(1_024)
        self.seconds.append(time.perf_counter() - started)

    def close(self) -> None:
        self._connection.close()

    @property
    def p99_ms(self) -> float:
        return 1000 * sorted(self.seconds)[int(0.99 * len(self.seconds))]


class Flood:
    """A crowd that comes, is slow, and goes, and what was seen of it."""

    def __init__(self, daemon: Daemon) -> None:
        self.before = resident_bytes(daemon)
        with ExitStack() as crowd:
            self.behaved = [
                Behaved(daemon.lane, SMALL_BY_LANE, b"$5\r\nsmall"),
                Behaved(daemon.web, SMALL_BY_WEB, b"small"),
            ]
            for caller in self.behaved:
                crowd.callback(caller.close)
            lane, web = (
                [crowd.enter_context(dial(address)) for _ in range(CROWD // 2)] for address in (daemon.lane, daemon.web)
            )
            self._speak(lane, web)
            self.full = resident_bytes(daemon)
            self.closed_s = seconds_until_closed(web[1:3])
            over = [crowd.enter_context(dial(daemon.lane)) for _ in range(MOST - len(lane) + 10)]
            self.refused = [connection for connection in over[-5:] if connection.recv(64).startswith(b"-ERR max")]
        until_now(lambda: descriptors(daemon) < CROWD / 100)
        until_now(lambda: resident_bytes(daemon) - self.before < CROWD * BYTES_LEFT_EACH)
        self.after = resident_bytes(daemon)

    def _speak(self, lane: list[socket.socket], web: list[socket.socket]) -> None:
        words = [*zip(lane, itertools.cycle(LANE)), *zip(web, itertools.cycle(WEB))]
        for number, (connection, word) in enumerate(words):
            connection.sendall(word)
            self._ask(number, CROWD // BEHAVED_CALLS)
        for number, connection in enumerate(lane[1::4]):  # a byte now and then, of a command that does not end
            connection.send(b"9")
            self._ask(number, 10)

    def _ask(self, number: int, every: int) -> None:
        if not number % every:
            for caller in self.behaved:
                caller.ask()

    def __repr__(self) -> str:
        lane, web = self.behaved
        return (
            f"p99 of {len(lane.seconds)} calls beside {CROWD}: {lane.p99_ms:.2f} ms by lane, "
            f"{web.p99_ms:.2f} ms by web; closed after {self.closed_s:.1f} s; MiB: {self.before >> 20} before, "
            f"{self.full >> 20} with the crowd, {self.after >> 20} after"
        )


def test_a_crowd_that_does_nothing_does_not_stop_the_service_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """The second crowd finds what the first one needed once and for all: what rises again is a leak."""
    settings = (
        f"limits.max_connections={MOST}",
        f"limits.body_timeout_ms={BODY_TIMEOUT_MS}",
        f"limits.keepalive_ms={KEEPALIVE_MS}",
    )
    with many_descriptors(), serving(tmp_path, *settings) as daemon:
        ask(daemon.web, "PUT", "/v1/cache/default/small", b"small")
        ask(daemon.web, "PUT", "/v1/cache/default/large", LARGE)
        floods = [Flood(daemon) for _ in range(2)]
        counted = refusals(daemon)
    print("", *floods, counted, sep="\n")
    for flood in floods:
        assert max(caller.p99_ms for caller in flood.behaved) < P99_MS
        assert flood.full - flood.before < CROWD * BYTES_EACH
        assert flood.closed_s < 2 * KEEPALIVE_MS / 1000 + 1
        assert len(flood.refused) == 5
    first, second = floods
    assert second.after - first.after < CROWD * BYTES_LEFT_BY_THE_SECOND
    assert counted["connections"] >= 10


def seconds_until_closed(connections: list[socket.socket]) -> float:
    """A header and a body that do not end: whatever is answered, the connection ends."""
    started = time.monotonic()
    for connection in connections:
        while connection.recv(65_536):
            continue
    return time.monotonic() - started


def descriptors(daemon: Daemon) -> int:
    return sum(1 for _ in Path(f"/proc/{daemon.process.pid}/fd").iterdir())


def resident_bytes(daemon: Daemon) -> int:
    pages = Path(f"/proc/{daemon.process.pid}/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


def refusals(daemon: Daemon) -> dict[str, float]:
    _, page = ask(daemon.diagnostics, "GET", "/metrics")
    mark = 'pannier_requests_refused_total{reason="'
    lines = [line.removeprefix(mark) for line in page.decode().splitlines() if line.startswith(mark)]
    return {reason: float(count) for reason, count in (line.split('"} ') for line in lines)}
