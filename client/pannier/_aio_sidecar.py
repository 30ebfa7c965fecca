"""The sidecar as the async client sees it: fetch, store and invalidate, with the near-cache and the outbox kept right.

Each event loop that uses the client has its own connections; the near-cache is fed by the first loop's, for as long as
that loop lives. The outbox is the process's.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
from typing import TYPE_CHECKING, Any

from pannier import _commands
from pannier._aio_transport import AioTransport
from pannier._breaker import Breaker
from pannier._commands import Reach, Space, read_reach, sound
from pannier._near_cache import NearCache, NearEntry
from pannier._outbox import Outbox
from pannier.errors import Disconnected, PannierError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Sequence

    from pannier._aio_line import AioLine, Orphan
    from pannier._config import Settings
    from pannier._outbox import Invalidation

__all__ = ["AioSidecar"]

_log = logging.getLogger("pannier")


class AioSidecar:
    """One sidecar, for the tasks of any loop."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        """Connect to nothing yet."""
        self.settings = settings
        self.clock = clock
        self.near = NearCache(settings.near_cache, clock) if settings.near_cache else None
        self._outbox = Outbox()
        # Tasks that run in the background: refreshes, loads, deliveries. Each ends by itself or in close().
        self._tasks: set[asyncio.Task[Any]] = set()
        self._delivery: asyncio.Task[None] | None = None
        self._pid = os.getpid()
        self._transports: dict[asyncio.AbstractEventLoop, AioTransport] = {}
        # The transport that was used last: nearly always the only one.
        self._transport: AioTransport | None = None
        self._feeding: AioTransport | None = None

    def here(self) -> AioTransport:
        """The transport of the running loop, and of no other process."""
        transport = self._transport
        if transport is None or transport.loop is not asyncio.get_running_loop() or os.getpid() != self._pid:
            transport = self._transport = self._find_transport()
        return transport

    async def ask(self, command: bytes) -> Any:
        """The reply to one command.

        Raises:
            PannierError: The sidecar is away, does not answer in time, or answered with an error.
        """
        try:
            return await (await self._line()).ask(command)
        except Disconnected:
            return await (await self._line()).ask(command)

    async def ask_many(self, commands: Sequence[bytes]) -> list[Any]:
        """The replies to many commands, in order; what was answered with an error is the PannierError.

        Raises:
            PannierError: The sidecar is away or does not answer in time.
        """
        try:
            return await self._ask_many(commands)
        except Disconnected:
            return await self._ask_many(commands)

    async def fetch(self, space: Space, key: bytes, command: bytes, orphan: Orphan | None = None) -> Any:
        """The reply to a fetch of this key, kept near when it may be. Hot: F2 guards it.

        Raises:
            PannierError: The sidecar is away, refuses, or has yet to hear of an invalidation that concerns the key.
        """
        if self._outbox.is_waiting:
            self.check_outbox(space, key)
        transport = self.here()
        line = transport.line or await transport.connected()
        try:
            if self.near is None or not self.near.is_fed_by(line):
                return await line.ask(command, orphan)
            return await self._fetch_near(line, space.prefix, key, command, orphan)
        except Disconnected:
            return await (await self._line()).ask(command, orphan)

    def check_outbox(self, space: Space, key: bytes) -> None:
        """See whether the key may be read and stored.

        Raises:
            Unavailable: Something that concerns the key waits to be acknowledged.
        """
        if self._outbox.blocks(space.namespace, key):
            self._start_delivery()
            raise Unavailable("the sidecar has not acknowledged an invalidation that concerns this key")

    async def store(self, space: Space, key: bytes, command: bytes) -> bool:
        """Store a value; whether it is kept.

        Raises:
            PannierError: The sidecar is away or refuses.
        """
        self.check_outbox(space, key)
        try:
            return bool(await self.ask(command) == b"stored")
        finally:
            self.forget((key,))

    async def invalidate(self, invalidation: Invalidation) -> Reach:
        """Forget what it names, everywhere; while the sidecar is away, queue it.

        Raises:
            PannierError: The sidecar refuses it for good.
        """
        is_settled = False
        try:
            reach = read_reach(await self.ask(_commands.invalidate(invalidation)))
            is_settled = True
        except PannierError as error:
            if not error.retryable:
                is_settled = True
                raise
            reach = Reach.QUEUED
        finally:
            self.forget(None if invalidation.is_wide else invalidation.keys)
            if not is_settled:  # unanswered, or given up by its caller: it was meant all the same
                self._outbox.add(invalidation)
                self._start_delivery()
        return reach

    def queue(self, invalidation: Invalidation) -> None:
        """Keep it until the sidecar acknowledges it, and bypass meanwhile what it concerns."""
        self._outbox.add(invalidation)
        self.forget(None if invalidation.is_wide else invalidation.keys)
        self._start_delivery()

    def forget(self, keys: Iterable[bytes] | None) -> None:
        """Drop these keys from the near-cache, or everything."""
        if self.near is not None:
            self.near.pushed(keys)

    @property
    def background(self) -> list[asyncio.Task[Any]]:
        """What runs in this client's own tasks now."""
        return list(self._tasks)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """A task of this client's own, which no caller's cancellation ends."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Send what waits if that is possible now, end what runs in this loop, hang up. May be called twice."""
        transport = self._transports.get(asyncio.get_running_loop())
        if transport is None:
            return
        if transport.line is not None:
            await self._deliver_once(transport.line)
        tasks = [task for task in self._tasks if task.get_loop() is transport.loop]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await transport.close()

    def leave(self) -> None:
        """Hang up in every loop, from outside of them, while nothing is under way. The next call dials anew."""
        for loop, transport in self._transports.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(transport.hang_up)
        self._transports = {}
        self._transport = self._feeding = None

    async def _line(self) -> AioLine:
        transport = self.here()
        return transport.line or await transport.connected()

    async def _ask_many(self, commands: Sequence[bytes]) -> list[Any]:
        line = await self._line()
        return sound(await asyncio.gather(*map(line.ask, commands), return_exceptions=True))

    async def _fetch_near(self, line: AioLine, prefix: bytes, key: bytes, command: bytes, orphan: Orphan | None) -> Any:
        assert self.near is not None  # noqa: S101 - this line feeds it
        ticket = self.near.expect(prefix, key)
        entry = None
        try:
            asked_at = self.clock()
            reply = await line.ask(command, orphan)
            entry = NearEntry.of(reply, asked_at)
        finally:
            self.near.settle(ticket, prefix + key, entry)
        return reply

    def _find_transport(self) -> AioTransport:
        if os.getpid() != self._pid:
            # The parent's connections are left alone, not closed: closing would unregister them from its epoll.
            self._pid = os.getpid()
            self._transports = {}
            self._tasks = set()
            self._delivery = self._feeding = None
            if self.near is not None:
                self.near.begin_anew()
        loop = asyncio.get_running_loop()
        transport = self._transports.get(loop)
        if transport is None:
            for gone in [other for other in self._transports if other.is_closed()]:
                del self._transports[gone]
            is_feeding = self._feeding is None or self._feeding.loop.is_closed()
            near = self.near if is_feeding else None
            breaker = Breaker(self.clock, random.random)
            transport = AioTransport(self.settings, breaker, self.clock, near, self._deliver_once)
            self._transports[loop] = transport
            self._feeding = transport if is_feeding else self._feeding
        return transport

    def _start_delivery(self) -> None:
        if self._delivery is None or self._delivery.done() or self._delivery.get_loop().is_closed():
            self._delivery = self.spawn(self._deliver())

    async def _deliver(self) -> None:
        """Send what waits again and again, with growing pauses, until all of it is acknowledged."""
        pace = Breaker(self.clock, random.random)
        while self._outbox.is_waiting:
            await asyncio.sleep(pace.pause())
            transport = self.here()
            if transport.line is not None:  # otherwise the next line carries it first of all
                await self._deliver_once(transport.line)

    async def _deliver_once(self, line: AioLine) -> None:
        for invalidation, number in self._outbox.waiting():
            try:
                await line.ask(_commands.invalidate(invalidation))
            except PannierError as error:
                if error.retryable:
                    return
                _log.warning("the sidecar refuses an invalidation that waited: %s", error)
            self._outbox.acknowledged(invalidation, number)

    def __repr__(self) -> str:
        """What it is made of."""
        return f"<AioSidecar {self._transport!r}, {self._outbox!r}, {self.near!r}>"
