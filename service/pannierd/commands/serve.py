"""`pannierd serve`: the daemon in the foreground."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import TYPE_CHECKING

from pannierd.commands.banner import banner
from pannierd.commands.process import SIGNALS_TO_END, Ending, built, on_loop, started
from pannierd.commands.sources import add_sources, loaded
from pannierd.telemetry.logs import configure

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from structlog.typing import FilteringBoundLogger

    from pannierd.config.loading import Loaded

__all__ = ["arguments", "run"]


def arguments(parser: ArgumentParser) -> None:
    """The sources of the configuration."""
    add_sources(parser)


def run(options: Namespace) -> int:
    """Serve until a signal, or /v1/admin/drain, ends it."""
    result = loaded(options)
    log = configure(result.config.logging, sys.stdout, isatty=sys.stdout.isatty())
    return on_loop(_serve(result, log), log)


async def _serve(result: Loaded, log: FilteringBoundLogger) -> int:
    app = built(result, log)
    ending = Ending(app)
    loop = asyncio.get_running_loop()
    for number in SIGNALS_TO_END:
        loop.add_signal_handler(number, ending.on_signal, number)
    loop.add_signal_handler(signal.SIGHUP, app.life.reload)
    async with started(app):
        if sys.stdout.isatty():
            sys.stdout.write(banner(app.life.listeners))
        return await ending.drained()
