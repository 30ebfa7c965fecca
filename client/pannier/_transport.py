"""The sync transport: a pool of lines, one thread on each.

A call takes the line that was used last, asks, and puts it back; taking and putting back are single operations of a
deque, so threads never queue for a lock. A connection that was left by the sidecar's restart is noticed on use and
replaced once within the same call. A call has one deadline, whatever it takes: dialling, greeting, a second try.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, TypeVar

from hiredis import ReplyError

from pannier._commands import read_error
from pannier._line import Line, dial
from pannier._wire import PING
from pannier.errors import DeadlineExceeded, Disconnected, PannierError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pannier._breaker import Breaker
    from pannier._config import Settings

__all__ = ["Transport"]

T = TypeVar("T")

# Above the number of threads that ask at once nothing is kept anyway. A line that is hung up loses its leases.
_MAX_IDLE_LINES = 256
_MANY = 128  # commands in one write: few enough that neither side's socket fills up while nobody reads
_PROBE_SECONDS = 0.05  # a probe is some caller's call: one that hangs is not to hold it up for long


class Transport:
    """Lines to one sidecar, for any number of threads."""

    def __init__(self, settings: Settings, breaker: Breaker, clock: Callable[[], float]) -> None:
        """Dial nothing yet."""
        self._settings = settings
        self._timeout = settings.timeout
        self._breaker = breaker
        self._clock = clock
        self._idle: deque[Line] = deque()
        self.is_closed = False
        # What was last wrong with the sidecar.
        self._trouble = ""

    def ask(self, command: bytes, deadline: float | None = None) -> Any:
        """The reply to one command. Hot: loadtests/f03_sync_client.py guards it (F3).

        Args:
            command: What is sent.
            deadline: Until when the answer must be there; none: the timeout begins now.

        Raises:
            PannierError: The sidecar is away, does not answer in time, or answered with an error.
        """
        reply = self.guarded(self._exchange, Line.ask, command, deadline=deadline)
        if type(reply) is ReplyError:
            raise read_error(reply)
        return reply

    def ask_many(self, commands: Sequence[bytes], deadline: float | None = None) -> list[Any]:
        """The replies to many commands, in order; what was answered with an error is the PannierError.

        Without a deadline, the timeout begins anew with each part that is sent.

        Raises:
            PannierError: The sidecar is away or does not answer in time.
        """
        replies: list[Any] = []
        for start in range(0, len(commands), _MANY):
            part = commands[start : start + _MANY]
            replies += self.guarded(self._exchange, Line.ask_many, part, deadline=deadline)
        return [read_error(reply) if type(reply) is ReplyError else reply for reply in replies]

    def beat(self, deadline: float) -> None:
        """Say something on every line that is free; those in use are talking."""
        for _ in range(len(self._idle)):
            try:
                line = self._idle.popleft()
                line.ask(PING, deadline)
            except (IndexError, PannierError):  # they are all in use; or calls will find out
                return
            self._put_back(line)

    def begin_anew(self) -> None:
        """This is another process now: its copies of the lines are closed, the parent's sockets stay as they are."""
        self._hang_up_idle()

    def probe_at_once(self) -> None:
        """There will be no later time to ask: do not wait for the breaker's."""
        self._breaker.probe_at_once()

    def close(self) -> None:
        """Hang up all lines."""
        self.is_closed = True
        self._hang_up_idle()

    def guarded(self, work: Callable[..., T], *arguments: Any, deadline: float | None = None) -> T:
        """Work that asks the sidecar, with its deadline as the last argument: the breaker may refuse it, and is told.

        Raises:
            PannierError: The breaker is open, or what the work raised.
        """
        breaker = self._breaker
        if deadline is None:
            deadline = self._clock() + self._timeout
        if breaker.is_open:
            deadline = min(deadline, self._probe())
        try:
            result = work(*arguments, deadline)
        except DeadlineExceeded as error:
            breaker.unanswered()
            self._trouble = error.detail
            raise
        except Unavailable as error:
            breaker.gone()
            self._trouble = error.detail
            raise
        if breaker.strikes:
            breaker.answered()
        return result

    def _probe(self) -> float:
        """The deadline of a probe. Raises Unavailable when it is not time for one."""
        if not self._breaker.lets_through():
            raise Unavailable(f"the sidecar is away, and is asked again shortly: {self._trouble}")
        return self._clock() + _PROBE_SECONDS

    def _exchange(self, ask: Callable[[Line, Any, float], Any], commands: Any, deadline: float) -> Any:
        try:
            line = self._idle.pop()
        except IndexError:
            return self._by_a_new_line(ask, commands, deadline)
        try:
            reply = ask(line, commands, deadline)
        except Disconnected:
            # Left over from before the sidecar's restart, and so are the others.
            self._hang_up_idle()
            return self._by_a_new_line(ask, commands, deadline)
        self._idle.append(line)
        if self.is_closed:
            self._hang_up_idle()
        return reply

    def _by_a_new_line(self, ask: Callable[[Line, Any, float], Any], commands: Any, deadline: float) -> Any:
        line = self.dial(deadline)
        reply = ask(line, commands, deadline)
        self._put_back(line)
        return reply

    def _put_back(self, line: Line) -> None:
        if len(self._idle) < _MAX_IDLE_LINES and not self.is_closed:
            self._idle.append(line)
        else:
            line.close()

    def dial(self, deadline: float, pushed: Callable[[Any], None] | None = None) -> Line:
        """A new line.

        Raises:
            PannierError: There is no sidecar, or it does not want us.
        """
        if self.is_closed:
            raise Unavailable("the client is closed")
        return dial(self._settings, self._clock, deadline, pushed)

    def _hang_up_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def __repr__(self) -> str:
        """How many lines wait, and the breaker."""
        return f"<Transport {len(self._idle)} idle lines, {self._breaker!r}>"
