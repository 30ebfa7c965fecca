"""`pannierd run -- CMD`: a sidecar for one command, for as long as the command lives.

The sidecar takes a socket and ports of its own, unless the configuration says otherwise, so that several of them, and a
`pannierd serve` beside them, never collide. The command finds it by its environment:

    PANNIER_URL      the lane, unix:///… or tcp://…
    PANNIER_WEB_URL  the same sidecar over HTTP

Signals go on to the command, and the sidecar stays until the command has ended: that is when nobody needs it any more.
Logs go to standard error, warnings and worse only, since standard output is the command's.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from argparse import REMAINDER
from typing import TYPE_CHECKING, Final

from pannierd.commands.exits import SIGNAL_EXIT, Exit, Failure
from pannierd.commands.process import built, on_loop, started
from pannierd.commands.sources import add_sources, loaded
from pannierd.commands.urls import lane_url, web_url
from pannierd.telemetry.logs import configure

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from asyncio.subprocess import Process
    from collections.abc import Mapping, Sequence

    from structlog.typing import FilteringBoundLogger

    from pannierd.config.loading import Loaded

__all__ = ["arguments", "run"]

PRESETS: Final = (
    "server.web_address=127.0.0.1:0",
    "server.lane_address=127.0.0.1:0",
    "server.diagnostics_address=127.0.0.1:0",
    "logging.level=warning",
)
FROM_THE_KEYBOARD: Final = (signal.SIGINT, signal.SIGQUIT)
HANDED_ON: Final = (*FROM_THE_KEYBOARD, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


def arguments(parser: ArgumentParser) -> None:
    """The sources of the configuration, then the command."""
    add_sources(parser)
    parser.add_argument("argv", nargs=REMAINDER, metavar="-- CMD", help="the command and its arguments")


def run(options: Namespace) -> int:
    """Start the sidecar, then the command; end with the command, and with its exit code."""
    argv = options.argv[1:] if options.argv[:1] == ["--"] else options.argv
    if not argv:
        raise Failure(Exit.USAGE, "run: which command? pannierd run -- CMD")
    with tempfile.TemporaryDirectory(prefix="pannier-run-") as folder:
        result = loaded(options, (f"server.lane_socket={folder}/lane.sock", *PRESETS))
        log = configure(result.config.logging, sys.stderr, isatty=sys.stderr.isatty())
        return on_loop(_run(result, log, argv), log)


async def _run(result: Loaded, log: FilteringBoundLogger, argv: Sequence[str]) -> int:
    relay = Relay()
    app = built(result, log, lasts_as_its_command=True)
    async with started(app):
        child = await _start(argv, _environment(app.life.listeners))
        relay.hand_to(child)
        code = await child.wait()
        await app.drain()
    return code if code >= 0 else SIGNAL_EXIT - code


class Relay:
    """Hands signals on to the command; those that come before it runs wait for it."""

    def __init__(self) -> None:
        self._child: Process | None = None
        self._early: list[signal.Signals] = []
        loop = asyncio.get_running_loop()
        for number in HANDED_ON:
            loop.add_signal_handler(number, self._on_signal, number)

    def hand_to(self, child: Process) -> None:
        """From now on, and what came before."""
        self._child = child
        for number in self._early:
            self._on_signal(number)

    def _on_signal(self, number: signal.Signals) -> None:
        if self._child is None:
            self._early.append(number)
        elif self._child.returncode is None and not (number in FROM_THE_KEYBOARD and _owns_terminal()):
            self._child.send_signal(number)


def _owns_terminal() -> bool:
    """Whether the keyboard reaches us and the command alike: then it has had the signal already."""
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return False


def _environment(listeners: Mapping[str, str]) -> dict[str, str]:
    ours = {"PANNIER_URL": lane_url(listeners), "PANNIER_WEB_URL": web_url(listeners)}
    return {**os.environ, **{name: value for name, value in ours.items() if value}}


async def _start(argv: Sequence[str], environment: Mapping[str, str]) -> Process:
    try:
        return await asyncio.create_subprocess_exec(*argv, env=environment)
    except FileNotFoundError as error:
        raise Failure(Exit.NO_SUCH_COMMAND, f"run: {argv[0]}: no such command") from error
    except OSError as error:
        raise Failure(Exit.NOT_EXECUTABLE, f"run: {argv[0]}: {error.strerror}") from error
