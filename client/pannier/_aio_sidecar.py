"""The sidecar as the async client sees it: fetch, store and invalidate, with the near-cache and the outbox kept right.

Each event loop that uses the client has its own connections; the near-cache is fed by the first loop's, for as long as
that loop lives. The outbox is the process's.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any, TypeVar

from pannier import _commands, _forks
from pannier._aio_line import AioLine
from pannier._aio_transport import AioTransport
from pannier._breaker import Breaker
from pannier._commands import Reach, Space, read_reach, sound
from pannier._near_cache import NearCache, NearEntry
from pannier._outbox import Outbox
from pannier.errors import Disconnected, PannierError, is_outage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence

    from pannier._aio_line import Orphan
    from pannier._config import Settings
    from pannier._outbox import Invalidation

__all__ = ["AioSidecar"]

T = TypeVar("T")

_MANY = 1_024  # commands that go together, and have one timeout; a line takes 65,536


class AioSidecar:
    """One sidecar, for the tasks of any loop."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        """Connect to nothing yet."""
        self.settings = settings
        self.clock = clock
        # Once `close` was called, in whichever loop.
        self.is_closed = False
        self.near = NearCache(settings.near_cache, clock) if settings.near_cache else None
        self._outbox = Outbox()
        # Tasks that run in the background: refreshes, loads, deliveries. Each ends by itself or in close().
        self._tasks: set[asyncio.Task[Any]] = set()
        self._delivery: asyncio.Task[None] | None = None
        self._transports: dict[asyncio.AbstractEventLoop, AioTransport] = {}
        # The transport that was used last: nearly always the only one.
        self._transport: AioTransport | None = None
        self._feeding: AioTransport | None = None
        _forks.watch(self)

    def begin_anew(self) -> None:
        """This is another process now. The parent's connections are left alone: closing would reach into its epoll."""
        self._transports = {}
        self._transport = self._feeding = None
        self._tasks = set()
        self._delivery = None
        self._outbox.begin_anew()
        if self.near is not None:
            self.near.begin_anew()

    def here(self) -> AioTransport:
        """The transport of the running loop; it is closed when the client is. Hot: F2 guards it."""
        transport = self._transport
        if transport is None or transport.loop is not asyncio.get_running_loop():
            transport = self._transport = self._find_transport()
        return transport

    def bare_line(self) -> AioLine | None:
        """The line to ask for a value without more ado: there is no near-cache, nothing waits, and it is up. Hot."""
        if self.near is not None or self._outbox.is_waiting:
            return None
        transport = self._transport
        if transport is None or transport.loop is not asyncio.get_running_loop():
            return None
        return transport.line

    async def ask(self, command: bytes) -> Any:
        """The reply to one command.

        Raises:
            PannierError: The sidecar is away, does not answer in time, or answered with an error.
        """
        return await self._over_a_line(AioLine.ask, command)

    async def ask_many(self, commands: Sequence[bytes]) -> list[Any]:
        """The replies to many commands, in order; what was the caller's fault is a PannierError among them.

        The timeout begins anew with each part that is sent.

        Raises:
            PannierError: The sidecar is away or does not answer in time.
        """
        replies: list[Any] = []
        for start in range(0, len(commands), _MANY):
            replies += await self._over_a_line(_ask_together, commands[start : start + _MANY])
        return replies

    async def fetch(self, space: Space, key: bytes, command: bytes, orphan: Orphan | None = None) -> Any:
        """The reply to a fetch of this key, kept near when it may be.

        Raises:
            PannierError: The sidecar is away, refuses, or has yet to hear of an invalidation that concerns the key.
        """
        self.check_outbox(space, key)
        return await self._over_a_line(self._fetch, space.prefix, key, command, orphan)

    async def fetch_again(self, space: Space, key: bytes, command: bytes, line: AioLine) -> Any:
        """The same when the bare line broke: over a new one, in the time that was left. Raises as `fetch` does."""
        self.check_outbox(space, key)
        return await self._by_a_new_line(line.seconds_left, self._fetch, space.prefix, key, command, None)

    async def peek_many(self, space: Space, keys: Sequence[bytes]) -> list[Any]:
        """The replies to fetches of these keys, without a lease. Raises as `fetch` does."""
        for key in keys:
            self.check_outbox(space, key)
        return await self.ask_many([space.peek(key) for key in keys])

    def check_outbox(self, space: Space, key: bytes) -> None:
        """See whether the key may be read and filled.

        Raises:
            Unavailable: Something that concerns the key waits to be acknowledged.
        """
        if self._outbox.is_waiting:
            self._start_delivery()
            self._outbox.check(space.namespace, key)

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
            PannierError: The sidecar refuses it for good, or the client is closed and will not send it again.
        """
        is_settled = False
        try:
            reach = read_reach(await self.ask(_commands.invalidate(invalidation)))
            is_settled = True
        except PannierError as error:
            is_settled = not is_outage(error)
            if is_settled or self.is_closed:
                raise
            reach = Reach.QUEUED
        finally:
            if is_settled:
                self._forget_what(invalidation)
            else:  # unanswered, or given up by its caller: it was meant all the same
                self.queue(invalidation)
        return reach

    def queue(self, invalidation: Invalidation) -> None:
        """Keep it until the sidecar acknowledges it, and bypass meanwhile what it concerns."""
        self._outbox.add(invalidation)
        self._forget_what(invalidation)
        self._start_delivery()

    def name(self, namespace: str) -> None:
        """This namespace is used here."""
        self._outbox.name(namespace)

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
        """Send what waits if that is possible now, end what runs, hang up in every loop. May be called twice."""
        self.is_closed = True
        transport = self._transports.get(asyncio.get_running_loop())
        if transport is not None:
            if transport.line is not None:
                await self._deliver_over(transport.line)
            await self._end_tasks(transport.loop)
            await transport.close()
        self._outbox.close()
        self.leave()

    def leave(self) -> None:
        """Hang up in every loop, from outside of them, while nothing is under way. The next call dials anew."""
        for loop, transport in self._transports.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(transport.hang_up)
        self._transports = {}
        self._transport = self._feeding = None

    async def _end_tasks(self, loop: asyncio.AbstractEventLoop) -> None:
        tasks = [task for task in self._tasks if task.get_loop() is loop]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _forget_what(self, invalidation: Invalidation) -> None:
        self.forget(None if invalidation.is_wide else invalidation.keys)

    async def _over_a_line(self, ask: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        """What comes of asking over the shared line; over a new one, if it is gone. All within one timeout."""
        line = self.here().line
        if line is None:
            return await self._by_a_new_line(self.settings.timeout, ask, *arguments)
        try:
            return await ask(line, *arguments)
        except Disconnected:  # left over from before the sidecar's restart
            return await self._by_a_new_line(line.seconds_left, ask, *arguments)

    async def _by_a_new_line(self, seconds: float, ask: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        """What comes of asking over the shared line once it is dialled. Raises DeadlineExceeded after so long."""
        transport = self.here()
        async with transport.budget(seconds):
            return await ask(await transport.connected(), *arguments)

    async def _fetch(self, line: AioLine, prefix: bytes, key: bytes, command: bytes, orphan: Orphan | None) -> Any:
        asked = line.ask(command) if orphan is None else line.ask_for(command, orphan)
        if self.near is None or not self.near.is_fed_by(line):
            return await asked
        ticket = self.near.expect(prefix, key)
        entry = None
        try:
            asked_at = self.clock()
            reply = await asked
            entry = NearEntry.of(reply, asked_at)
        finally:
            self.near.settle(ticket, prefix + key, entry)
        return reply

    def _find_transport(self) -> AioTransport:
        loop = asyncio.get_running_loop()
        transport = self._transports.get(loop)
        if transport is None:
            for gone in [other for other in self._transports if other.is_closed()]:
                del self._transports[gone]
            is_feeding = self._feeding is None or self._feeding.loop.is_closed()
            near = self.near if is_feeding else None
            breaker = Breaker(self.clock, random.random)
            transport = AioTransport(self.settings, breaker, self.clock, near, self._deliver_over)
            self._transports[loop] = transport
            self._feeding = transport if is_feeding else self._feeding
            if self.is_closed:
                transport.hang_up()
        return transport

    def _start_delivery(self) -> None:
        if self.is_closed:
            return
        if self._delivery is None or self._delivery.done() or self._delivery.get_loop().is_closed():
            self._delivery = self.spawn(self._deliver())

    async def _deliver(self) -> None:
        """Send what waits again and again, with growing pauses, until all of it is acknowledged."""
        pace = Breaker(self.clock, random.random)
        while self._outbox.is_waiting:
            await asyncio.sleep(pace.pause())
            transport = self.here()
            if transport.line is not None:  # otherwise the next line carries it first of all
                await self._deliver_over(transport.line)

    async def _deliver_over(self, line: AioLine) -> None:
        sent = self._outbox.waiting()
        asked = [line.ask(_commands.invalidate(invalidation)) for invalidation, _ in sent]
        self._outbox.settle(sent, await asyncio.gather(*asked, return_exceptions=True))

    def __repr__(self) -> str:
        """What it is made of."""
        return f"<AioSidecar {self._transport!r}, {self._outbox!r}, {self.near!r}>"


async def _ask_together(line: AioLine, commands: Sequence[bytes]) -> list[Any]:
    return sound(await asyncio.gather(*map(line.ask, commands), return_exceptions=True))
