"""The daemon as a process: one event loop, and the signals that end it.

SIGTERM, SIGINT   drain and end; a second one ends at once, and what is in flight is cut off
SIGHUP            read the tokens again
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import uvloop

from pannierd.app import CannotStart, build
from pannierd.commands.exits import SIGNAL_EXIT, Exit, Failure
from pannierd.config import ConfigError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from structlog.typing import FilteringBoundLogger

    from pannierd.app import App
    from pannierd.config.loading import Loaded

__all__ = ["SIGNALS_TO_END", "Ending", "built", "on_loop", "started"]

SIGNALS_TO_END: Final = (signal.SIGTERM, signal.SIGINT)


def on_loop(main: Coroutine[Any, Any, int], log: FilteringBoundLogger) -> int:
    """Run the process' main coroutine on an event loop of its own; returns the exit code."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.get_loop().set_exception_handler(lambda _loop, context: _log_fault(log, context))
        return runner.run(main)


def built(result: Loaded, log: FilteringBoundLogger, *, lasts_as_its_command: bool = False) -> App:
    """The application for this configuration; see `build`.

    Raises:
        Failure: a token file cannot serve.
    """
    try:
        return build(result, os.environ, log, lasts_as_its_command=lasts_as_its_command)
    except ConfigError as error:
        raise Failure(Exit.BAD_CONFIG, *error.mistakes) from error


@asynccontextmanager
async def started(app: App) -> AsyncIterator[App]:
    """Start the application, and close it whatever happens.

    Raises:
        Failure: a listener cannot be opened.
    """
    try:
        await app.start()
        yield app
    except CannotStart as error:
        raise Failure(Exit.CANNOT_START, str(error)) from error
    finally:
        await app.close()


class Ending:
    """How the process is asked to end: first politely, then at once."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._exit_code = int(Exit.DONE)
        self._was_asked = False  # by a signal; a drain over HTTP does not make the first signal the second
        self._drain = asyncio.create_task(self._drain_when_wanted(), name="drain")

    def on_signal(self, number: signal.Signals) -> None:
        """Drain; or, when that is going on already, cut it short."""
        if not self._was_asked:
            self._was_asked = True
            self._app.life.request_drain()
        else:
            self._exit_code = SIGNAL_EXIT + number
            self._drain.cancel()

    async def drained(self) -> int:
        """Wait until the daemon was asked to end and has drained. Returns the exit code."""
        await asyncio.wait({self._drain})
        if not self._drain.cancelled():
            self._drain.result()
        return self._exit_code

    async def _drain_when_wanted(self) -> None:
        await self._app.life.drain_wanted()
        await self._app.drain()


def _log_fault(log: FilteringBoundLogger, context: dict[str, Any]) -> None:
    """What nobody awaited. The context's other parts are left out: their reprs may quote what callers sent."""
    log.error("a fault in the background", what=context["message"], exc_info=context.get("exception"))
