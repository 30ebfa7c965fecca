"""The options that say where the configuration comes from, the same for every command that needs one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pannierd.commands.exits import Exit, Failure
from pannierd.config import ConfigError
from pannierd.config.loading import load

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterable

    from pannierd.config.loading import Loaded

__all__ = ["add_sources", "loaded"]


def add_sources(parser: ArgumentParser) -> None:
    """Give the command --config and --set."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="TOML file; without it the defaults serve")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="assignments",
        metavar="KEY=VALUE",
        help="section.key=value; wins over PANNIERD_<SECTION>__<KEY> in the environment, which wins over the file",
    )


def loaded(options: Namespace, presets: Iterable[str] = ()) -> Loaded:
    """The configuration from file, environment and options, over a command's own presets.

    Raises:
        Failure: it cannot be used.
    """
    try:
        return load(options.config, os.environ, options.assignments, presets)
    except ConfigError as error:
        raise Failure(Exit.BAD_CONFIG, *error.mistakes) from error
