"""`pannierd check-config`: what the sidecar would run with, and where each value came from."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from pannierd.commands.exits import Exit, Failure
from pannierd.commands.sources import add_sources
from pannierd.config import ConfigError, Logging
from pannierd.config.loading import examine
from pannierd.config.report import as_json, as_toml, lines
from pannierd.telemetry.logs import configure
from pannierd.tenancy import Tenants

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping

    from pannierd.config import Tenant
    from pannierd.config.loading import Loaded

__all__ = ["arguments", "run"]


def arguments(parser: ArgumentParser) -> None:
    """--json, and the sources."""
    parser.add_argument("--json", action="store_true", help="for programs")
    add_sources(parser)


def run(options: Namespace) -> int:
    """Print the effective configuration, or every mistake in it. Token files are read, never shown."""
    try:
        result = _examined(options)
    except ConfigError as error:
        if options.json:
            _print_json({"ok": False, "mistakes": list(error.mistakes)})
            return Exit.NO
        raise Failure(Exit.NO, *error.mistakes) from error
    report = lines(result, os.environ)
    if options.json:
        _print_json({"ok": True, "config": as_json(report)})
    else:
        sys.stdout.write(f"{as_toml(report)}\n")
    return Exit.DONE


def _examined(options: Namespace) -> Loaded:
    """Raises ConfigError with every mistake, those in the token files among them."""
    result, mistakes = examine(options.config, os.environ, options.assignments)
    mistakes += _in_token_files(result.config.tenants)
    if mistakes:
        raise ConfigError(*mistakes)
    return result


def _in_token_files(tenants: Mapping[str, Tenant]) -> tuple[str, ...]:
    """Why they cannot serve. What is only unsafe is a warning on standard error, in the words of the daemon's log."""
    log = configure(Logging(format="console"), sys.stderr, isatty=sys.stderr.isatty())
    try:
        Tenants(tenants, time.monotonic, log, set())
    except ConfigError as error:
        return error.mistakes
    return ()


def _print_json(document: dict[str, Any]) -> None:
    sys.stdout.write(f"{json.dumps(document, indent=2)}\n")
