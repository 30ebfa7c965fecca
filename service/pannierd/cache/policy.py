"""What a namespace decides about lives: pure functions of numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from pannierd.config import Namespace

REFRESH_BETA: Final = 1.0
"""XFetch's β: above 1 refreshes earlier, below 1 later."""

REFRESH_HORIZON: Final = 40.0
"""-ln(rand) exceeds this once in 10^17 draws: a value with more loads' time left than this need not draw."""


def lives(policy: Namespace, ttl_ms: int | None, stale_ms: int | None, shorten: float) -> tuple[float, float]:
    """Seconds that a value is fresh, and then stale.

    Args:
        policy: the namespace's.
        ttl_ms: what the writer asked for; None is the namespace's.
        stale_ms: likewise.
        shorten: 0 to 1, how much of the namespace's jitter applies. Jitter only ever shortens.
    """
    asked_ms = policy.ttl_ms if ttl_ms is None else ttl_ms
    fresh_ms = min(asked_ms, policy.max_ttl_ms) * (1 - policy.jitter * shorten)
    after_ms = min(policy.stale_ms if stale_ms is None else stale_ms, policy.max_ttl_ms - fresh_ms)
    return fresh_ms / 1000, max(after_ms, 0) / 1000


def refresh_is_due(left: float, load_cost: float, draw: Callable[[], float]) -> bool:
    """Whether this read should refresh a value that is fresh for `left` more seconds and took `load_cost` to load.

    The nearer the end and the dearer the load, the likelier: now - Δ·β·ln(rand) ≥ expiry.

    Source: XFetch, Vattani, Chierichetti, Lowenstein, "Optimal probabilistic cache stampede prevention", VLDB 2015.
    """
    if left > load_cost * REFRESH_BETA * REFRESH_HORIZON:
        return False
    return load_cost * REFRESH_BETA * -math.log(1.0 - draw()) >= left
