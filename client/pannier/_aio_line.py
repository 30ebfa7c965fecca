"""A line for asyncio: one connection that any number of tasks share.

Commands of one turn of the loop leave in one write; replies come in order, so the oldest waiting task gets the next
one. A task that gives up leaves its place in the row, and the reply that comes for it is dropped (a lease in it is
given back). Time-outs are watched in windows, not by a timer for each call.
"""

from __future__ import annotations

import asyncio
import select
import threading
from collections import deque
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol, cast

from hiredis import ProtocolError, PushNotification, Reader, ReplyError

from pannier._commands import read_error
from pannier._near_cache import DRAIN_EVERY, SILENCE_LIMIT
from pannier._wire import PING
from pannier.errors import DeadlineExceeded, Disconnected, Overloaded, PannierError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["AioLine", "Orphan", "Owner"]

_MAX_WAITING = 65_536  # calls on their way over one line
_WINDOWS = 64  # a call runs out of time at most this part of the timeout early, and never late
_BEAT_SECONDS = 0.4
_UNFINISHED = object()


class Orphan(Protocol):
    """What asked for a reply that nobody waits for any more."""

    def give_back(self, reply: Any) -> bytes | None:
        """The command that gives back what the reply grants, if it grants anything."""
        ...


class Owner(Protocol):
    """Who keeps the line."""

    def pushed(self, keys: Iterable[bytes] | None) -> None:
        """These keys changed, or, with none, anything may have."""
        ...

    def unanswered(self, line: AioLine) -> None:
        """Calls ran out of time."""
        ...

    def silent(self, line: AioLine, *, is_silent: bool) -> None:
        """At each beat: whether nothing was heard for a second, though it was asked for."""
        ...

    def lost(self, line: AioLine) -> None:
        """The connection is gone."""
        ...


