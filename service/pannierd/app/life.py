"""Life: the phase that the daemon is in, and what it tells about itself to whoever asks over a lane.

    starting ──► serving ──► draining ──► ended

It moves only to the right. `draining` begins with the wish to end (SIGTERM, /v1/admin/drain), before anything closes:
from then on /readyz says no.
"""

from __future__ import annotations

import asyncio
import os
import platform
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pannierd import __version__
from pannierd.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pannierd.cache.engine import Engine
    from pannierd.telemetry.loop_watch import LoopWatch
    from pannierd.telemetry.metrics import Metrics
    from pannierd.tenancy import Tenants

__all__ = ["Life", "Phase"]


class Phase(IntEnum):
    """In the order of a life."""

    STARTING = 0
    SERVING = 1
    DRAINING = 2
    ENDED = 3


class Life:
    """What web.Lifecycle asks for. `listeners` is filled as they open."""

    def __init__(
        self,
        engine: Engine,
        tenants: Tenants,
        metrics: Metrics,
        watch: LoopWatch,
        clock: Callable[[], float],
        describe_config: Callable[[], Mapping[str, Any]],
        *,
        lasts_as_its_command: bool = False,
    ) -> None:
        self.phase = Phase.STARTING
        self.listeners: dict[str, str] = {}  # what is open, and where
        self._drain_wanted = asyncio.Event()
        self._engine = engine
        self._tenants = tenants
        self._metrics = metrics
        self._watch = watch
        self._clock = clock
        self._started_at = clock()
        self._describe_config = describe_config
        self._lasts_as_its_command = lasts_as_its_command  # `pannierd run`: it ends when the command has, not before

    @property
    def is_live(self) -> bool:
        """Whether the event loop turns as it should."""
        return self._watch.is_live

    @property
    def is_serving(self) -> bool:
        """Whether every listener is open. Stays true while the daemon drains."""
        return self.phase in {Phase.SERVING, Phase.DRAINING}

    @property
    def is_draining(self) -> bool:
        """Whether the daemon is about to end."""
        return self.phase is Phase.DRAINING

    def enter(self, phase: Phase) -> None:
        """Go on to a later phase; an earlier one is passed already."""
        self.phase = max(self.phase, phase)

    def request_drain(self) -> None:
        """Begin to end, as SIGTERM does. Asking twice changes nothing.

        Raises:
            Conflict: the sidecar lasts as long as the command that it was started for.
        """
        if self._lasts_as_its_command:
            raise Conflict("this sidecar was started by 'pannierd run', and ends with its command: end that one")
        self.enter(Phase.DRAINING)
        self._drain_wanted.set()

    async def drain_wanted(self) -> None:
        """Wait until somebody wants the daemon to end."""
        await self._drain_wanted.wait()

    def reload(self) -> bool:
        """Read tokens again, as SIGHUP does; False when something could not be taken over and the former one stays."""
        return self._tenants.reload(force=True)

    def status(self) -> dict[str, Any]:
        """What the daemon is and how it does. Sums over all tenants, names of none."""
        return {
            "version": __version__,
            "python": platform.python_version(),
            "instance": self._engine.instance,
            "pid": os.getpid(),
            "phase": self.phase.name.lower(),
            "uptime_ms": round((self._clock() - self._started_at) * 1000),
            "listeners": self.listeners,
            "lane_connections": self._metrics.lane_connections,
            "resident_bytes": resident_bytes(),
            "tiers": {"memory": self._memory()},
            "degraded": sorted(self._metrics.degraded),
        }

    def config_report(self) -> Mapping[str, Any]:
        """The configuration in force and where each value came from, without secrets."""
        return self._describe_config()

    def _memory(self) -> dict[str, int]:
        tenants = self._engine.tenants.values()
        return {
            "bytes": self._engine.memory_bytes,
            "max_bytes": sum(tenant.memory.max_bytes for tenant in tenants),
            "entries": sum(len(space.entries) for tenant in tenants for space in tenant.spaces.values()),
        }

    def __repr__(self) -> str:
        return f"<Life {self.phase.name.lower()}>"


def resident_bytes() -> int:
    """The process's resident memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
