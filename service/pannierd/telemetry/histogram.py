"""Histogram: durations counted into buckets with plain integers.

prometheus_client's own takes a lock and converts floats at every observation, which costs more than a hit from memory.
This one belongs to one event loop, is observed without a lock, and is put into Prometheus' form when somebody asks.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BOUNDS", "SAMPLED_EVERY_S", "Histogram"]

# Seconds, upper and inclusive. They start at 50 µs because a hit over loopback takes about as long.
BOUNDS: Final = (
    0.00005,
    0.0001,
    0.00025,
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
)

SAMPLED_EVERY_S: Final = 0.001


class Histogram:
    """Counts of durations, one per bucket and one beyond the last."""

    __slots__ = ("_bucket", "_counts", "_sampled_at", "_seconds", "_sum")

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS) + 1)
        self._sum = 0.0
        # The last event that was measured: clock seconds of its begin, its duration and bucket.
        self._sampled_at = float("-inf")
        self._seconds, self._bucket = 0.0, 0

    def observe(self, seconds: float, count: int = 1) -> None:
        """Count `count` events that took `seconds` each."""
        self._counts[bisect_left(BOUNDS, seconds)] += count
        self._sum += seconds * count

    def sample(self, began: float, clock: Callable[[], float]) -> None:
        """Count an event that began then (clock seconds) and ends now, for what takes less time than to measure it.

        Of the events that begin in one millisecond the first is measured, and its duration stands for them all.
        """
        if began >= self._sampled_at + SAMPLED_EVERY_S:
            self.measure(began, clock)
        self.repeat(1)

    def measure(self, began: float, clock: Callable[[], float]) -> None:
        """Measure an event that began then and ends now, without counting it: it stands for those to come."""
        self._sampled_at, self._seconds = began, clock() - began
        self._bucket = bisect_left(BOUNDS, self._seconds)

    def repeat(self, count: int) -> None:
        """Count so many events that took as long as the one that was measured last."""
        self._counts[self._bucket] += count
        self._sum += self._seconds * count

    @property
    def total(self) -> int:
        """How many events were counted."""
        return sum(self._counts)

    @property
    def seconds(self) -> float:
        """How long they took together."""
        return self._sum

    def buckets(self) -> list[tuple[str, float]]:
        """Upper bound and cumulative count, as Prometheus has it, with +Inf at the end."""
        names = [*map(repr, BOUNDS), "+Inf"]
        return list(zip(names, accumulate(self._counts), strict=True))

    def __repr__(self) -> str:
        return f"<Histogram {self.total} events>"
