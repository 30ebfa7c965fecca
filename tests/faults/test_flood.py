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
BODY_TIMEOUT_MS = KEEPALIVE_MS = 4_000
LARGE = b"x" * 200_000
GIVES_BACK = {"MALLOC_MMAP_THRESHOLD_": "65536"}
"""The C library keeps freed memory for later use. Told so, it returns large blocks at once, and a leak shows."""

HEAD = b"PUT /v1/cache/default/key HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n"
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
    """Asks for a small value over the lane, one call after the other."""

    def __init__(self, daemon: Daemon) -> None:
        self.seconds: list[float] = []
        self._connection = dial(daemon.lane)
        assert self._said(packed(["SET", "small", "1"])) == b"+OK\r\n"
        assert self._said(packed(["SET", "large", LARGE])) == b"+OK\r\n"

    def ask(self) -> None:
        started = time.perf_counter()
        assert self._said(packed(["GET", "small"])) == b"$1\r\n1\r\n"
        self.seconds.append(time.perf_counter() - started)

    def close(self) -> None:
        self._connection.close()

    def _said(self, command: bytes) -> bytes:
        self._connection.sendall(command)
        return self._connection.recv(64)


def test_a_crowd_that_does_nothing_does_not_stop_the_service(tmp_path: Path) -> None:
    settings = (
        f"limits.max_connections={MOST}",
        f"limits.body_timeout_ms={BODY_TIMEOUT_MS}",
        f"limits.keepalive_ms={KEEPALIVE_MS}",
    )
    with many_descriptors(), serving(tmp_path, *settings, variables=GIVES_BACK) as daemon, ExitStack() as crowd:
        behaved = Behaved(daemon)
        crowd.callback(behaved.close)
        before = resident_bytes(daemon)
        lane, web = (
            [crowd.enter_context(dial(address)) for _ in range(CROWD // 2)] for address in (daemon.lane, daemon.web)
        )
        for (connection, words), number in zip(
            [*zip(lane, itertools.cycle(LANE)), *zip(web, itertools.cycle(WEB))], itertools.count(), strict=False
        ):
            connection.sendall(words)
            if not number % (CROWD // BEHAVED_CALLS):
                behaved.ask()
        for number, connection in enumerate(lane[1::4]):  # a byte now and then, of a command that does not end
            connection.send(b"9")
            if not number % 10:
                behaved.ask()
        full = resident_bytes(daemon)
        closed_s = seconds_until_closed(web[1:3])
        over = [dial(daemon.lane) for _ in range(MOST - len(lane) + 10)]
        for connection in over:
            crowd.enter_context(connection)
        refused = [connection for connection in over[-5:] if connection.recv(64).startswith(b"-ERR max")]
        counted = refusals(daemon)
        crowd.close()
        until_now(lambda: descriptors(daemon) < CROWD / 100)
        after = resident_bytes(daemon)
    p99_ms = 1000 * sorted(behaved.seconds)[int(0.99 * len(behaved.seconds))]
    print(
        f"\n{len(behaved.seconds)} calls beside {CROWD}: p99 {p99_ms:.2f} ms; closed after {closed_s:.1f} s; "
        f"MiB: {before >> 20} before, {full >> 20} with the crowd, {after >> 20} after; refused: {counted}"
    )
    assert p99_ms < P99_MS
    assert full - before < CROWD * BYTES_EACH
    assert after - before < CROWD * BYTES_EACH / 2
    assert closed_s < 2 * KEEPALIVE_MS / 1000 + 1
    assert len(refused) == 5
    assert counted["connections"] >= 5


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
