"""What lasts of one tenant's calls beyond each of them: who waits, and how long things take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pannierd.operations.durations import Durations
from pannierd.resilience import Places

if TYPE_CHECKING:
    from pannierd.cache.engine import Engine
    from pannierd.config import Limits
    from pannierd.telemetry.metrics import Metrics


class TenantState:
    """Shared by the views of one tenant.

    Attributes:
        waiting: calls of the tenant that wait for somebody else's load. They alone stay in flight for longer than a
            turn of the loop, so their number is bounded here, and one tenant's never refuses another's.
        max_wait_ms: no call waits longer.
        took: how long the operations take.
    """

    __slots__ = ("engine", "max_wait_ms", "took", "waiting")

    def __init__(self, engine: Engine, limits: Limits, metrics: Metrics) -> None:
        most = limits.max_waiting_calls
        self.engine = engine
        self.waiting = Places(most, f"{most} calls of this tenant wait for others' loads already")
        self.max_wait_ms = limits.max_deadline_ms
        self.took = Durations(metrics)
