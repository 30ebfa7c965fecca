"""The cache as both lanes ask for it: whoever calls, in whichever namespace, is given a view."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pannierd.errors import BadRequest
from pannierd.operations.limits import MAX_NAMESPACES, check_namespace
from pannierd.operations.tenant_state import TenantState
from pannierd.operations.view import View

if TYPE_CHECKING:
    from pannierd.cache.engine import Engine
    from pannierd.cache.flights import Holder
    from pannierd.cache.tracking import Tracker
    from pannierd.config import Limits
    from pannierd.telemetry.metrics import Metrics
    from pannierd.tenancy.tenants import Caller


class CacheOperations:
    """What both lanes ask of the cache."""

    def __init__(self, engine: Engine, limits: Limits, metrics: Metrics) -> None:
        self._engine = engine
        self._states = {name: TenantState(engine, limits, metrics) for name in engine.tenants}
        # Views by caller and namespace: a caller is one object for each token, so this is bounded by configuration.
        self._views: dict[tuple[Caller, str], View] = {}

    def view(self, caller: Caller, namespace: str) -> View:
        """One caller in one namespace. Cheap after the first time.

        Raises:
            BadRequest: the name is malformed, or the tenant has too many namespaces.
        """
        view = self._views.get((caller, namespace))
        if view is None:
            check_namespace(namespace)
            tenant = self._engine.tenants[caller.tenant]
            if namespace not in tenant.spaces and len(tenant.spaces) >= MAX_NAMESPACES:
                raise BadRequest(f"a tenant has at most {MAX_NAMESPACES} namespaces")
            view = View(caller, tenant.space(namespace), self._states[caller.tenant])
            self._views[caller, namespace] = view
        return view

    @property
    def waiting(self) -> int:
        """How many calls wait for somebody else's load."""
        return sum(state.waiting.count for state in self._states.values())

    def give_back(self, holder: Holder) -> None:
        """A connection closed: its leases go to whoever waits."""
        for tenant in self._engine.tenants.values():
            tenant.give_back(holder)

    def forget(self, tracker: Tracker) -> None:
        """A connection closed, or turned tracking off."""
        for tenant in self._engine.tenants.values():
            tenant.forget(tracker)
