"""Places: there are so many, and who finds them all taken is refused at once instead of making everybody late."""

from __future__ import annotations

import asyncio

from pannierd.errors import Overloaded

__all__ = ["Places"]

RETRY_AFTER_MS = 100  # most places are soon free again: a crowd that is still there after this is no short burst


class Places:
    """A bounded count of whatever takes up room for a while. It belongs to one event loop, hence no lock.

    Attributes:
        limit: how many there are.
        count: how many are taken.

    Args:
        limit: how many there are.
        refusal: what is told to one too many.
    """

    __slots__ = ("_refusal", "_waiting", "count", "limit")

    def __init__(self, limit: int, refusal: str) -> None:
        self.limit = limit
        self.count = 0
        self._refusal = refusal
        self._waiting: list[asyncio.Future[None]] = []  # who waits in idle()

    def enter(self) -> None:
        """Take a place. Each `enter` that returned needs one `leave`.

        Raises:
            Overloaded: all are taken; `retry_after_ms` says when to come again.
        """
        self.check()
        self.count += 1

    def check(self) -> None:
        """Ask whether there is a place, before anything is begun that would have to be undone.

        Raises:
            Overloaded: as in `enter`.
        """
        if self.count >= self.limit:
            raise Overloaded(self._refusal, retry_after_ms=RETRY_AFTER_MS)

    def leave(self) -> None:
        """Give a place back."""
        self.count -= 1
        if self._waiting and self.count == 0:
            self._wake()

    async def idle(self) -> None:
        """Wait until all places are free. The caller bounds the wait; a wait that is cancelled harms nobody."""
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
        return f"<Places {self.count} of {self.limit} taken>"
