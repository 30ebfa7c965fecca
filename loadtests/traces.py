"""Synthetic traces: the keys that callers ask for, one after the other, as small numbers. The same for a seed, always.

Each shape asks something else of a cache: skewed popularity (Zipf), a few hot keys that move on, one-time keys that
sweep through, and a loop that is larger than the cache.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from random import Random
from typing import Final

__all__ = ["TRACES", "Trace"]

Trace = list[int]
Shape = Callable[[int, Random], Trace]  # so many requests, drawn from this source

KEYS: Final = 8_000


def zipf(exponent: float) -> Shape:
    """Key number n is asked for in proportion to 1 / n^exponent."""

    def draw(requests: int, source: Random) -> Trace:
        weights = list(itertools.accumulate(rank**-exponent for rank in range(1, KEYS + 1)))
        return source.choices(range(KEYS), cum_weights=weights, k=requests)

    return draw


def hotspot(requests: int, source: Random) -> Trace:
    """Nine requests in ten go to a tenth of the keys, and four times it becomes another tenth."""
    hot = KEYS // 10
    spell = max(requests // 5, 1)
    return [
        source.randrange(hot) + number // spell * hot if source.random() < 0.9 else source.randrange(KEYS)
        for number in range(requests)
    ]


def scan_and_zipf(requests: int, source: Random) -> Trace:
    """A Zipf trace that is broken off ten times by a sweep over keys which nobody asks for again."""
    popular = zipf(1.0)(requests, source)
    sweep = requests // 40
    for number in range(10):
        begin = requests // 10 * number
        popular[begin : begin + sweep] = range(KEYS + number * sweep, KEYS + (number + 1) * sweep)
    return popular


def loop(requests: int, _: Random) -> Trace:
    """A quarter of the keys, round and round."""
    return [number % (KEYS // 4) for number in range(requests)]


TRACES: Final[dict[str, Shape]] = {
    "zipf 0.7": zipf(0.7),
    "zipf 0.9": zipf(0.9),
    "zipf 1.1": zipf(1.1),
    "hotspot": hotspot,
    "scan and zipf": scan_and_zipf,
    "loop": loop,
}
