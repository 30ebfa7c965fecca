"""The tally of reads that are answered on the bare path: what it costs to measure them, and no more.

To ask the clock and to sort a duration into its bucket would take longer than the read, and so would `sample`. So one
chunk in each millisecond is measured, and its reads and all that follow in that millisecond are counted together.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pannierd.operations.durations import cache_duration
from pannierd.telemetry.histogram import SAMPLED_EVERY_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from pannierd.telemetry.metrics import Metrics


class Tally:
    """Of one command, shared by all connections."""

    __slots__ = ("_clock", "_command", "_counts", "_duration", "_hits", "_is_running")

    def __init__(self, command: str, operation: str, metrics: Metrics, clock: Callable[[], float]) -> None:
        self._command = command
        self._hits = 0  # not in the metrics yet
        self._is_running = False  # whether they soon will be
        self._clock = clock
        self._counts = metrics.lane_commands
        self._duration = cache_duration(metrics, operation, "memory")

    def add(self, hits: int, began: float) -> None:
        """So many that arrived at `began` (clock seconds) have their answers."""
        self._hits += hits
        if not self._is_running:
            self._is_running = True
            self._duration.measure(began, self._clock)
            asyncio.get_running_loop().call_later(SAMPLED_EVERY_S, self.settle)

    def settle(self) -> None:
        """Put what was added into the metrics."""
        self._counts[self._command] += self._hits
        self._duration.repeat(self._hits)
        self._hits = 0
        self._is_running = False

    def __repr__(self) -> str:
        return f"<Tally {self._command}: {self._hits} to settle>"
