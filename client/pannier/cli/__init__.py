"""The command line `pannier`: the cache from a terminal or a script. Needs the extra `pannier[cli]`."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Carry out the command of this process's arguments, and end with its exit code."""
    try:
        from pannier.cli.root import pannier  # noqa: PLC0415 - the library does without what this needs
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.exit("The command line of Pannier needs one more package: pip install 'pannier[cli]'")
    pannier()
