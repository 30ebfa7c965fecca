"""Listeners: where connections come from, and how they end together."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import TYPE_CHECKING, Final

from pannierd.resp.connection import Connection
from pannierd.resp.session import Peer
from pannierd.resp.socket_file import BACKLOG, SocketFile

if TYPE_CHECKING:
    from pathlib import Path

    from pannierd.config.address import Address
    from pannierd.resp.lane import Lane

QUIET_SECONDS: Final = 0.05
"""A connection that has nothing in flight and was silent for so long may be closed without cutting off a call."""

BUSY_SECONDS: Final = 0.5
"""A connection that was not quiet in so long will not be: it is closed behind an answer."""

KEEPALIVE_SECONDS: Final = 60
CREDENTIALS: Final = struct.Struct("3i")  # pid, uid, gid of SO_PEERCRED


class Listener:
    """One place that connections come from. Subclasses open it and tell who a peer is."""

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.connections: set[Connection] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Open it.

        Raises:
            OSError: that cannot be; the text says why.
        """
        self._server = await self._open()

    def stop_accepting(self) -> None:
        """No new connections; those that are there go on."""
        if self._server is not None:
            self._server.close()

    async def drain(self, max_ms: float) -> None:
        """Close each connection once it is quiet, or behind an answer; wait for that at most so long."""
        patient_until = self.lane.clock() + min(BUSY_SECONDS, max_ms / 2000)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max_ms / 1000):
                while self.connections:
                    now = self.lane.clock()
                    for connection in list(self.connections):
                        connection.close_if_quiet(now - QUIET_SECONDS)
                        if now > patient_until:
                            connection.part()
                    await asyncio.sleep(QUIET_SECONDS / 2)

    async def close(self) -> None:
        """End everything now. May be called twice."""
        self.stop_accepting()
        for connection in list(self.connections):
            connection.abort()
        server, self._server = self._server, None
        if server is not None:
            await server.wait_closed()

    def peer(self, transport: asyncio.Transport) -> Peer:
        """Who a new connection is."""
        raise NotImplementedError

    def _connection(self) -> Connection:
        return Connection(self)

    async def _open(self) -> asyncio.Server:
        raise NotImplementedError


class TcpListener(Listener):
    """On a TCP address."""

    def __init__(self, lane: Lane, address: Address) -> None:
        super().__init__(lane)
        self.address = address

    def peer(self, transport: asyncio.Transport) -> Peer:
        """A stranger, unless nobody has tokens."""
        connected: socket.socket = transport.get_extra_info("socket")
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_SECONDS)
        there, here = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        return Peer(_written(there), _written(here), self.lane.tenants.anonymous())

    async def _open(self) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(self._connection, self.address.host, self.address.port, backlog=BACKLOG)
        self.address = type(self.address)(self.address.host, server.sockets[0].getsockname()[1])
        return server


class UnixListener(Listener):
    """On a Unix socket."""

    def __init__(self, lane: Lane, path: Path, mode: int, group: str) -> None:
        super().__init__(lane)
        self.address = path
        self._file = SocketFile(path, mode, group)

    async def close(self) -> None:
        """Also removes the file."""
        await super().close()
        self._file.remove()

    def peer(self, transport: asyncio.Transport) -> Peer:
        """The kernel says who the other process belongs to: no token is needed where that is configured."""
        connected: socket.socket = transport.get_extra_info("socket")
        credentials = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
        _, user, group = CREDENTIALS.unpack(credentials)
        tenants = self.lane.tenants
        return Peer(f"{self.address}:0", str(self.address), tenants.by_peer(user, group) or tenants.anonymous())

    async def _open(self) -> asyncio.Server:
        listening = self._file.bind()
        return await asyncio.get_running_loop().create_unix_server(self._connection, sock=listening, backlog=BACKLOG)


def _written(name: tuple[str, int]) -> str:
    host, port = name[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
