"""How a side is measured: in short rounds, the sides in turn, so that a busy moment of the machine meets them all."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["interleave", "median", "percentile", "ratio"]

median = statistics.median


def interleave(rounds: int, sides: Mapping[str, Callable[[], float]]) -> dict[str, list[float]]:
    """Measure every side once a round; who begins changes with each round."""
    measured: dict[str, list[float]] = {side: [] for side in sides}
    for number in range(rounds):
        for side in list(sides)[:: -1 if number % 2 else 1]:
            measured[side].append(sides[side]())
    return measured


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the rounds' ratios: the two numbers of a round were taken next to each other."""
    return median(mine / other for mine, other in zip(ours, theirs, strict=True))


def percentile(values: Sequence[float], part: float) -> float:
    """The smallest value that at least `part` (above 0, up to 1) of the values do not exceed (nearest rank)."""
    return sorted(values)[math.ceil(part * len(values)) - 1]
