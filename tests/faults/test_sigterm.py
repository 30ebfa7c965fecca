"""SIGTERM under load: what is in flight on either lane is answered, and the end comes soon."""

from __future__ import annotations

import signal
import socket
import threading
import time
from typing import TYPE_CHECKING

from callers import packed
from daemon import PATIENCE_S, Daemon, serving
from traffic import flowing

if TYPE_CHECKING:
    from pathlib import Path

DRAIN_MAX_MS = 2_000
EXIT_MS = 1_000  # for the interpreter to end behind the drain, on a busy machine
CALLERS = 4
COMMAND = packed(["INCR", "count"])
REQUEST = b"GET /v1/cache/default/greeting HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Caller:
    """Asks again as soon as it has its answer, over one connection, until it is hung up on.

    Attributes:
        answers: whole ones, in order.
        rest: of an answer that was cut off.
        error: of the socket; a reset is one.
    """

    def __init__(self, connection: socket.socket, request: bytes, mark: bytes) -> None:
        """Take the mark for the end of an answer."""
        self.answers: list[bytes] = []
        self.rest = b""
        self.error: OSError | None = None
        self._connection = connection
        self._request = request
        self._mark = mark
        self._has_begun = threading.Event()
        self._thread = threading.Thread(target=self._ask_on)
        self._thread.start()
        assert self._has_begun.wait(PATIENCE_S)

    def join(self) -> None:
        self._thread.join(PATIENCE_S)

    def _ask_on(self) -> None:
        try:
            self._connection.sendall(self._request)
            while received := self._connection.recv(65_536):
                self.rest += received
                if self.rest.endswith(self._mark):
                    self.answers.append(self.rest)
                    self.rest = b""
                    self._has_begun.set()
                    if b"Connection: close" not in received:
                        self._connection.sendall(self._request)
        except BrokenPipeError:
            pass  # it was hung up before the request was sent
        except OSError as error:
            self.error = error
        finally:
            self._connection.close()


def lane_caller(daemon: Daemon) -> Caller:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(daemon.socket))
    return Caller(connection, COMMAND, b"\r\n")


def tcp_caller(daemon: Daemon) -> Caller:
    return Caller(dial(daemon.lane), COMMAND, b"\r\n")


def web_caller(daemon: Daemon) -> Caller:
    return Caller(dial(daemon.web), REQUEST, b"hello")


def dial(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), PATIENCE_S)


def test_nothing_that_is_in_flight_fails(tmp_path: Path) -> None:
    with serving(tmp_path, f"server.drain_max_ms={DRAIN_MAX_MS}") as daemon:
        greet(daemon)
        with flowing("async", f"unix://{daemon.socket}") as traffic:
            lane = [dial_up(daemon) for dial_up in (lane_caller, tcp_caller) for _ in range(CALLERS)]
            web = [web_caller(daemon) for _ in range(CALLERS)]
            traffic.more(100)
            asked_at = time.monotonic()
            daemon.send(signal.SIGTERM)
            code = daemon.ended()
            took_ms = 1000 * (time.monotonic() - asked_at)
            traffic.more(20)
        for caller in (*lane, *web):
            caller.join()
    counts = [len(caller.answers) for caller in (*lane, *web)]
    print(f"\nended after {took_ms:.0f} ms; answers: {counts}")
    assert code == 0
    assert not daemon.socket.exists()
    assert took_ms < DRAIN_MAX_MS + EXIT_MS
    assert traffic.errors == []
    assert [(caller.error, caller.rest) for caller in (*lane, *web)] == [(None, b"")] * len(counts)
    told = sorted(int(answer[1:]) for caller in lane for answer in caller.answers)
    assert told == list(range(1, len(told) + 1)), "what was carried out was answered"
    assert all(b"Connection: close" in caller.answers[-1] for caller in web), "who asks on is told to stop first"


def greet(daemon: Daemon) -> None:
    with dial(daemon.lane) as connection:
        connection.sendall(packed(["SET", "greeting", "hello"]))
        assert connection.recv(64) == b"+OK\r\n"
