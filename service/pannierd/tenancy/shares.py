"""Memory shares: how many bytes of the memory tier are whose."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pannierd.config import Tenant

__all__ = ["memory_shares"]


def memory_shares(tenants: Mapping[str, Tenant], max_bytes: int) -> dict[str, int]:
    """Bytes by tenant. Who names no share, and may use the cache, gets an equal part of what the others leave."""
    if not tenants:
        return {"default": max_bytes}
    named = {name: tenant.memory_share for name, tenant in tenants.items() if tenant.memory_share is not None}
    unnamed = [name for name, tenant in tenants.items() if tenant.memory_share is None and "use" in tenant.roles]
    rest = dict.fromkeys(unnamed, max(0.0, 1 - sum(named.values())) / max(len(unnamed), 1))
    return {name: int(max_bytes * (named | rest).get(name, 0.0)) for name in tenants}
