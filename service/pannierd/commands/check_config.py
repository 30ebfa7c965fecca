"""`pannierd check-config`: what the sidecar would run with, and where each value came from."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any

import structlog

from pannierd.commands.exits import Exit, Failure
from pannierd.commands.sources import add_sources, loaded
from pannierd.config import ConfigError
from pannierd.config.report import as_json, as_toml, lines
from pannierd.tenancy import Tenants

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from pannierd.config.loading import Loaded

__all__ = ["arguments", "run"]


def arguments(parser: ArgumentParser) -> None:
    """--json, and the sources."""
    parser.add_argument("--json", action="store_true", help="for programs")
    add_sources(parser)


def run(options: Namespace) -> int:
    """Print the effective configuration, or every mistake in it. Token files are read, never shown."""
    try:
        result = loaded(options)
        _read_token_files(result)
    except (Failure, ConfigError) as error:
        mistakes = error.lines if isinstance(error, Failure) else error.mistakes
        if options.json:
            _print_json({"ok": False, "mistakes": list(mistakes)})
            return Exit.NO
        raise Failure(Exit.NO, *mistakes) from error
    report = lines(result, os.environ)
    if options.json:
        _print_json({"ok": True, "config": as_json(report)})
    else:
        sys.stdout.write(f"{as_toml(report)}\n")
    return Exit.DONE


def _read_token_files(result: Loaded) -> None:
    """Raises ConfigError when one of them cannot serve."""
    Tenants(result.config.tenants, time.monotonic, structlog.get_logger(), set())


def _print_json(document: dict[str, Any]) -> None:
    sys.stdout.write(f"{json.dumps(document, indent=2)}\n")
