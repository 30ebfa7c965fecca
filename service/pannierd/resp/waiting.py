"""The call that a connection waits for: it has at most one, and takes up nothing behind it meanwhile."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pannierd.resp.session import Session


class Waiting:
    """A place for the call.

    Args:
        session: that it belongs to.
        answered: takes its answer.
    """

    def __init__(self, session: Session, answered: Callable[[bytes], None]) -> None:
        self._session = session
        self._answered = answered
        self._task: asyncio.Task[None] | None = None
        self._is_over = False

    @property
    def is_on(self) -> bool:
        """Whether there is a call."""
        return self._task is not None

    def begin(self, reply: Awaitable[bytes]) -> None:
        """Wait for this one."""
        self._task = asyncio.get_running_loop().create_task(self._wait(reply))
        self._task.add_done_callback(self._done)

    def end(self) -> None:
        """The client is gone: nobody wants the answer."""
        self._is_over = True
        if self._task is not None:
            # Behind its first step, or what it would have awaited is never awaited.
            asyncio.get_running_loop().call_soon(self._task.cancel)

    async def _wait(self, reply: Awaitable[bytes]) -> None:
        answer = await reply
        self._task = None
        if not self._is_over:
            self._answered(answer)

    def _done(self, _: asyncio.Task[None]) -> None:
        """The call may have been woken before it could be cancelled, and have been granted a lease for nobody."""
        if self._is_over:
            self._session.close()

    def __repr__(self) -> str:
        return f"<Waiting {'on' if self.is_on else 'off'}>"
