"""Thrift: the memory that a crowd of connections has needed goes back to the system when the crowd has gone.

The C library keeps what was freed for later use. After ten thousand connections that is hundreds of megabytes, which a
pod's limit counts as used. To have it look through its heap takes some milliseconds, so it is asked only after many
connections went, and not with every one.
"""

from __future__ import annotations

import asyncio
import ctypes
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Thrift", "trim_heap"]

LOOK_EVERY_S: Final = 1.0
MANY: Final = 500


class Thrift:
    """Looks at the number of connections once a second.

    Args:
        connections: how many are open.
        trim: gives freed memory back.
    """

    def __init__(self, connections: Callable[[], int], trim: Callable[[], None]) -> None:
        self._connections = connections
        self._trim = trim
        self._most = 0  # connections since the last trim
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to look."""
        self._timer = asyncio.get_running_loop().call_later(LOOK_EVERY_S, self._wake)

    def close(self) -> None:
        """Look no more. May be called twice."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def look(self) -> None:
        """Trim if many connections went since the last time."""
        now = self._connections()
        self._most = max(self._most, now)
        if self._most - now >= MANY:
            self._most = now
            self._trim()

    def _wake(self) -> None:
        self.look()
        self.start()

    def __repr__(self) -> str:
        return f"<Thrift {self._most} connections at most>"


def trim_heap() -> None:
    """Have the C library give back what it keeps, if it is one that can (glibc)."""
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is not None:
        malloc_trim(0)
