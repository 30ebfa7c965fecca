"""A line for asyncio: one connection that any number of tasks share.

Commands of one turn of the loop leave in one write; replies come in order, so the oldest waiting task gets the next
one. A task that gives up leaves its place in the row, and the reply that comes for it is dropped (a lease in it is
given back). Time-outs are watched in windows, not by a timer for each call.
"""

from __future__ import annotations

import asyncio
import os
import select
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol, cast

from hiredis import ProtocolError, PushNotification, Reader, ReplyError

from pannier._commands import read_error
from pannier._wire import PING
from pannier.errors import DeadlineExceeded, Disconnected, Overloaded, PannierError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["AioLine", "Orphan", "Owner"]

_MAX_WAITING = 65_536  # calls on their way over one line
_WINDOWS = 64  # a call runs out of time at most this part of the timeout early, and never late
_BEAT_SECONDS = 0.4
_DRAIN_EVERY = 0.05  # seconds; promise P10 allows twice that, and so keeps its word when the machine is busy
_SILENCE_LIMIT = 1.0  # seconds; promise P10
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
        self._pid = os.getpid()
        self._transport: asyncio.Transport | None = None
        self._poll: select.poll | None = None
        self._reader = Reader(notEnoughData=_UNFINISHED)
        self._feed = self._reader.feed
        self._next = self._reader.gets
        self._new_future = loop.create_future
        # When the sidecar was last heard on this line.
        self.heard_at = clock()

        # Commands of this turn of the loop, not yet written.
        self._out: list[bytes] = []
        # Whoever waits for a reply, oldest first.
        self._row: deque[tuple[asyncio.Future[Any], Orphan | None]] = deque()
        self._answered = 0
        self._nobody: asyncio.Future[Any] = loop.create_future()
        self._nobody.cancel()

        # Windows of calls: when it runs out of time, and how many calls were made until its end.
        self._windows: deque[list[float]] = deque()
        self._watch: asyncio.TimerHandle | None = None
        self._beat: asyncio.TimerHandle | None = None

    # Hot from here: loadtests/f02_async_client.py guards it (F2).

    def ask(self, command: bytes, orphan: Orphan | None = None) -> asyncio.Future[Any]:
        """Send a command with this turn's others; the future is its reply, or raises the PannierError.

        Raises:
            Disconnected: The connection is gone.
            Overloaded: Too many calls are on their way.
        """
        if self._transport is None:
            raise Disconnected("the connection to the sidecar is gone")
        if len(self._row) >= _MAX_WAITING:
            raise Overloaded(f"{_MAX_WAITING} calls wait for the sidecar")
        future = self._new_future()
        self._row.append((future, orphan))
        self._send(command)
        return future

    def data_received(self, data: bytes) -> None:
        """Hand replies to the row, pushes to the owner."""
        self.heard_at = self._clock()
        row = self._row
        read = self._next
        try:
            self._feed(data)
            while (reply := read()) is not _UNFINISHED:
                kind = type(reply)
                if kind is PushNotification:
                    self._take_push(reply)
                    continue
                future, orphan = row.popleft()
                self._answered += 1
                if future.done():
                    self._give_back(reply, orphan)
                elif kind is ReplyError:
                    future.set_exception(read_error(reply))
                else:
                    future.set_result(reply)
        except (ProtocolError, IndexError):  # what it says is no answer to anything
            self.abort()

    def _send(self, command: bytes) -> None:
        out = self._out
        if not out:
            self._loop.call_soon(self._flush)
        out.append(command)

    def _flush(self) -> None:
        out = self._out
        if self._transport is not None and out:
            self._transport.write(out[0] if len(out) == 1 else b"".join(out))
            self._note_window()
        self._out = []

    # Hot until here.

    def tell(self, command: bytes) -> None:
        """Send a command whose answer nobody waits for."""
        if self._transport is not None:
            self._row.append((self._nobody, None))
            self._send(command)

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
        if self._poll is None or os.getpid() != self._pid or self._poll.poll(0):
            return 0.0
        return min(now + _DRAIN_EVERY, self.heard_at + _SILENCE_LIMIT)

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
        for timer in (self._watch, self._beat):
            if timer is not None:
                timer.cancel()
        self._fail(len(self._row), Disconnected(f"the connection to the sidecar broke: {exc or 'it hung up'}"))
        self._row.clear()
        self._owner.lost(self)

    def _take_push(self, push: Any) -> None:
        if push[0] == b"invalidate":
            self._owner.pushed(push[1])

    def _give_back(self, reply: Any, orphan: Orphan | None) -> None:
        command = orphan.give_back(reply) if orphan is not None else None
        if command is not None:
            self.tell(command)

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

    def _on_watch(self) -> None:
        self._watch = None
        now = self._clock()
        windows = self._windows
        overdue = 0
        while windows and (windows[0][0] <= now or windows[0][1] <= self._answered):
            overdue = max(overdue, int(windows.popleft()[1]) - self._answered)
        if windows:
            self._watch = self._loop.call_later(max(0.0, windows[0][0] - now), self._on_watch)
        if self._fail(overdue, DeadlineExceeded(f"no answer within {self._timeout:g} s")):
            self._owner.unanswered(self)

    def _fail(self, count: int, error: PannierError) -> int:
        """Tell the first of the row that there is no answer; how many of them were still waiting."""
        waiting = [self._row[place][0] for place in range(count) if not self._row[place][0].done()]
        for future in waiting:
            future.set_exception(type(error)(error.detail))
        return len(waiting)

    def _on_beat(self) -> None:
        self._owner.silent(self, is_silent=self._clock() - self.heard_at > _SILENCE_LIMIT)
        self.tell(PING)
        if self._transport is not None:
            self._beat = self._loop.call_later(_BEAT_SECONDS, self._on_beat)

    def __repr__(self) -> str:
        """How many wait."""
        return f"<AioLine {len(self._row)} waiting{'' if self._transport else ', closed'}>"
