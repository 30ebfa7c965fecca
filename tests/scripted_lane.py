"""A lane that answers as a test says, for faults that a real sidecar shows too rarely. A thread for each connection."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Any, Self

from hiredis import Reader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Answer = bytes | Callable[["Connection", list[bytes]], bytes | None]

PATIENCE_S = 10.0
"""Longer than anything here takes."""

MISS = b"*5\r\n+miss\r\n_\r\n_\r\n:0\r\n$0\r\n\r\n"


def hit(value: bytes, content_type: bytes = b"application/json", ttl_ms: int = 60_000) -> bytes:
    return _fetched(b"hit", value, None, ttl_ms, content_type)


def stale(value: bytes, lease: bytes | None = None, content_type: bytes = b"application/json") -> bytes:
    return _fetched(b"stale", value, lease, 0, content_type)


def miss(lease: bytes) -> bytes:
    return _fetched(b"miss", None, lease, 0, b"")


def invalidated(*keys: bytes) -> bytes:
    named = b"".join([b"*%d\r\n" % len(keys), *map(_bulk, keys)]) if keys else b"_\r\n"
    return b">2\r\n" + _bulk(b"invalidate") + named


def _fetched(status: bytes, value: bytes | None, lease: bytes | None, ttl_ms: int, content_type: bytes) -> bytes:
    return b"*5\r\n" + b"".join(map(_bulk, (status, value, lease))) + b":%d\r\n" % ttl_ms + _bulk(content_type)


def _bulk(text: bytes | None) -> bytes:
    return b"_\r\n" if text is None else b"$%d\r\n%b\r\n" % (len(text), text)


class Connection:
    """One client's connection."""

    def __init__(self, lane: ScriptedLane, accepted: socket.socket) -> None:
        self._lane = lane
        self._socket = accepted
        self._reader = Reader()

    def serve(self) -> None:
        with contextlib.suppress(OSError), self._socket:
            while received := self._socket.recv(65_536):
                self._reader.feed(received)
                while (command := self._reader.gets()) is not False:
                    answer = self._lane.answer(self, command)
                    if answer is not None:
                        self.send(answer)

    def send(self, answer: bytes) -> None:
        self._socket.sendall(answer)

    def cut(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)


class ScriptedLane:
    """A lane on a Unix socket.

    Attributes:
        url: where clients find it.
        answers: what is answered to a command, by its name: bytes, or a function that returns them (None: nothing yet).
        commands: all that was asked, in order.
        connections: all that were accepted.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "lane.sock"
        self.url = f"unix://{self.path}"
        self.answers: dict[str, Answer] = {
            "HELLO": b"%1\r\n+server\r\n+redis\r\n",
            "PN.NS": b"+OK\r\n",
            "CLIENT": b"+OK\r\n",
            "PING": b"+PONG\r\n",
            "PN.FETCH": MISS,
            "PN.STORE": b"+stored\r\n",
            "PN.RELEASE": b"+OK\r\n",
            "PN.INVALIDATE": b"+OK\r\n",
        }
        self.commands: list[list[bytes]] = []
        self.connections: list[Connection] = []
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._listener: socket.socket | None = None

    def __enter__(self) -> Self:
        self.listen()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def listen(self) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen()
        self._start(self._accept, self._listener)

    def stop(self) -> None:
        """As a killed sidecar: nobody listens, and connections break."""
        if self._listener is not None:
            self.path.unlink()
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for connection in self.connections:
            connection.cut()

    def answer(self, connection: Connection, command: list[bytes]) -> bytes | None:
        with self._changed:
            self.commands.append(command)
            answer = self.answers[command[0].decode()]
            self._changed.notify_all()
        return answer if isinstance(answer, bytes) else answer(connection, command)

    def asked(self, name: str) -> list[list[bytes]]:
        """The commands of one name so far."""
        return [command for command in list(self.commands) if command[0] == name.encode()]

    def until_asked(self, name: str, times: int = 1) -> list[list[bytes]]:
        """Wait until a command came so many times."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.asked(name)) >= times, PATIENCE_S), self.commands
        return self.asked(name)

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                accepted, _ = listener.accept()
                connection = Connection(self, accepted)
                self.connections.append(connection)
                self._start(connection.serve)

    def _start(self, work: Callable[..., Any], *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()
