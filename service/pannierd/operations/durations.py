"""How long operations on the cache take: one histogram for each operation and tier, bound once.

Reads that the lane answers without coming here it measures itself, into the same histograms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pannierd.telemetry.histogram import Histogram
    from pannierd.telemetry.metrics import Metrics

__all__ = ["Durations", "cache_duration"]

NAME: Final = "pannier_cache_request_duration_seconds"
HELP: Final = "Time that an operation on the cache took, its wait for another caller's load included."


def cache_duration(metrics: Metrics, operation: str, tier: str) -> Histogram:
    """The histogram of an operation that this tier answered; "none" is the tier of a miss."""
    return metrics.histogram(NAME, HELP, {"operation": operation, "tier": tier})


class Durations:
    """Of the operations that views carry out, by what came of them."""

    def __init__(self, metrics: Metrics) -> None:
        self.hit = cache_duration(metrics, "get", "memory")
        self.miss = cache_duration(metrics, "get", "none")
        self.fetched = cache_duration(metrics, "fetch", "memory")
        self.unfetched = cache_duration(metrics, "fetch", "none")
        self.store = cache_duration(metrics, "store", "memory")
        self.delete = cache_duration(metrics, "delete", "memory")
        self.invalidate = cache_duration(metrics, "invalidate", "memory")