class AioLine(asyncio.Protocol):
    """One connection. State by lifetime: the connection's, then the row of calls, then the watch over them."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, owner: Owner, timeout: float, clock: Callable[[], float]
    ) -> None:
        """Prepare a connection that `loop.create_connection` will make."""
        self._loop = loop
        self._owner = owner
        self._timeout = timeout
        self._clock = clock
        self._transport: asyncio.Transport | None = None
        # Looked at by whichever thread has a near hit to prove, one at a time.
        self._poll: select.poll | None = None
        self._looking = threading.Lock()
        self._reader = Reader(notEnoughData=_UNFINISHED)
        self._feed = self._reader.feed
        self._next = self._reader.gets
        self._new_future: Callable[[], asyncio.Future[Any]] = partial(asyncio.Future, loop=loop)
        # When the sidecar was last heard on this line.
        self.heard_at = clock()
        # Once it is lost: the time that the oldest of its calls had left.
        self.seconds_left = timeout

        # Commands of this turn of the loop, not yet written: those of the row's end.
        self._out: list[bytes] = []
        # Whoever waits for a reply, oldest first.
        self._row: deque[asyncio.Future[Any]] = deque()
        # Those of them whose reply may grant something.
        self._orphans: dict[asyncio.Future[Any], Orphan] = {}
        self._answered = 0
        self._nobody: asyncio.Future[Any] = loop.create_future()
        self._nobody.cancel()

        # Windows of calls: when it runs out of time, and how many calls were made until its end.
        self._windows: deque[list[float]] = deque()
        self._watch: asyncio.TimerHandle | None = None
        self._beat: asyncio.TimerHandle | None = None

    # Hot from here: loadtests/f02_async_client.py guards it (F2).

    def ask(self, command: bytes) -> asyncio.Future[Any]:
        """Send a command with this turn's others; the future is its reply, or raises the PannierError.

        Raises:
            Disconnected: The connection is gone.
        """
        if self._transport is None:
            raise Disconnected("the connection to the sidecar is gone")
        out = self._out
        if not out:
            self._loop.call_soon(self._flush)
        out.append(command)
        future = self._new_future()
        self._row.append(future)
        return future

    def data_received(self, data: bytes) -> None:
        """Hand replies to the row, pushes to the owner."""
        self.heard_at = self._clock()
        read, take, orphans = self._next, self._row.popleft, self._orphans
        answered = 0
        try:
            self._feed(data)
            while (reply := read()) is not _UNFINISHED:
                kind = type(reply)
                if kind is PushNotification:
                    self._take_push(reply)
                    continue
                future = take()
                answered += 1
                orphan = orphans.pop(future, None) if orphans else None
                if future.done():
                    self._give_back(reply, orphan)
                elif kind is ReplyError:
                    future.set_exception(read_error(reply))
                else:
                    future.set_result(reply)
        except (ProtocolError, IndexError):  # what it says is no answer to anything
            self.abort()
        self._answered += answered

    def _flush(self) -> None:
        out = self._out
        self._out = []
        if self._transport is not None and out:
            if len(self._row) > _MAX_WAITING:
                self._refuse(out, len(self._row) - _MAX_WAITING)
            self._transport.write(out[0] if len(out) == 1 else b"".join(out))
            self._note_window()

    # Hot until here.

    async def ask_for(self, command: bytes, orphan: Orphan) -> Any:
        """The reply to a command; when nobody waits for it any more, what it grants is given back. Raises as `ask`."""
        future = self.ask(command)
        self._orphans[future] = orphan
        try:
            return await future
        except asyncio.CancelledError:
            # The reply may have come in the very turn of the loop in which its caller was cancelled.
            if future.done() and not future.cancelled() and future.exception() is None:
                self._give_back(future.result(), orphan)
            raise

    def tell(self, command: bytes) -> None:
        """Send a command whose answer nobody waits for."""
        if self._transport is not None:
            if not self._out:
                self._loop.call_soon(self._flush)
            self._out.append(command)
            self._row.append(self._nobody)

    @property
    def is_quiet(self) -> bool:
        """No reply is on its way."""
        return not self._row

    def start_beat(self) -> None:
        """From now on say something at least every second, and watch that an answer comes."""
        if self._beat is None and self._transport is not None:
            self._beat = self._loop.call_later(_BEAT_SECONDS, self._on_beat)

    def stop_beat(self) -> None:
        """No longer."""
        if self._beat is not None:
            self._beat.cancel()
            self._beat = None

    def valid_until(self, now: float) -> float:
        """Until when it may be believed that no push is waiting in the socket; 0 when one may be."""
        if not self._looking.acquire(blocking=False):
            return 0.0
        try:
            if self._poll is None or self._poll.poll(0):
                return 0.0
            return min(now + DRAIN_EVERY, self.heard_at + SILENCE_LIMIT)
        finally:
            self._looking.release()

    def abort(self) -> None:
        """Hang up at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)
        self._poll = select.poll()
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def connection_lost(self, exc: Exception | None) -> None:
        """End: everybody who waits is told."""
        self._transport = self._poll = None
        self._forget_windows()
        if self._windows:
            self.seconds_left = self._windows[0][0] - self._clock()
        for timer in (self._watch, self._beat):
            if timer is not None:
                timer.cancel()
        self._fail(len(self._row), Disconnected(f"the connection to the sidecar broke: {exc or 'it hung up'}"))
        self._row.clear()
        self._orphans.clear()
        self._owner.lost(self)

    def _take_push(self, push: Any) -> None:
        if push[0] == b"invalidate":
            self._owner.pushed(push[1])

    def _give_back(self, reply: Any, orphan: Orphan | None) -> None:
        command = orphan.give_back(reply) if orphan is not None else None
        if command is not None:
            self.tell(command)

    def _refuse(self, out: list[bytes], count: int) -> None:
        """Too many wait: take back the latest commands of this turn."""
        del out[-count:]
        for _ in range(count):
            future = self._row.pop()
            self._orphans.pop(future, None)
            if not future.done():
                future.set_exception(Overloaded(f"{_MAX_WAITING} calls wait for the sidecar"))

    def _note_window(self) -> None:
        now = self._clock()
        asked = self._answered + len(self._row)
        windows = self._windows
        if windows and now < windows[-1][0] - self._timeout * (1 - 1 / _WINDOWS):
            windows[-1][1] = asked
        else:
            windows.append([now + self._timeout, asked])
        if self._watch is None:
            self._watch = self._loop.call_later(self._timeout, self._on_watch)

    def _forget_windows(self) -> None:
        """Those of which every call was answered."""
        while self._windows and self._windows[0][1] <= self._answered:
            self._windows.popleft()

    def _on_watch(self) -> None:
        self._watch = None
        now = self._clock()
        windows = self._windows
        overdue = 0
        while windows and windows[0][0] <= now:
            overdue = max(overdue, int(windows.popleft()[1]) - self._answered)
        self._forget_windows()
        if windows:
            self._watch = self._loop.call_later(max(0.0, windows[0][0] - now), self._on_watch)
        if self._fail(overdue, DeadlineExceeded(f"no answer within {self._timeout:g} s")):
            self._owner.unanswered(self)

    def _fail(self, count: int, error: PannierError) -> int:
        """Tell the first of the row that there is no answer; how many of them were still waiting."""
        waiting = [future for future in islice(self._row, count) if not future.done()]
        for future in waiting:
            future.set_exception(type(error)(error.detail))
        return len(waiting)

    def _on_beat(self) -> None:
        self._owner.silent(self, is_silent=self._clock() - self.heard_at > SILENCE_LIMIT)
        self.tell(PING)
        if self._transport is not None:
            self._beat = self._loop.call_later(_BEAT_SECONDS, self._on_beat)

    def __repr__(self) -> str:
        """How many wait."""
        return f"<AioLine {len(self._row)} waiting{'' if self._transport else ', closed'}>"
