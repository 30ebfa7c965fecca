"""The breaker: after a few unanswered calls in a row the client stops asking, but for a probe now and then."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Breaker"]

_STRIKES = 3  # unanswered calls in a row that open it
_FIRST_PAUSE = 0.05  # seconds until the first probe; doubled after each that fails
_LONGEST_PAUSE = 0.5
_REST = 20  # a pause lasts so many times what the probe before it cost, so that probes take a twentieth of the time
_LONGEST_REST = 1.0


class Breaker:
    """Whether the sidecar is worth asking. Used by one client; a race between threads costs one probe more."""

    def __init__(self, clock: Callable[[], float], jitter: Callable[[], float]) -> None:
        """Take the clock in seconds, and a source of numbers from 0 to 1."""
        self._clock = clock
        self._jitter = jitter
        # Unanswered calls in a row.
        self.strikes = 0
        self._pause = _FIRST_PAUSE
        # Calls are not worth making, but for a probe when it is time for one.
        self.is_open = False
        self._probe_at = 0.0
        # When the probe under way began.
        self._probed_at = inf

    def lets_through(self) -> bool:
        """This call may be made: the breaker is closed, or the call is its probe."""
        if not self.is_open:
            return True
        now = self._clock()
        if now < self._probe_at:
            return False
        self._probe_at = now + self.pause()  # the others go on being refused while this one finds out
        self._probed_at = now
        return True

    def probe_at_once(self) -> None:
        """There will be no later time: let the next call through."""
        self._probe_at = -inf

    def answered(self) -> None:
        """The sidecar answered something."""
        self.strikes = 0
        self._pause = _FIRST_PAUSE
        self.is_open = False
        self._probed_at = inf

    def unanswered(self) -> None:
        """A call ran out of time."""
        self.strikes += 1
        if self.strikes >= _STRIKES:
            self.gone()

    def gone(self) -> None:
        """There is nobody to ask: no listener, or a connection that broke."""
        self.strikes = _STRIKES
        self.is_open = True
        now = self._clock()
        self._probe_at = now + max(self.pause(), min(_REST * (now - self._probed_at), _LONGEST_REST))
        self._probed_at = inf

    def pause(self) -> float:
        """Seconds until the next probe: half fixed, half by chance, twice as long each time."""
        pause = self._pause * (0.5 + self._jitter() / 2)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        return pause

    def __repr__(self) -> str:
        """Open or closed, and how near to opening."""
        return f"<Breaker {'open' if self.is_open else 'closed'}, {self.strikes} strikes>"
