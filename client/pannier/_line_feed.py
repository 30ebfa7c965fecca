"""The feed of a sync client's near-cache: one tracked line, which whichever thread needs it reads.

There is no thread of its own. A hit that finds the last look at the socket older than 50 ms looks again, without
waiting; after half a second of silence it asks whether the sidecar is still there. A thread that finds the line in use
does not queue for it: its fetch goes by the pool, and is not kept.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from hiredis import ReplyError

from pannier._commands import read_error
from pannier._near_cache import DRAIN_EVERY, SILENCE_LIMIT, NearCache, NearEntry
from pannier._wire import PING
from pannier.errors import Disconnected, PannierError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pannier._line import Line
    from pannier._transport import Transport

__all__ = ["LineFeed"]

_ASK_AFTER = 0.5  # seconds of silence


class LineFeed:
    """The tracked line, dialled on first use and again after a loss."""

    def __init__(self, transport: Transport, near: NearCache, clock: Callable[[], float]) -> None:
        """Dial nothing yet."""
        self._transport = transport
        self._near = near
        self._clock = clock
        self._lock = threading.Lock()
        # Under the lock:
        self._line: Line | None = None
        self._heard_at = 0.0

    def fetch(self, prefix: bytes, key: bytes, command: bytes, deadline: float | None = None) -> Any:
        """The reply to a fetch of this key, kept near when it is fresh; by the pool while another thread is here.

        Raises:
            PannierError: The sidecar is away, does not answer in time, or answered with an error.
        """
        if not self._lock.acquire(blocking=False):
            return self._transport.ask(command, deadline)
        try:
            reply = self._transport.guarded(self._fetch, prefix, key, command, deadline=deadline)
        finally:
            self._lock.release()
        if type(reply) is ReplyError:
            raise read_error(reply)
        return reply

    def valid_until(self, now: float) -> float:
        """Until when the near-cache may be believed; 0 when nobody can tell."""
        if not self._lock.acquire(blocking=False):
            return 0.0
        try:
            return self._look(now)
        except PannierError:
            self._hang_up()
            return 0.0
        finally:
            self._lock.release()

    def beat(self, deadline: float) -> None:
        """Say something, unless the line is in use and so talking."""
        if self._line is None or not self._lock.acquire(blocking=False):
            return
        try:
            if self._line is not None:
                self._line.ask(PING, deadline)
        except PannierError:
            self._hang_up()
        finally:
            self._lock.release()

    def begin_anew(self) -> None:
        """This is another process now: its copy of the line is closed, the parent's socket stays as it is."""
        self._lock = threading.Lock()
        self._hang_up()

    def close(self) -> None:
        """Hang up."""
        with self._lock:
            self._hang_up()

    def _look(self, now: float) -> float:
        if self._line is None:
            return 0.0
        if self._line.drain():
            self._heard_at = now
        elif now - self._heard_at > _ASK_AFTER:
            self._transport.guarded(self._line.ask, PING)
            self._heard_at = now
        return min(now + DRAIN_EVERY, self._heard_at + SILENCE_LIMIT)

    def _fetch(self, prefix: bytes, key: bytes, command: bytes, deadline: float) -> Any:
        is_fresh_line = self._line is None
        try:
            return self._ask(prefix, key, command, deadline)
        except Disconnected:
            self._hang_up()
            if is_fresh_line:
                raise
            return self._ask(prefix, key, command, deadline)  # the sidecar was restarted since
        except PannierError:
            self._hang_up()
            raise

    def _ask(self, prefix: bytes, key: bytes, command: bytes, deadline: float) -> Any:
        if self._line is None:
            self._line = self._transport.dial(deadline, self._near.pushed)
            self._near.attach(self)
        ticket = self._near.expect(prefix, key)
        entry = None
        try:
            asked_at = self._clock()
            reply = self._line.ask(command, deadline)
            self._heard_at = self._clock()
            entry = NearEntry.of(reply, asked_at)
        finally:
            self._near.settle(ticket, prefix + key, entry)
        return reply

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None
            self._near.detach(self)
