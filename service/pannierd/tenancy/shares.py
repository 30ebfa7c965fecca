"""Memory shares: how many bytes of the memory tier are whose."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pannierd.config import Tenant

__all__ = ["memory_shares"]


def memory_shares(tenants: Mapping[str, Tenant], max_bytes: int) -> dict[str, int]:
    """Bytes by tenant. Who names no share gets an equal part of what the others leave."""
    if not tenants:
        return {"default": max_bytes}
    named = {name: tenant.memory_share for name, tenant in tenants.items() if tenant.memory_share is not None}
    unnamed = len(tenants) - len(named)
    rest = max(0.0, 1 - sum(named.values())) / unnamed if unnamed else 0.0
    return {name: int(max_bytes * named.get(name, rest)) for name in tenants}
