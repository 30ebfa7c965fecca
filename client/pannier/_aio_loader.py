"""The loader carries out the flows of cached calls for tasks.

A function runs in a task of the client's own, so a caller that is cancelled does not stop the run for those who
joined it; when all of them are gone, the run is cancelled. Refreshes run in the background.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from pannier._bypass import Bypass
from pannier._commands import read_fetched
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
from pannier.errors import DeadlineExceeded, PannierError, Unavailable

if TYPE_CHECKING:
    from pannier._aio_sidecar import AioSidecar
    from pannier._commands import Fetched
    from pannier._near_cache import NearEntry
    from pannier._protocol import Call, Flow

__all__ = ["AioLoader"]

_log = logging.getLogger("pannier")


class _Flight:
    """A run under way, and how many wait for it."""

    __slots__ = ("passengers", "task")

    def __init__(self, task: asyncio.Task[Loaded]) -> None:
        self.task = task
        self.passengers = 0

    async def wait(self) -> Loaded:
        """What it loads. The last one to give up cancels it."""
        self.passengers += 1
        try:
            return await asyncio.shield(self.task)
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if self.task.cancelled() and not (caller and caller.cancelling()):
                raise Unavailable("the client was closed") from None
            raise
        finally:
            self.passengers -= 1
            if not self.passengers and not self.task.done():
                self.task.cancel()


class AioLoader:
    """Carries out flows against one sidecar."""

    def __init__(self, sidecar: AioSidecar) -> None:
        """Begin with nothing under way."""
        self._sidecar = sidecar
        # Whether reads, those of the caches included, go on without answers.
        self.bypass = Bypass(sidecar.settings, sidecar.clock)
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
        # By loop, function and place. A later flight of the same takes the earlier one's entry.
        self._flights: dict[tuple[asyncio.AbstractEventLoop, object, bytes], _Flight] = {}

    async def value(self, call: Call, flow: Flow) -> Any:
        """What a call comes to. Raises what the function raises."""
        return (await self._carry_out(call, flow)).value

    async def _carry_out(self, call: Call, flow: Flow) -> Loaded:
        steps = self._steps
        try:
            step = next(flow)
            while True:
                try:
                    result = await steps[type(step)](call, step)
                except BaseException as error:  # noqa: BLE001 - the flow decides about every exception
                    step = flow.throw(error)
                else:
                    step = flow.send(result)
        except StopIteration as end:
            loaded: Loaded = end.value
            return loaded

    async def _fetch(self, call: Call, _: Fetch) -> Fetched:
        fetched = read_fetched(await self._sidecar.fetch(call.space, call.key, call.space.fetch(call.key), call))
        if self.bypass.is_on:
            self.bypass.end()
        return fetched

    async def _wait(self, call: Call, _: Wait) -> Fetched:
        return read_fetched(await self._sidecar.here().fetch_waiting(call.space, call.key, call))

    async def _join(self, call: Call, _: Join) -> Loaded | None:
        flight = self._flights.get((asyncio.get_running_loop(), call.owner, call.place))
        if flight is None or flight.task.cancelling():
            return None
        loaded = await flight.wait()
        return Loaded(loaded.copy(call.codec), loaded.record, loaded.is_kept, loaded.began)

    async def _last_known(self, call: Call, _: LastKnown) -> NearEntry | None:
        return self._sidecar.near.last_known(call.place) if self._sidecar.near else None

    async def _run(self, call: Call, _: Run) -> Ran:
        began = self._sidecar.clock()
        transport = self._sidecar.here()
        transport.hold()
        try:
            return Ran(await call.run(), began)
        finally:
            transport.let_go()

    async def _store(self, call: Call, step: Store) -> bool:
        try:
            return await self._sidecar.store(call.space, call.key, step.command)
        except PannierError as error:
            if not error.retryable:
                _log.warning("a result of %s is not cached: %s", call.owner, error)
            if not isinstance(error, DeadlineExceeded):
                await self._release(call, Release(step.lease))
            return False

    async def _release(self, call: Call, step: Release) -> None:
        line = self._sidecar.here().line
        if line is not None:  # without one, the lease went with the connection
            line.tell(call.space.release(call.key, step.lease))

    async def _discard(self, call: Call, step: Discard) -> None:
        await self._sidecar.invalidate(Invalidation(call.space.namespace, keys=(call.key,), soft=step.soft))

    async def _uncached(self, call: Call, step: Uncached) -> None:
        _log.warning("a result of %s is not cached: %s", call.owner, step.error)

    async def _bypassed(self, _: Call, step: Bypassed) -> None:
        self.bypass.begin(step.error)

    async def _fly(self, call: Call, step: Fly) -> Loaded:
        # No await between making the flight and joining it, so nobody can cancel it in between.
        place = (asyncio.get_running_loop(), call.owner, call.place)
        flight = _Flight(self._sidecar.spawn(self._carry_out(call, step.flow)))
        self._flights[place] = flight

        def land(task: asyncio.Task[Loaded]) -> None:
            if self._flights.get(place) is flight:
                del self._flights[place]
            if not task.cancelled():
                task.exception()  # if nobody waits any more, nobody need hear of it

        flight.task.add_done_callback(land)
        return await flight.wait()

    async def _refresh(self, call: Call, step: Refresh) -> Loaded | None:
        self._sidecar.spawn(self._refreshed(call, step.flow))
        return None

    async def _refreshed(self, call: Call, flow: Flow) -> None:
        try:
            await self._carry_out(call, flow)
        except Exception as error:  # noqa: BLE001 - whatever the function raises, there is a value
            _log.info("a value of %s was not refreshed: %s", call.owner, type(error).__qualname__)

    @property
    def waiting(self) -> int:
        """How many callers wait for a run that is under way."""
        return sum(flight.passengers for flight in self._flights.values())

    def __repr__(self) -> str:
        """What is under way."""
        return f"<AioLoader {len(self._flights)} under way, {self.waiting} waiting>"
