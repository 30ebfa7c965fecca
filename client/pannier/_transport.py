"""The sync transport: a pool of lines, one thread on each.

A call takes the line that was used last, asks, and puts it back; taking and putting back are single operations of a
deque, so threads never queue for a lock. A connection that was left by the sidecar's restart is noticed on use and
replaced once within the same call. A forked child leaves the parent's sockets alone and dials its own.
"""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING, Any, TypeVar

from hiredis import ReplyError

from pannier._commands import read_error, sound
from pannier._line import Line, dial
from pannier.errors import DeadlineExceeded, Disconnected, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pannier._breaker import Breaker
    from pannier._config import Settings

__all__ = ["Transport"]

T = TypeVar("T")

# Above the number of threads that ask at once nothing is kept anyway. A line that is hung up loses its leases.
_MAX_IDLE_LINES = 256
_MANY = 128  # commands in one write: few enough that neither side's socket fills up while nobody reads


class Transport:
    """Lines to one sidecar, for any number of threads."""

    def __init__(self, settings: Settings, breaker: Breaker, clock: Callable[[], float]) -> None:
        """Dial nothing yet."""
        self._settings = settings
        self._breaker = breaker
        self._clock = clock
        self._idle: deque[Line] = deque()
        self._pid = os.getpid()
        self._is_closed = False

    def ask(self, command: bytes) -> Any:
        """The reply to one command. Hot: loadtests/f03_sync_client.py guards it (F3).

        Raises:
            PannierError: The sidecar is away, does not answer in time, or answered with an error.
        """
        reply = self.guarded(self._exchange, Line.ask, command)
        if type(reply) is ReplyError:
            raise read_error(reply)
        return reply

    def ask_many(self, commands: Sequence[bytes]) -> list[Any]:
        """The replies to many commands, in order; what was answered with an error is the PannierError.

        Raises:
            PannierError: The sidecar is away or does not answer in time.
        """
        replies: list[Any] = []
        for start in range(0, len(commands), _MANY):
            replies += self.guarded(self._exchange, Line.ask_many, commands[start : start + _MANY])
        return sound([read_error(reply) if type(reply) is ReplyError else reply for reply in replies])

    def close(self) -> None:
        """Hang up all lines."""
        self._is_closed = True
        while self._idle:
            self._idle.pop().close()

    def guarded(self, work: Callable[..., T], *arguments: Any) -> T:
        """Work that asks the sidecar: refused while the breaker is open, which is told how it went.

        Raises:
            PannierError: The breaker is open, or what the work raised.
        """
        breaker = self._breaker
        if breaker.is_open and not breaker.lets_through():
            raise Unavailable("the sidecar is away; it is asked again shortly")
        try:
            result = work(*arguments)
        except DeadlineExceeded:
            breaker.unanswered()
            raise
        except Unavailable:
            breaker.gone()
            raise
        if breaker.strikes:
            breaker.answered()
        return result

    def _exchange(self, ask: Callable[[Line, Any], Any], commands: Any) -> Any:
        if os.getpid() != self._pid:
            self._leave_to_the_parent()
        try:
            line = self._idle.pop()
        except IndexError:
            return self._on(self.dial(), ask, commands)
        try:
            reply = ask(line, commands)
        except Disconnected:
            # Left over from before the sidecar's restart, and so are the others.
            self._hang_up_idle()
            return self._on(self.dial(), ask, commands)
        self._idle.append(line)
        if self._is_closed:
            self._hang_up_idle()
        return reply

    def _on(self, line: Line, ask: Callable[[Line, Any], Any], commands: Any) -> Any:
        reply = ask(line, commands)
        if len(self._idle) < _MAX_IDLE_LINES and not self._is_closed:
            self._idle.append(line)
        else:
            line.close()
        return reply

    def dial(self, pushed: Callable[[Any], None] | None = None) -> Line:
        """A new line.

        Raises:
            PannierError: There is no sidecar, or it does not want us.
        """
        if self._is_closed:
            raise Unavailable("the client is closed")
        return dial(self._settings, self._clock, pushed)

    def _hang_up_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def _leave_to_the_parent(self) -> None:
        # The child's copies are closed; the parent's sockets stay as they are. The process id comes last: until then
        # every other thread of the child comes here, too, and none asks over a line of the parent's.
        self._hang_up_idle()
        self._pid = os.getpid()

    def __repr__(self) -> str:
        """How many lines wait, and the breaker."""
        return f"<Transport {len(self._idle)} idle lines, {self._breaker!r}>"
