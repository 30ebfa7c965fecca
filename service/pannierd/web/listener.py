"""A listener: one address where HTTP is spoken, from the first connection to the last."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final, cast

from aiohttp.web_server import Server

from pannierd.config.address import Address
from pannierd.resilience import Deadline, Places
from pannierd.web.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from pannierd.config import Limits
    from pannierd.web.connection import Service

__all__ = ["Listener"]

BACKLOG: Final = 1_024
PARTING_MS: Final = 100  # after a goodbye, how long a request that is already on its way is still answered


class Listener:
    """Accepts connections for a service. `start` once; `close` as often as you like.

    Attributes:
        address: where; once it was started with port 0, with the port that the system chose.

    Args:
        address: where.
        service: answers the requests.
        limits: of each connection, and how many there may be.
        clock: seconds, monotonic.
    """

    def __init__(self, address: Address, service: Service, limits: Limits, clock: Callable[[], float]) -> None:
        self.address = address
        self._service = service
        self._limits = limits
        self._clock = clock
        self._open = Places(limits.max_connections, "all connections are taken")
        self._accepting: asyncio.Server | None = None
        self._server: Server | None = None

    async def start(self) -> None:
        """Accept connections.

        Raises:
            OSError: the address is taken, or not ours.
        """
        loop = asyncio.get_running_loop()
        # A Reply has all that aiohttp asks of a response, see wire.py.
        server = self._server = Server(cast("Any", self._service), handler_cancellation=True)

        def connection() -> Connection:
            return Connection(server, self._service, self._limits, self._open, loop)

        self._accepting = await loop.create_server(connection, self.address.host, self.address.port, backlog=BACKLOG)
        self.address = Address(self.address.host, self._accepting.sockets[0].getsockname()[1])

    @property
    def connections(self) -> int:
        """How many are open."""
        return self._open.count

    def stop_accepting(self) -> None:
        """No new connections. Those that are open go on."""
        if self._accepting is not None:
            self._accepting.close()

    async def drain(self, max_ms: float) -> None:
        """Wait until every connection has had its answers, for at most `max_ms`.

        While the daemon drains each answer says `Connection: close`. A connection that stays idle is closed after a
        moment, in which a request that crossed our goodbye on the wire is still answered.
        """
        deadline = Deadline.after(max_ms, self._clock)
        await self._wait_for_the_last(min(PARTING_MS, max_ms))
        if self._server is not None:
            self._server.pre_shutdown()  # closes the idle ones now, the others after their answer
        await self._wait_for_the_last(deadline.left_ms())

    async def close(self) -> None:
        """End everything now."""
        self.stop_accepting()
        if self._server is not None:
            for connection in self._server.connections:
                cast("Connection", connection).abort()
            await self._open.idle()

    async def _wait_for_the_last(self, max_ms: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max_ms / 1000):
                await self._open.idle()

    def __repr__(self) -> str:
        return f"<Listener {self.address} {self._open.count} open>"
