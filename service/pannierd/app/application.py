"""The parts in motion: listeners first, then what works behind them; and to the end in reverse."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Protocol

from pannierd.app.life import Phase
from pannierd.resp import PlaceRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from structlog.typing import FilteringBoundLogger

    from pannierd.app.heap_trim import HeapTrim
    from pannierd.app.life import Life
    from pannierd.cache.engine import Engine
    from pannierd.config import Server
    from pannierd.telemetry.loop_watch import LoopWatch

__all__ = ["App", "CannotStart", "Listener"]

DIAGNOSTICS = "diagnostics"


class CannotStart(Exception):
    """A listener cannot be opened. The text names its knob and the reason."""


class Listener(Protocol):
    """What the application asks of a listener, whichever lane it is of."""

    @property
    def address(self) -> object:
        """Where it listens, with the port that was taken."""

    async def start(self) -> None:
        """Open it; OSError when that cannot be."""

    def stop_accepting(self) -> None:
        """No new connections."""

    async def drain(self, max_ms: float) -> None:
        """Wait until every connection has had its answers, at most so long."""

    async def close(self) -> None:
        """End everything now. May be called twice."""


class App:
    """The daemon. `start` once; `drain` when `life` wants it; `close` always, as often as you like.

    Args:
        life: the phase.
        listeners: by the knob that names each, in the order in which they open.
        engine: the cache.
        watch: of the loop.
        heap_trim: gives memory back after crowds.
        server: how long to drain.
        log: where the phases are told.
    """

    def __init__(
        self,
        life: Life,
        listeners: Mapping[str, Listener],
        engine: Engine,
        watch: LoopWatch,
        heap_trim: HeapTrim,
        server: Server,
        log: FilteringBoundLogger,
    ) -> None:
        self.life = life
        self._listeners = listeners
        self._engine = engine
        self._watch = watch
        self._heap_trim = heap_trim
        self._server = server
        self._log = log

    async def start(self) -> None:
        """Open every listener, then serve.

        Raises:
            CannotStart: one of them cannot be opened. What was opened is closed again.
        """
        for knob, listener in self._listeners.items():
            try:
                await listener.start()
            except OSError as error:
                await self.close()
                raise CannotStart(f"server.{knob}: {_why(error, str(listener.address))}") from error
            self.life.listeners[knob] = str(listener.address)
        self._engine.start()
        self._watch.start()
        self._heap_trim.start()
        self.life.enter(Phase.SERVING)
        self._log.info("serving", **self.life.listeners)

    async def drain(self) -> None:
        """End in order: not ready, stop accepting, finish what is in flight. `close` is still to come."""
        self.life.enter(Phase.DRAINING)
        self._log.info("draining", min_ms=self._server.drain_min_ms, max_ms=self._server.drain_max_ms)
        await asyncio.sleep(self._server.drain_min_ms / 1000)
        lanes = [listener for knob, listener in self._listeners.items() if not knob.startswith(DIAGNOSTICS)]
        for lane in lanes:
            lane.stop_accepting()
        await asyncio.gather(*(lane.drain(self._server.drain_max_ms) for lane in lanes))

    async def close(self) -> None:
        """End every part, in the reverse of their start. Diagnostics open first and close last: probes see it all."""
        has_ended = self.life.phase is Phase.ENDED
        self.life.enter(Phase.ENDED)
        self._watch.close()
        self._heap_trim.close()
        await self._engine.close()
        for listener in reversed(list(self._listeners.values())):
            await listener.close()
        if not has_ended:
            self._log.info("ended")

    def __repr__(self) -> str:
        return f"<App {self.life.phase.name.lower()} {self.life.listeners}>"


def _why(error: OSError, address: str) -> str:
    """The address and the reason; a listener that has words of its own for both is quoted."""
    text = error.strerror or str(error)
    if isinstance(error, PlaceRefused):
        return text
    number = error.errno or 0
    return f"{address}: {os.strerror(number) if number > 0 else text}"  # name resolution counts below 0
