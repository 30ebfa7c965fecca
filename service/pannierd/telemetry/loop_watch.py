"""Loop watch: how late the event loop comes, and whether it still turns well enough to be called alive."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from pannierd.telemetry.metrics import Metrics

__all__ = ["LoopWatch"]

WAKE_EVERY_S: Final = 0.5
LATE_S: Final = 1.0
LATE_IN_A_ROW: Final = 10  # a frozen container or a stopped process is late once, and is no reason for a restart


class LoopWatch:
    """Asks to be woken by the clock, and notes how late that happened."""

    def __init__(self, metrics: Metrics, clock: Callable[[], float]) -> None:
        self._metrics = metrics
        self._clock = clock
        self._due = 0.0  # clock seconds
        self._late = 0  # how often in a row
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_live(self) -> bool:
        """False when the loop has been late by a second ten times running: it turns, and serves nobody."""
        return self._late < LATE_IN_A_ROW

    def start(self) -> None:
        """Begin to watch the running loop."""
        self._due = self._clock() + WAKE_EVERY_S
        self._timer = asyncio.get_running_loop().call_later(WAKE_EVERY_S, self.wake)

    def close(self) -> None:
        """Stop watching. May be called twice."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def wake(self) -> None:
        """The loop came round; start again."""
        lag = max(0.0, self._clock() - self._due)
        self._metrics.loop_lag_seconds = lag
        self._late = self._late + 1 if lag > LATE_S else 0
        self.start()
