"""A bare connection to a RESP server, for what prepares a measurement or must not be shaped by a client library."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, Final, Self

import hiredis

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["Lane", "packed"]

Argument = str | bytes | int
RECEIVE_BYTES: Final = 65_536
BATCH: Final = 1_000


def packed(*words: Argument) -> bytes:
    """A command in wire form."""
    return bytes(hiredis.pack_command(words))  # type: ignore[arg-type]  # its stub knows only commands of one word


class Lane:
    """One blocking connection. Ends with its `with`."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._reader = hiredis.Reader(replyError=RuntimeError, protocolError=RuntimeError)

    @classmethod
    def connect(cls, address: tuple[str, int] | Path) -> Self:
        """To a TCP address, or to a Unix socket by its path."""
        if isinstance(address, tuple):
            connection = socket.create_connection(address)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return cls(connection)
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(address))
        return cls(connection)

    def call(self, *words: Argument) -> Any:
        """One command and its reply.

        Raises:
            RuntimeError: the reply is an error.
            OSError: the connection broke.
        """
        self.send(packed(*words))
        return self.receive()

    def pipeline(self, commands: Iterable[tuple[Argument, ...]]) -> None:
        """Many commands whose replies nobody needs, as long as none is an error."""
        waiting: list[bytes] = []
        for command in commands:
            waiting.append(packed(*command))
            if len(waiting) == BATCH:
                self._exchange(waiting)
                waiting = []
        self._exchange(waiting)

    def send(self, wire: bytes) -> None:
        """Commands in wire form."""
        self._socket.sendall(wire)

    def receive(self) -> Any:
        """The next reply."""
        reply = self._reader.gets()
        while reply is False:
            received = self._socket.recv(RECEIVE_BYTES)
            if not received:
                raise ConnectionResetError("the server closed the connection")
            self._reader.feed(received)
            reply = self._reader.gets()
        if isinstance(reply, RuntimeError):
            raise reply
        return reply

    def _exchange(self, commands: list[bytes]) -> None:
        self.send(b"".join(commands))
        for _ in commands:
            self.receive()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
