"""The heartbeat of a sync client: while a function runs under a lease, the client's connections are kept talking.

The sidecar takes the holder of a lease for dead when its connection is silent for `lease_ms`, and a thread that runs a
function says nothing. So one more thread does: it is started by the first load, and ends by itself when there was none
for a beat.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Heartbeat"]

_BEAT_SECONDS = 1.0


class Heartbeat:
    """One thread at most. May be closed twice."""

    def __init__(self, beat: Callable[[], None], seconds: float = _BEAT_SECONDS) -> None:
        """Take what says something on every connection; it does not raise."""
        self._beat = beat
        self._seconds = seconds
        # The loads under way. A set, so that one which began before a fork may end in the child, too.
        self._loads: set[object] = set()
        self.begin_anew()

    def begin_anew(self) -> None:
        """This is another process now: the thread is not here."""
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._thread: threading.Thread | None = None
        self._loads.clear()

    def hold(self) -> object:
        """A load begins; what is returned ends it."""
        load = object()
        with self._lock:
            self._loads.add(load)
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="pannier-heartbeat", daemon=True)
                with suppress(RuntimeError):  # the interpreter is at its end, and starts no threads any more
                    thread.start()
                    self._thread = thread
        return load

    def let_go(self, load: object) -> None:
        """It is over."""
        self._loads.discard(load)

    def end(self) -> None:
        """No further beat; one that is under way goes on."""
        self._end.set()

    def close(self) -> None:
        """End, and wait for the thread."""
        self.end()
        thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while self._is_needed():
            self._beat()

    def _is_needed(self) -> bool:
        """After a beat's time: whether any load is under way. If not, the next one starts another thread."""
        is_over = self._end.wait(self._seconds)
        with self._lock:
            if self._loads and not is_over:
                return True
            self._thread = None
            return False

    def __repr__(self) -> str:
        """Whether there is a thread."""
        return f"<Heartbeat {len(self._loads)} loads, {'beating' if self._thread else 'still'}>"
