"""The engine: every tenant's cache, and the background work that keeps them tidy."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from pannierd.cache.tenant import TenantCache
from pannierd.config import Namespace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from structlog.typing import FilteringBoundLogger

    from pannierd.cache.world import World
    from pannierd.config import Config

UPKEEP_SECONDS: Final = 0.1
UPKEEP_ENTRIES: Final = 2_000
"""Entries that one step of background work visits: a few milliseconds of the loop."""

DEGRADED_REASON: Final = "cache_upkeep"


class Engine:
    """The caches of all tenants. Needs a running loop only for `start`.

    Args:
        config: limits, namespaces, lives of leases.
        shares: bytes of memory by tenant.
        world: time and randomness.
        instance: this sidecar's name, shown by explain.
        log: told when background work begins to fail.
        degraded: holds "cache_upkeep" while background work fails.
    """

    def __init__(
        self,
        config: Config,
        shares: Mapping[str, int],
        world: World,
        instance: str,
        log: FilteringBoundLogger,
        degraded: set[str],
    ) -> None:
        self.world = world
        self.instance = instance
        self._log = log
        self._degraded = degraded
        policies = {"default": Namespace(), **config.namespaces}
        self.tenants = {
            name: TenantCache(name, max_bytes, config, policies, world) for name, max_bytes in shares.items()
        }
        self._upkeep: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin the background work. It has an owner: `close` ends it."""
        if self._upkeep is None:
            self._upkeep = asyncio.get_running_loop().create_task(self._keep_up(), name="cache upkeep")

    async def close(self) -> None:
        """End the background work. May be called twice."""
        task, self._upkeep = self._upkeep, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def upkeep(self) -> bool:
        """One bounded step of background work. True when there is more to do at once.

        A tenant whose step fails is tried again with the next one, and does not stop the others.
        """
        is_busy, failed = False, False
        for tenant in self.tenants.values():
            try:
                is_busy |= tenant.upkeep(UPKEEP_ENTRIES)
            except Exception as error:  # noqa: BLE001 - a fault of ours: what else it may be, nobody knows
                failed = True
                self._complain(tenant, error)
        if not failed:
            self._degraded.discard(DEGRADED_REASON)
        return is_busy

    @property
    def memory_bytes(self) -> int:
        """What all cached entries cost."""
        return sum(tenant.memory.bytes for tenant in self.tenants.values())

    async def _keep_up(self) -> None:
        while True:
            is_busy = self.upkeep()
            await asyncio.sleep(0 if is_busy else UPKEEP_SECONDS)

    def _complain(self, tenant: TenantCache, error: Exception) -> None:
        """Once, when it begins: it may fail ten times a second."""
        if DEGRADED_REASON not in self._degraded:
            self._degraded.add(DEGRADED_REASON)
            self._log.error("background work of the cache failed", tenant=tenant.name, exc_info=error)

    def __repr__(self) -> str:
        return f"<Engine {list(self.tenants.values())!r}>"
