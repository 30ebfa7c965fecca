"""Plain integers that the engine counts in; the collector reads them when somebody scrapes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pannierd.cache.outcomes import Hit, Miss, Stale

if TYPE_CHECKING:
    from pannierd.cache.outcomes import Outcome


class SpaceCounts:
    """Answers of one namespace, or of several together. A request is counted once, at the tier that answered."""

    __slots__ = ("hits", "misses", "stale")

    def __init__(self) -> None:
        self.hits = 0
        self.stale = 0
        self.misses = 0

    def count(self, outcome: Outcome) -> None:
        """Count the answer of one fetch."""
        match outcome:
            case Hit():
                self.hits += 1
            case Stale():
                self.stale += 1
            case Miss():
                self.misses += 1


class TenantCounts:
    """What happened to one tenant's entries.

    Attributes:
        evictions: why entries left: capacity, expired, invalidated.
        invalidations: by kind: key, tag, pattern, namespace.
        fills_rejected: why fills were refused: lease_unknown, lease_expired, invalidated, overwritten.
    """

    __slots__ = ("evictions", "fills_rejected", "invalidations")

    def __init__(self) -> None:
        self.evictions: Counter[str] = Counter()
        self.invalidations: Counter[str] = Counter()
        self.fills_rejected: Counter[str] = Counter()
