"""`pannierd version`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pannierd import __version__
from pannierd.commands.exits import Exit

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

__all__ = ["arguments", "run"]


def arguments(_parser: ArgumentParser) -> None:
    """None."""


def run(_options: Namespace) -> int:
    """Print name and version."""
    sys.stdout.write(f"pannierd {__version__}\n")
    return Exit.DONE
