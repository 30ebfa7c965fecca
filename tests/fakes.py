"""Time, chance and connections in the test's hand, and a cache that runs by them."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import TYPE_CHECKING, Any

import structlog
from structlog.testing import LogCapture

from pannierd.cache.engine import Engine
from pannierd.cache.outcomes import Hit, Miss, Outcome, Stale
from pannierd.cache.world import World
from pannierd.cache.write import Write
from pannierd.config import Cache, Config, Limits, Memory, Namespace
from pannierd.operations.cache import CacheOperations
from pannierd.telemetry.metrics import Metrics
from pannierd.tenancy.tenants import Caller

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pannierd.cache.space import Space
    from pannierd.operations.view import View

NOON = 1_700_000_000.0
"""What the wall clock shows when the test's clock stands at 0."""


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class Draw:
    """Chance: every draw is `value` until the test says otherwise. At 0 nothing is jittered or refreshed early."""

    def __init__(self) -> None:
        self.value = 0.0

    def __call__(self) -> float:
        return self.value


class Connection:
    """A connection as the engine sees one: a holder of leases, and a tracker that keeps what it was pushed."""

    def __init__(self, name: str = "connection") -> None:
        self.name = self.label = name
        self.number = 7
        self.last_heard = 0.0
        self.pushed: list[list[bytes] | None] = []

    def push_invalidate(self, keys: list[bytes] | None) -> None:
        self.pushed.append(keys)

    def __repr__(self) -> str:
        return f"<Connection {self.name}>"


class Bench:
    """An engine and its operations, with clock and chance in hand. Upkeep runs when the test calls it."""

    def __init__(
        self,
        max_bytes: int = 10_000_000,
        *,
        tenants: Sequence[str] = ("default",),
        namespaces: Mapping[str, Namespace] | None = None,
        max_tags: int = 1_000,
        max_tracked_keys: int = 1_000,
        max_waiting_calls: int = 1_024,
    ) -> None:
        self.clock = Clock()
        self.draw = Draw()
        numbers = count(1)
        self.config = Config(
            limits=Limits(max_tracked_keys=max_tracked_keys, max_waiting_calls=max_waiting_calls),
            cache=Cache(memory=Memory(max_bytes=max_bytes, max_tags=max_tags), lease_ms=10_000, lease_max_ms=60_000),
            namespaces=dict(namespaces or {}),
        )
        world = World(
            clock=self.clock,
            wall_clock=lambda: NOON + self.clock.now,
            draw=self.draw,
            new_lease=lambda: f"lease-{next(numbers)}",
        )
        self.metrics = Metrics("0")
        self.log = LogCapture()
        log = structlog.wrap_logger(None, processors=[self.log], wrapper_class=structlog.BoundLogger)
        shares = dict.fromkeys(tenants, max_bytes)
        self.engine = Engine(self.config, shares, world, "sidecar-1", log, self.metrics.degraded)
        self.operations = CacheOperations(self.engine, self.config.limits, self.metrics)
        self._callers = {
            name: Caller(name, frozenset({"use", "operator"}), f"{name}#1", None) for name in (*tenants, "default")
        }

    def view(self, namespace: str = "default", tenant: str = "default") -> View:
        return self.operations.view(self._callers[tenant], namespace)

    def space(self, namespace: str = "default", tenant: str = "default") -> Space:
        return self.view(namespace, tenant).space

    def upkeep(self) -> None:
        """All the background work there is."""
        while self.engine.upkeep():
            pass
        assert not self.metrics.degraded


def ask(view: View, key: bytes = b"key", *, want_lease: bool = True, holder: Connection | None = None) -> Outcome:
    """Fetch or lease, without waiting."""
    outcome = view.fetch(key, want_lease=want_lease, wait_ms=0, holder=holder)
    assert isinstance(outcome, (Hit, Stale, Miss))
    return outcome


def lease_of(view: View, key: bytes = b"key", holder: Connection | None = None) -> str:
    """The lease that this caller is granted."""
    outcome = ask(view, key, holder=holder)
    assert outcome.lease is not None, "somebody else holds it"
    return outcome.lease


def wait_for(
    view: View, key: bytes = b"key", *, want_lease: bool = True, holder: Connection | None = None, wait_ms: int = 60_000
) -> asyncio.Future[Outcome]:
    """Fetch or lease as a caller that waits for somebody else's load. It waits after the next turn of the loop."""
    outcome = view.fetch(key, want_lease=want_lease, wait_ms=wait_ms, holder=holder)
    assert not isinstance(outcome, (Hit, Stale, Miss)), f"nothing to wait for: {outcome}"
    return asyncio.ensure_future(outcome)


def write(value: bytes = b"value", **how: Any) -> Write:
    """What a writer asks for, in one short word."""
    return Write(value, **how)
