"""Durations as people type them: 500ms, 30s, 2m."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from typing import Final

__all__ = ["seconds"]

UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "": 1.0}
DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|)")


def seconds(text: str) -> float:
    """The duration in seconds, for argparse."""
    match = DURATION.fullmatch(text)
    if match is None:
        raise ArgumentTypeError("expected a duration such as 500ms, 30s or 2m")
    return float(match[1]) * UNITS[match[2]]
