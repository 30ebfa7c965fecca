"""The async transport of one event loop: the shared line, a few lines for calls that may wait, and who redials them.

While the shared line is up, `line` is it, and a call costs nothing here. When it is lost, one task dials again: at
once, then with growing pauses; calls fail at once meanwhile. A new line is used by calls only after it has carried what
the outbox holds, so no read overtakes an invalidation that the sidecar had not heard of.

On a line that is up, the line watches the time. Whatever needs more than one exchange, or has to queue first, does all
of it within one budget.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from pannier._aio_dialling import connect, greet
from pannier._aio_line import AioLine
from pannier._aio_waiting_lines import WaitingLines
from pannier.errors import DeadlineExceeded, PannierError, Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable

    from pannier._aio_line import Orphan
    from pannier._breaker import Breaker
    from pannier._commands import Space
    from pannier._config import Endpoint, Settings
    from pannier._near_cache import NearCache

__all__ = ["AioTransport"]


class AioTransport:
    """Lines to one sidecar, for the tasks of one loop."""

    def __init__(
        self,
        settings: Settings,
        breaker: Breaker,
        clock: Callable[[], float],
        near: NearCache | None,
        deliver: Callable[[AioLine], Awaitable[None]],
    ) -> None:
        """Dial nothing yet.

        Args:
            settings: Where the sidecar is, and who we are to it.
            breaker: Whether it is worth asking.
            clock: Seconds.
            near: What the shared line feeds; none, when another loop's line does.
            deliver: Sends what waits in the outbox over a new line.
        """
        self.loop = asyncio.get_running_loop()
        self.line: AioLine | None = None
        self._settings = settings
        self._breaker = breaker
        self._clock = clock
        self._near = near
        self._deliver = deliver
        # The task that dials the shared line, and the outcome of its present attempt.
        self._dialling: asyncio.Task[None] | None = None
        self._attempt: asyncio.Future[AioLine] = self.loop.create_future()
        self._trouble: PannierError = Unavailable("the sidecar is away")
        # Where the dial under way, or one that failed, looked.
        self._tried: list[str] = []
        # When calls last ran out of time.
        self._struck_at = 0.0
        # For calls that may wait.
        self._waiting_lines = WaitingLines(partial(self._dial, tracking=False))
        # All of them: the shared one, and those for calls that may wait.
        self._lines: set[AioLine] = set()
        # Functions that run under a lease now: while there are any, every line is kept talking.
        self._loads = 0
        self.is_closed = False
        # Once there are lines: what the loop closes when it ends without `close` having been called.
        self._end: AsyncGenerator[None] | None = None

    async def connected(self) -> AioLine:
        """The shared line, dialled if there is none.

        Raises:
            PannierError: There is no sidecar, or it does not want us.
        """
        if self.line is not None:
            return self.line
        if self.is_closed:
            raise Unavailable("the client is closed")
        if self._dialling is None:
            self._begin_dialling()
        elif self._breaker.is_open:
            raise Unavailable(self._trouble.detail)
        return await asyncio.shield(self._attempt)

    @asynccontextmanager
    async def budget(self, seconds: float) -> AsyncGenerator[asyncio.Timeout]:
        """What is done inside takes so long at most, however many steps it has.

        Raises:
            DeadlineExceeded: It took longer.
        """
        try:
            async with asyncio.timeout(seconds) as budget:
                yield budget
        except TimeoutError as error:
            tried = f": tried {', '.join(self._tried)}" if self._tried else ""
            raise DeadlineExceeded(f"no answer within {self._settings.timeout:g} s{tried}") from error

    async def fetch_waiting(self, space: Space, key: bytes, orphan: Orphan) -> Any:
        """The reply to a fetch that waits for somebody else's fill, on a line of its own.

        Raises:
            PannierError: The sidecar is away, does not answer in time, or answered with an error; or no line is free in
                time.
        """
        async with self.budget(self._settings.timeout) as budget:
            line = await self._waiting_lines.take()
            try:
                left = (budget.when() or 0) - self.loop.time()
                return await line.ask_for(space.fetch_waiting(key, left), orphan)
            finally:
                self._waiting_lines.put_back(line)

    def hold(self) -> None:
        """A function begins under a lease: keep the lines talking, or the sidecar takes its holder for dead."""
        self._loads += 1
        if self._loads == 1:
            self._beat_as_needed()

    def let_go(self) -> None:
        """It is over."""
        self._loads -= 1
        if not self._loads:
            self._beat_as_needed()

    async def close(self) -> None:
        """Hang up. May be called twice."""
        dialling = self._dialling
        self.hang_up()
        if dialling is not None:
            await asyncio.wait([dialling])
        if self._end is not None:
            await self._end.aclose()

    def hang_up(self) -> None:
        """The same without waiting: the loop does the rest in its next turns."""
        self.is_closed = True
        if self._dialling is not None:
            self._dialling.cancel()
        for line in list(self._lines):
            line.abort()

    # What lines tell of.

    def pushed(self, keys: Iterable[bytes] | None) -> None:
        """The sidecar says that these keys changed."""
        if self._near is not None:
            self._near.pushed(keys)

    def unanswered(self, line: AioLine) -> None:
        """Calls ran out of time. After a few times in a row the line counts as lost, and dialling is the probe."""
        if line.heard_at > self._struck_at:
            self._breaker.answered()
        self._struck_at = self._clock()
        self._breaker.unanswered()
        if self._breaker.is_open:
            line.abort()

    def silent(self, line: AioLine, *, is_silent: bool) -> None:
        """A line that is silent for a second is no feed, until it speaks again."""
        if self._near is None or line is not self.line:
            return
        if is_silent:
            self._near.detach(line)
        elif not self._near.is_fed:
            self._near.attach(line)

    def lost(self, line: AioLine) -> None:
        """The connection is gone; if it was the shared one, dial again."""
        self._lines.discard(line)
        self._waiting_lines.lost(line)
        if self._near is not None:
            self._near.detach(line)
        if line is self.line:
            self.line = None
            if not self.is_closed:
                self._begin_dialling()

    # Dialling.

    def _begin_dialling(self) -> None:
        self._attempt = self.loop.create_future()
        self._dialling = self.loop.create_task(self._dial_until_it_works())

    async def _dial_until_it_works(self) -> None:
        try:
            while not await self._dial_shared():
                await asyncio.sleep(self._breaker.pause())
                self._attempt = self.loop.create_future()
        finally:
            self._dialling = None
            if not self._attempt.done():
                self._fail_attempt(Unavailable("the client is closed"))

    async def _dial_shared(self) -> bool:
        """One attempt; whether there is nothing left to try."""
        try:
            line = await self._dial_and_deliver()
        except PannierError as error:
            self._trouble = error
            self._breaker.gone()
            self._fail_attempt(error)
            return not error.retryable  # a fault that time does not heal is for the caller: the next call dials again
        self.line = line
        self._breaker.answered()
        if self._near is not None:
            self._near.attach(line)
        self._beat_as_needed()
        self._attempt.set_result(line)
        return True

    async def _dial_and_deliver(self) -> AioLine:
        deadline = self.loop.time() + self._settings.timeout
        line = await self._dial(tracking=self._near is not None)
        try:
            async with self.budget(deadline - self.loop.time()):
                await self._deliver(line)
        except PannierError:
            line.abort()
            raise
        return line

    def _fail_attempt(self, error: PannierError) -> None:
        self._attempt.set_exception(error)
        self._attempt.exception()  # nobody may be waiting

    async def _dial(self, *, tracking: bool) -> AioLine:
        if self.is_closed:
            raise Unavailable("the client is closed")
        tried = self._tried = []
        async with self.budget(self._settings.timeout):
            for endpoint in self._settings.endpoints:
                tried.append(f"{endpoint} (it takes no notice)")
                try:
                    line = await self._connect(endpoint)
                except OSError as error:
                    tried[-1] = f"{endpoint} ({error.strerror or error})"
                else:
                    await greet(line, self._settings, tracking=tracking)
                    self._tried = []
                    self._beat_as_needed()
                    return line
        raise Unavailable(f"no sidecar: tried {', '.join(tried)}")

    async def _connect(self, endpoint: Endpoint) -> AioLine:
        def make() -> AioLine:
            return AioLine(self.loop, self, self._settings.timeout, self._clock)

        line = await connect(endpoint, make)
        self._lines.add(line)
        if self.is_closed:
            line.abort()
        if self._end is None:
            self._end = self._hang_up_at_the_end()
            await anext(self._end)
        return line

    async def _hang_up_at_the_end(self) -> AsyncGenerator[None]:
        """A generator: a loop that ends (asyncio.run, a test's runner) closes every one that was begun in it."""
        try:
            yield
        finally:
            self.hang_up()
            await asyncio.sleep(0)  # the loop closes the sockets in its next turn

    def _beat_as_needed(self) -> None:
        for line in self._lines:
            if self._loads or (line is self.line and self._near is not None):
                line.start_beat()
            else:
                line.stop_beat()

    def __repr__(self) -> str:
        """Up or away, and how many lines there are."""
        return f"<AioTransport {'up' if self.line else 'away'}, {len(self._lines)} lines, {self._breaker!r}>"
