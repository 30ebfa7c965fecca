"""`pannierd serve`: the daemon in the foreground."""

from __future__ import annotations

import asyncio
import resource
import signal
import sys
from typing import TYPE_CHECKING, Final

from pannierd.commands.banner import banner
from pannierd.commands.process import SIGNALS_TO_END, Ending, built, on_loop, started
from pannierd.commands.sources import add_sources, loaded
from pannierd.telemetry.logs import configure

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from structlog.typing import FilteringBoundLogger

    from pannierd.config.loading import Loaded

__all__ = ["arguments", "run"]

LISTENERS: Final = 4
SPARE_DESCRIPTORS: Final = 256  # libraries, files, the listeners themselves


def arguments(parser: ArgumentParser) -> None:
    """The sources of the configuration, and whether to greet."""
    add_sources(parser)
    parser.add_argument("--welcome", action="store_true", help="print what to try also where nobody's terminal is")


def run(options: Namespace) -> int:
    """Serve until a signal, or /v1/admin/drain, ends it."""
    result = loaded(options)
    log = configure(result.config.logging, sys.stdout, isatty=sys.stdout.isatty())
    _lift_descriptor_limit(result.config.limits.max_connections, log)
    return on_loop(_serve(result, log, greets=options.welcome or sys.stdout.isatty()), log)


async def _serve(result: Loaded, log: FilteringBoundLogger, *, greets: bool) -> int:
    app = built(result, log)
    ending = Ending(app)
    loop = asyncio.get_running_loop()
    for number in SIGNALS_TO_END:
        loop.add_signal_handler(number, ending.on_signal, number)
    loop.add_signal_handler(signal.SIGHUP, app.life.reload)
    async with started(app):
        if greets:
            sys.stdout.write(banner(app.life.listeners, is_open=not result.config.tenants, python=sys.executable))
            sys.stdout.flush()
        return await ending.drained()


def _lift_descriptor_limit(max_connections: int, log: FilteringBoundLogger) -> None:
    """Ask for as many file descriptors as connections may need. Without one a connection ends, and nobody is told."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = LISTENERS * max_connections + SPARE_DESCRIPTORS
    available = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < available:
        resource.setrlimit(resource.RLIMIT_NOFILE, (available, hard))
    if available < max_connections + SPARE_DESCRIPTORS:
        log.warning("fewer file descriptors than limits.max_connections", available=available, wanted=wanted)
