"""The breaker: after a few unanswered calls in a row the client stops asking, but for a probe now and then."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Breaker"]

_STRIKES = 3  # unanswered calls in a row that open it
_FIRST_PAUSE = 0.05  # seconds until the first probe; doubled after each that fails
_LONGEST_PAUSE = 0.5


class Breaker:
    """Whether the sidecar is worth asking. Used by one client; a race between threads costs one probe more."""

    def __init__(self, clock: Callable[[], float], jitter: Callable[[], float]) -> None:
        """Take the clock in seconds, and a source of numbers from 0 to 1."""
        self._clock = clock
        self._jitter = jitter
        self._strikes = 0
        self._pause = _FIRST_PAUSE
        # When the next probe may go out; 0 while the breaker is closed.
        self._probe_at = 0.0

    @property
    def is_open(self) -> bool:
        """Calls are not worth making."""
        return self._probe_at != 0.0

    def lets_through(self) -> bool:
        """This call may be made: the breaker is closed, or the call is its probe."""
        if not self._probe_at:
            return True
        now = self._clock()
        if now < self._probe_at:
            return False
        self._probe_at = now + self.pause()  # the others go on being refused while this one finds out
        return True

    def answered(self) -> None:
        """The sidecar answered something."""
        self._strikes = 0
        self._pause = _FIRST_PAUSE
        self._probe_at = 0.0

    def unanswered(self) -> None:
        """A call ran out of time."""
        self._strikes += 1
        if self._strikes >= _STRIKES:
            self.gone()

    def gone(self) -> None:
        """There is nobody to ask: no listener, or a connection that broke."""
        self._strikes = _STRIKES
        self._probe_at = self._clock() + self.pause()

    def pause(self) -> float:
        """Seconds until the next probe: half fixed, half by chance, twice as long each time."""
        pause = self._pause * (0.5 + self._jitter() / 2)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        return pause

    def __repr__(self) -> str:
        """Open or closed, and how near to opening."""
        return f"<Breaker {'open' if self.is_open else 'closed'}, {self._strikes} strikes>"
