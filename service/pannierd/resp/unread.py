"""Whether a client reads its answers. One that does not is closed: its answers would pile up, or lie there for ever."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pannierd.config import Limits


class Unread:
    """The answers that a transport has and its client has not.

    Args:
        transport: of the connection.
        limits: how much there may be, and for how long.
        drop: closes the connection.

    Attributes:
        is_much: beyond the transport's high water mark; nothing should be added that can wait.
    """

    def __init__(self, transport: asyncio.Transport, limits: Limits, drop: Callable[[], None]) -> None:
        self.is_much = False
        self._transport = transport
        self._limits = limits
        self._drop = drop
        self._timer: asyncio.TimerHandle | None = None

    def rose(self) -> None:
        """The high water mark was passed."""
        self.is_much = True
        self._watch(None)

    def sank(self) -> None:
        """It is no longer; or the connection is gone."""
        self.is_much = False
        if self._timer is not None:
            self._timer.cancel()

    def added(self) -> None:
        """Something was added all the same."""
        if self._transport.get_write_buffer_size() > self._limits.max_lane_output_bytes:
            self._drop()

    def _watch(self, before: int | None) -> None:
        """Look now and then whether there is less than before."""
        now = self._transport.get_write_buffer_size()
        if before is not None and now >= before:
            self._drop()
        else:
            self._timer = asyncio.get_running_loop().call_later(self._limits.lane_unread_ms / 1000, self._watch, now)

    def __repr__(self) -> str:
        return f"<Unread {self._transport.get_write_buffer_size()} bytes>"
