"""The traffic: which product is asked for, one request after another, skewed as real traffic is."""

from __future__ import annotations

import random
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SKEW = 1.0
"""Zipf's exponent: the product of rank r is asked for in proportion to 1 / r ** SKEW."""


def zipf_trace(products: int, length: int, seed: int = 7) -> list[int]:
    """Product ids, the same ones in the same order for the same arguments."""
    draw = random.Random(seed)
    ids = list(range(1, products + 1))
    draw.shuffle(ids)
    weights = list(accumulate(1 / rank**SKEW for rank in range(1, products + 1)))
    return draw.choices(ids, cum_weights=weights, k=length)


def unlimited_hit_ratio(trace: Sequence[int]) -> float:
    """What a cache that never forgets reaches: everything hits but the first request for each product."""
    return 1 - len(set(trace)) / len(trace) if trace else 0.0
