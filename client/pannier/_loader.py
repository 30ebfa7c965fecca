"""The loader carries out the flows of cached calls for threads: it blocks, and runs functions in the caller's one."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pannier._bypass import Bypass
from pannier._commands import read_fetched
from pannier._flights import Flights
from pannier._outbox import Invalidation
from pannier._protocol import (
    Bypassed,
    Discard,
    Fetch,
    Fly,
    Join,
    LastKnown,
    Loaded,
    Ran,
    Refresh,
    Release,
    Run,
    Store,
    Uncached,
    Wait,
)
from pannier.errors import DeadlineExceeded, PannierError

if TYPE_CHECKING:
    from pannier._commands import Fetched
    from pannier._near_cache import NearEntry
    from pannier._protocol import Call, Flow
    from pannier._sidecar import Sidecar

__all__ = ["Loader"]

_log = logging.getLogger("pannier")


class Loader:
    """Carries out flows against one sidecar."""

    def __init__(self, sidecar: Sidecar) -> None:
        """Begin with nothing under way."""
        self._sidecar = sidecar
        # Whether reads, those of the caches included, go on without answers.
        self.bypass = Bypass(sidecar.settings, sidecar.clock)
        self._flights = Flights()
        self._steps: dict[type, Any] = {
            Fetch: self._fetch,
            Wait: self._wait,
            Join: self._join,
            LastKnown: self._last_known,
            Run: self._run,
            Store: self._store,
            Release: self._release,
            Discard: self._discard,
            Uncached: self._uncached,
            Bypassed: self._bypassed,
            Fly: self._fly,
            Refresh: self._refresh,
        }

    def value(self, call: Call, flow: Flow) -> Any:
        """What a call comes to. Raises what the function raises."""
        return self._carry_out(call, flow).value

    def _carry_out(self, call: Call, flow: Flow) -> Loaded:
        steps = self._steps
        try:
            step = next(flow)
            while True:
                try:
                    result = steps[type(step)](call, step)
                except BaseException as error:  # noqa: BLE001 - the flow decides about every exception
                    step = flow.throw(error)
                else:
                    step = flow.send(result)
        except StopIteration as end:
            loaded: Loaded = end.value
            return loaded

    def _fetch(self, call: Call, _: Fetch) -> Fetched:
        fetched = read_fetched(self._sidecar.fetch(call.space, call.key, call.space.fetch(call.key)))
        if self.bypass.is_on:
            self.bypass.end()
        return fetched

    def _wait(self, call: Call, _: Wait) -> Fetched:
        return read_fetched(self._sidecar.fetch_waiting(call.space, call.key))

    def _join(self, call: Call, _: Join) -> Loaded | None:
        flight = self._flights.find(call.owner, call.place)
        if flight is None:
            return None
        loaded = flight.wait()
        if loaded is None:
            return None
        return Loaded(loaded.copy(call.codec), loaded.record, loaded.is_kept, loaded.began)

    def _last_known(self, call: Call, _: LastKnown) -> NearEntry | None:
        return self._sidecar.near.last_known(call.place) if self._sidecar.near else None

    def _run(self, call: Call, _: Run) -> Ran:
        began = self._sidecar.clock()
        held = self._sidecar.heartbeat.hold()
        try:
            return Ran(call.run(), began)
        except StopIteration as error:
            raise RuntimeError("the cached function raised StopIteration") from error
        finally:
            self._sidecar.heartbeat.let_go(held)

    def _store(self, call: Call, step: Store) -> bool:
        try:
            return self._sidecar.store(call.space, call.key, step.command)
        except PannierError as error:
            if not error.retryable:
                _log.warning("a result of %s is not cached: %s", call.owner, error)
            if not isinstance(error, DeadlineExceeded):  # one timeout is enough
                self._release(call, Release(step.lease))
            return False

    def _release(self, call: Call, step: Release) -> None:
        try:
            self._sidecar.ask(call.space.release(call.key, step.lease))
        except PannierError as error:
            _log.debug("a lease was not given back: %s", error)

    def _discard(self, call: Call, step: Discard) -> None:
        self._sidecar.invalidate(Invalidation(call.space.namespace, keys=(call.key,), soft=step.soft))

    def _uncached(self, call: Call, step: Uncached) -> None:
        _log.warning("a result of %s is not cached: %s", call.owner, step.error)

    def _bypassed(self, _: Call, step: Bypassed) -> None:
        self.bypass.begin(step.error)

    def _fly(self, call: Call, step: Fly) -> Loaded:
        flight = self._flights.begin(call.owner, call.place)
        try:
            loaded = self._carry_out(call, step.flow)
        except Exception as error:
            self._flights.land(call.owner, call.place, flight, error=error)
            raise
        except BaseException:
            self._flights.land(call.owner, call.place, flight)
            raise
        self._flights.land(call.owner, call.place, flight, loaded=loaded)
        return loaded

    def _refresh(self, call: Call, step: Refresh) -> Loaded | None:
        try:
            return self._carry_out(call, step.flow)
        except Exception as error:  # noqa: BLE001 - whatever the function raises, there is a value
            _log.info("a value of %s was not refreshed: %s", call.owner, type(error).__qualname__)
            return None

    def __repr__(self) -> str:
        """What is under way."""
        return f"<Loader {self._flights!r}>"
