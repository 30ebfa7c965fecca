"""What leaves a connection: answers in order, pushes between them, and at last the end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from pannierd.resp.unread import Unread

if TYPE_CHECKING:
    from collections.abc import Callable

    from pannierd.resp.lane import Lane
    from pannierd.resp.session import Session

HIGH_WATER_BYTES: Final = 262_144
"""Unread answers beyond which a connection holds."""

BATCH_BYTES: Final = 262_144
"""Answers are written when they are this long together, so that the high water mark is met in time."""

LINGER_SECONDS: Final = 1.0
"""How long an ended connection still takes in, and drops, what its client sends."""


class Outgoing:
    """Answers are collected while a chunk is served, and leave in one write.

    Args:
        transport: of the connection.
        session: whose pushes leave here as well.
        lane: of the connection.
        abort: ends the connection, whose client does not read.

    Attributes:
        answers: those that were not written yet. Whoever adds one adds its length to `size_bytes`.
        size_bytes: of the answers.
        unread: whether the client reads what was written.
    """

    def __init__(self, transport: asyncio.Transport, session: Session, lane: Lane, abort: Callable[[], None]) -> None:
        self.answers: list[bytes] = []
        self.size_bytes = 0
        self.unread = Unread(transport, lane.limits, self._drop)
        self._transport = transport
        self._session = session
        self._lane = lane
        self._abort = abort
        transport.set_write_buffer_limits(high=HIGH_WATER_BYTES)

    def write(self) -> None:
        """Send the answers that are there."""
        answers = self.answers
        if answers:
            self.answers = []
            self.size_bytes = 0
            self._send(answers[0] if len(answers) == 1 else b"".join(answers))

    def push_soon(self) -> None:
        """The session has something to push. What is pushed in one turn of the loop leaves together."""
        asyncio.get_running_loop().call_soon(self._push)

    def hang_up(self) -> None:
        """Send what is to be sent, hang up, and close when the client has hung up, too.

        To close over bytes that were not read would reset the connection, which may take the last answers with it.
        """
        self._transport.write_eof()
        self._transport.resume_reading()
        asyncio.get_running_loop().call_later(LINGER_SECONDS, self._transport.close)

    def _push(self) -> None:
        if self._session.has_pushes and not self._transport.is_closing():
            self._send(self._session.take_pushes())

    def _send(self, wire: bytes) -> None:
        self._transport.write(wire)
        if self.unread.is_much:
            self.unread.added()

    def _drop(self) -> None:
        """The client does not read its answers."""
        self._lane.metrics.refused("unread")
        self._lane.log.warning("lane connection closed: its client does not read", peer=self._session.peer.address)
        self._abort()

    def __repr__(self) -> str:
        return f"<Outgoing {len(self.answers)} answers, {self.unread!r}>"
