"""Traces: what a caller's traceparent says of the trace that its call belongs to."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["trace_id"]

TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")  # W3C Trace Context


def trace_id(traceparent: str) -> str | None:
    """The trace's id, for the log; None when this is no traceparent."""
    match = TRACEPARENT.fullmatch(traceparent)
    return match[1] if match else None
