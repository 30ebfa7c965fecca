"""Trimming the heap: the memory that a crowd of connections has needed goes back to the system when the crowd has gone.

The C library keeps what was freed for later use. After ten thousand connections that is hundreds of megabytes, which a
pod's limit counts as used. To have it look through such a heap takes a tenth of a second and more, so it is asked only
after many connections went, and on a thread of its own: the event loop turns on meanwhile.
"""

from __future__ import annotations

import asyncio
import ctypes
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["HeapTrim", "trim_heap"]

LOOK_EVERY_S: Final = 1.0
MANY: Final = 500


class HeapTrim:
    """Looks at the number of connections once a second.

    Args:
        connections: how many are open.
        trim: gives freed memory back; it is called on a thread, never twice at once.
    """

    def __init__(self, connections: Callable[[], int], trim: Callable[[], None]) -> None:
        self._connections = connections
        self._trim = trim
        self._most = 0  # connections since the last trim
        self._trimming: asyncio.Future[None] | None = None  # the last trim; a closing loop waits for its thread
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to look."""
        self._timer = asyncio.get_running_loop().call_later(LOOK_EVERY_S, self._wake)

    def close(self) -> None:
        """Look no more. May be called twice."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def look(self) -> asyncio.Future[None] | None:
        """Begin to trim if many connections went since the last time, and return what ends with it."""
        now = self._connections()
        self._most = max(self._most, now)
        if self._most - now < MANY or self._is_trimming:
            return None
        self._most = now
        self._trimming = asyncio.get_running_loop().run_in_executor(None, self._trim)
        return self._trimming

    @property
    def _is_trimming(self) -> bool:
        return self._trimming is not None and not self._trimming.done()

    def _wake(self) -> None:
        self.look()
        self.start()

    def __repr__(self) -> str:
        return f"<HeapTrim {self._most} connections at most>"


def trim_heap() -> None:
    """Have the C library give back what it keeps, if it is one that can (glibc). Without the interpreter's lock."""
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is not None:
        malloc_trim(0)
