"""Admission: so many calls may be in flight, one more is refused at once instead of making all of them late."""

from __future__ import annotations

import asyncio

from pannierd.errors import Overloaded

__all__ = ["InFlight"]

RETRY_AFTER_MS = 100  # a call takes well under a millisecond: a crowd that is still there after this is no short burst


class InFlight:
    """A bounded count of the calls that are being answered. It belongs to one event loop, hence no lock."""

    __slots__ = ("_waiting", "count", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.count = 0
        self._waiting: list[asyncio.Future[None]] = []  # who waits in idle()

    def enter(self) -> None:
        """Count one more call. Each `enter` that returned needs one `leave`.

        Raises:
            Overloaded: the limit is reached; `retry_after_ms` says when to come again.
        """
        self.check()
        self.count += 1

    def check(self) -> None:
        """Ask whether one more may enter, before anything is begun that would have to be undone.

        Raises:
            Overloaded: as in `enter`.
        """
        if self.count >= self.limit:
            raise Overloaded(f"{self.limit} calls are in flight already", retry_after_ms=RETRY_AFTER_MS)

    def leave(self) -> None:
        """The call was answered."""
        self.count -= 1
        if self._waiting and self.count == 0:
            self._wake()

    async def idle(self) -> None:
        """Wait until nothing is in flight. The caller bounds the wait; a wait that is cancelled harms nobody."""
        while self.count:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            await waiter

    def _wake(self) -> None:
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
        self._waiting.clear()

    def __repr__(self) -> str:
        return f"<InFlight {self.count} of {self.limit}>"
