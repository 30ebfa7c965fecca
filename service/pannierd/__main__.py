"""The command line of the daemon: `pannierd serve`, and what helps to run it."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from importlib import import_module
from signal import SIGINT
from typing import TYPE_CHECKING

from pannierd.commands import COMMANDS
from pannierd.commands.exits import SIGNAL_EXIT, Failure

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code (see commands.exits)."""
    given = list(sys.argv[1:] if argv is None else argv)
    parser = ArgumentParser(prog="pannierd", description="The bag at your application's side.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    parsers = {name: commands.add_parser(name, help=text, description=text) for name, text in COMMANDS.items()}
    name = given[0] if given else ""
    if name not in parsers:
        parser.parse_args(given)  # prints help or what is wrong, and ends
    module = _module(name)
    module.arguments(parsers[name])
    try:
        return int(module.run(parser.parse_args(given)))
    except Failure as failure:
        for line in failure.lines:
            sys.stderr.write(f"pannierd: {line}\n")
        return failure.code
    except KeyboardInterrupt:
        return SIGNAL_EXIT + SIGINT


def _module(command: str) -> ModuleType:
    return import_module(f"pannierd.commands.{command.replace('-', '_')}")


if __name__ == "__main__":
    sys.exit(main())
