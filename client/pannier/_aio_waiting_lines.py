"""The async client's lines for calls that may wait: a call has one to itself, for replies come in order.

There are so many at most, whoever gives up. A line whose caller did not wait for the answer keeps its place until the
answer has come or the line is lost.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pannier._wire import PING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pannier._aio_line import AioLine

__all__ = ["WaitingLines"]

_MOST = 16


class WaitingLines:
    """The lines of one loop: free ones, and those that are taken."""

    def __init__(self, dial: Callable[[], Awaitable[AioLine]]) -> None:
        """Take what makes a line; none is made yet."""
        self._dial = dial
        self._free: list[AioLine] = []
        # Places for lines that are taken or being dialled.
        self._room = asyncio.Semaphore(_MOST)
        self._taken: set[AioLine] = set()

    async def take(self) -> AioLine:
        """A line, once there is room. Raises what dialling raises."""
        await self._room.acquire()
        try:
            line = self._free.pop() if self._free else await self._dial()
        except BaseException:
            self._room.release()
            raise
        self._taken.add(line)
        return line

    def put_back(self, line: AioLine) -> None:
        """Its caller is done with it. It is free once whatever the caller did not wait for has been answered."""

        def answered(pong: asyncio.Future[Any]) -> None:
            if pong.cancelled() or pong.exception() is not None:
                line.abort()
            else:
                self._release(line)

        if line.is_quiet:
            self._release(line)
        else:
            line.ask(PING).add_done_callback(answered)

    def lost(self, line: AioLine) -> None:
        """The connection is gone, and leaves its place."""
        if line in self._free:
            self._free.remove(line)
        elif line in self._taken:
            self._taken.remove(line)
            self._room.release()

    def _release(self, line: AioLine) -> None:
        if line in self._taken:  # else it was lost meanwhile
            self._taken.remove(line)
            self._free.append(line)
            self._room.release()

    def __repr__(self) -> str:
        """How many there are."""
        return f"<WaitingLines {len(self._free)} free, {len(self._taken)} taken>"
