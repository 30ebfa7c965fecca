"""The cache as both lanes ask for it: whoever calls, in whichever namespace, is given a view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from weakref import WeakSet

from pannierd.errors import BadRequest
from pannierd.operations.limits import MAX_NAMESPACES, check_namespace
from pannierd.operations.tenant_state import TenantState
from pannierd.operations.view import View

if TYPE_CHECKING:
    from pannierd.cache.engine import Engine
    from pannierd.cache.flights import Holder
    from pannierd.cache.tenant import TenantCache
    from pannierd.cache.tracking import Tracker
    from pannierd.config import Limits
    from pannierd.telemetry.metrics import Metrics
    from pannierd.tenancy.tenants import Caller

DEFAULT_NAMESPACE: Final = "default"
"""Where a connection begins, and returns by RESET: it always has room."""


class CacheOperations:
    """What both lanes ask of the cache."""

    def __init__(self, engine: Engine, limits: Limits, metrics: Metrics) -> None:
        self._engine = engine
        self._states = {name: TenantState(engine, limits, metrics) for name in engine.tenants}
        # Views by caller and namespace: a caller is one object for each token, and namespaces have a bound.
        self._views: dict[tuple[Caller, str], View] = {}
        self._alive: WeakSet[View] = WeakSet()  # those, and what else somebody still works with

    def view(self, caller: Caller, namespace: str) -> View:
        """One caller in one namespace. Cheap after the first time.

        Raises:
            BadRequest: the name is malformed, or the tenant has too many namespaces.
        """
        view = self._views.get((caller, namespace))
        if view is None:
            check_namespace(namespace)
            tenant = self._engine.tenants[caller.tenant]
            is_new = namespace not in tenant.spaces and namespace != DEFAULT_NAMESPACE
            if is_new and len(tenant.spaces) >= MAX_NAMESPACES:
                self._make_room(tenant)
            view = View(caller, tenant.space(namespace), self._states[caller.tenant])
            self._views[caller, namespace] = view
            self._alive.add(view)
        return view

    def _make_room(self, tenant: TenantCache) -> None:
        """Forget the tenant's namespaces that hold nothing and that no connection is in.

        Their views are let go first: those that live on are somebody's, whose writes must not go where nobody reads.

        Raises:
            BadRequest: there are none.
        """
        idle = [place for place, view in self._views.items() if view.space.tenant is tenant and view.space.is_idle]
        for place in idle:
            del self._views[place]
        if not tenant.free_idle({view.space for view in self._alive}):
            raise BadRequest(f"a tenant has at most {MAX_NAMESPACES} namespaces with something in them")

    @property
    def waiting(self) -> int:
        """How many calls wait for somebody else's load."""
        return sum(state.waiting.count for state in self._states.values())

    def give_back(self, holder: Holder) -> None:
        """A connection closed: its leases go to whoever waits."""
        for tenant in self._engine.tenants.values():
            tenant.give_back(holder)

    def lapse(self, holder: Holder) -> None:
        """A connection is heard from again: what it lost by its silence is lost. To be told before its clock moves."""
        for tenant in self._engine.tenants.values():
            tenant.lapse(holder)

    def forget(self, tracker: Tracker) -> None:
        """A connection closed, or turned tracking off."""
        for tenant in self._engine.tenants.values():
            tenant.forget(tracker)
