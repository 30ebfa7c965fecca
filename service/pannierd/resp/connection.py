"""One connection: bytes in, bytes out, in order.

Nearly every chunk is *plain* (see protocol): whole commands of a client that may read the namespace. hiredis takes it
apart, reads of what is there are answered on the bare path, and all answers leave in one write.

    data_received ── plain? ──► hiredis ───┐
          │                                ├──► bare path, or dispatch ──► _write
          └── else ──► exact parser ───────┘       │
                                                   └── must hold ──► what is left waits in the exact parser

A connection **holds** (carries out nothing more, though it goes on listening) while a call waits, while its client does
not read, and once it is ending. Between two chunks hiredis is always empty: whatever of a chunk was not carried out is
handed over to the exact parser, which parses it again and skips what was. So order, limits and Redis' error texts are
its business alone.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Literal, cast

import hiredis

from pannierd.resp import replies
from pannierd.resp.bare import FETCH, LONE_BYTES, answer_fetches, answer_gets, answer_lone
from pannierd.resp.protocol import Command, ProtocolError, cut_command
from pannierd.resp.session import Session
from pannierd.resp.unread import Unread

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from pannierd.cache.space import Space
    from pannierd.resp.bare import Gets
    from pannierd.resp.listeners import Listener

HIGH_WATER_BYTES: Final = 262_144
"""Unread answers beyond which a connection holds."""

BATCH_BYTES: Final = 262_144
"""Answers are written when they are this long together, so that the high water mark is met in time."""

KEPT_BYTES: Final = 262_144
"""What may arrive while a connection holds before it stops listening. It does listen, to notice a client that left."""

LINGER_SECONDS: Final = 1.0
"""How long an ended connection still takes in, and drops, what its client sends."""

BRIDGED_BYTES: Final = 4_096
"""A rest that is shorter is not worth a second look."""


class Connection(asyncio.Protocol):
    """The protocol of an asyncio transport."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._lane = lane = listener.lane
        self._clock = lane.clock
        self._is_plain = lane.is_plain
        self._execute = lane.dispatch.execute
        self._gets_tally, self._fetches_tally = lane.gets_tally, lane.fetches_tally
        self._reader = hiredis.Reader()
        self._exact = lane.parser()
        # Set by connection_made.
        self._transport: asyncio.Transport
        self._session: Session
        self._unread: Unread
        # Ready: not holding, and the exact parser has nothing. Why it holds: a call that waits, a client that does not
        # read, or the end.
        self._is_ready = True
        self._is_holding = False
        self._waiting: asyncio.Task[None] | None = None
        self._is_parting = False  # it ends behind the next answer
        self._is_ending = False
        # Of the chunk that is being served: answers to be written and their bytes, commands that were taken.
        self._answers: list[bytes] = []
        self._size = self._taken = 0

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet nobody: the client speaks first."""
        self._transport = cast(asyncio.Transport, transport)
        lane, listener = self._lane, self._listener
        if len(listener.connections) >= lane.limits.max_connections:
            lane.metrics.refused("connections")
            self._transport.write(replies.error("ERR max number of clients reached"))
            self._transport.close()
            return
        self._transport.set_write_buffer_limits(high=HIGH_WATER_BYTES)
        self._unread = Unread(self._transport, lane.limits, self._drop)
        self._session = Session(lane, listener.peer(self._transport), self._push_soon)
        listener.connections.add(self)
        lane.sessions[self._session.number] = self._session
        lane.metrics.lane_connections += 1

    def data_received(self, chunk: bytes) -> None:
        """Carry out what arrived, or keep it."""
        session = self._session
        session.last_heard = now = self._clock()
        space = session.bare_space
        if space is not None and self._is_ready:
            if len(chunk) <= LONE_BYTES and (answer := answer_lone(chunk, space, now)):
                self._transport.write(answer)
                self._gets_tally.add(1, now)
                return
            if self._is_plain(chunk):
                self._serve_plain(chunk, space, now)
                return
        if not self._is_holding:
            self._exact.feed(chunk)
            self._serve_exact(may_bridge=True)
        elif not self._is_ending:
            self._keep(chunk)

    def pause_writing(self) -> None:
        """The client does not read: hold."""
        self._hold()
        self._transport.pause_reading()
        self._unread.rose()

    def resume_writing(self) -> None:
        """It does again."""
        self._unread.sank()
        self._go_on()

    def connection_lost(self, error: Exception | None) -> None:
        """Give back what the connection had."""
        del error
        if self not in self._listener.connections:
            return
        self._is_ending = True
        self._hold()
        if self._waiting is not None:
            # Behind its first step, or what it would have awaited is never awaited.
            asyncio.get_running_loop().call_soon(self._waiting.cancel)
        self._unread.sank()
        self._session.close()
        self._listener.connections.discard(self)
        del self._lane.sessions[self._session.number]
        self._lane.metrics.lane_connections -= 1

    # What the listener calls.

    def close_if_quiet(self, silent_since: float) -> None:
        """Close it, unless something is in flight or it was heard from after that moment (clock seconds)."""
        is_busy = self._is_holding or not self._exact.is_idle or self._transport.get_write_buffer_size()
        if not is_busy and self._session.last_heard <= silent_since:
            self._is_ending = True
            self._hold()
            self._transport.close()

    def part(self) -> None:
        """End it behind the next answer: a client that sends one command at a time has then sent none in vain."""
        self._is_parting = True
        self._is_ready = False

    def abort(self) -> None:
        """End it now."""
        self._is_ending = True
        self._hold()
        self._transport.abort()

    # Carrying out.

    def _serve_plain(self, chunk: bytes, space: Space, now: float) -> None:
        """A chunk of whole commands, as nearly all are. What turns out to be otherwise goes to the exact parser."""
        self._taken = 0
        self._reader.feed(chunk)
        command = self._serve_bare(self._reader.gets, space, now)
        if command:
            command = self._serve_others(command, now)
        self._write()
        begun = chunk.count(b"\r\n*") + 1  # at least: a value may look like a command's begin
        if self._taken < begun:
            may_be_cut = command is False and 0 < self._taken == begun - 1
            self._hand_over(chunk, cut_command(chunk, self._taken) if may_be_cut else b"")
        elif self._session.is_ended:
            self._end()

    def _serve_others(self, command: Command | Literal[False] | None, now: float) -> Command | Literal[False] | None:
        """Carry out what hiredis has, from this command on. Returns what _serve_bare does."""
        gets, session = self._reader.gets, self._session
        try:
            while type(command) is list and command:
                self._serve_one(command)
                if self._is_holding:
                    break
                space = session.bare_space
                command = gets() if space is None else self._serve_bare(gets, space, now)
        except (hiredis.ProtocolError, TypeError):
            command = None  # what came is no command; the exact parser says what is wrong with it
        return command

    def _hand_over(self, chunk: bytes, unfinished: bytes) -> None:
        """Give the exact parser what of a chunk was not carried out.

        Args:
            chunk: that hiredis had.
            unfinished: all that is left of it, if that is known.
        """
        self._reader = hiredis.Reader()
        self._exact.feed(unfinished or chunk)
        self._serve_exact(0 if unfinished else self._taken)

    def _serve_bare(self, gets: Gets, space: Space, now: float) -> Command | Literal[False] | None:
        """Answer what the bare path can, up to the first command that is something else, which is returned."""
        answers = self._answers
        before = len(answers)
        command, size = answer_gets(gets, space, now, answers, BATCH_BYTES)
        if hits := len(answers) - before:
            self._gets_tally.add(hits, now)
        if command and command[0] == FETCH:
            command, fetched = answer_fetches(
                command, gets, space, now, self._session.dialect.null, answers, BATCH_BYTES
            )
            if fetches := len(answers) - before - hits:
                self._fetches_tally.add(fetches, now)
                size += fetched
                hits += fetches
        self._taken += hits
        self._size += size
        return command

    def _serve_exact(self, skipped: int = 0, *, may_bridge: bool = False) -> None:
        """What the exact parser has, but for the first few, which were carried out already.

        A long chunk behind a command that two chunks share is bridged to: the rest of it may be plain.
        """
        exact, session = self._exact, self._session
        exact.is_trusted = session.caller is not None
        may_bridge &= not self._is_parting  # its answers are looked at below
        try:
            exact.skip(skipped)
            while not self._is_holding and (command := exact.gets()):
                self._serve_one(command)
                if may_bridge and exact.held_bytes > BRIDGED_BYTES:
                    may_bridge = False
                    self._bridge()
        except ProtocolError as error:
            self._lane.metrics.refused("protocol")
            self._answers.append(replies.error(f"ERR Protocol error: {error}"))
            session.is_ended = True
        is_parted = self._is_parting and not self._is_holding and (exact.is_idle or bool(self._answers))
        self._write()
        self._is_ready = not self._is_holding and not self._is_parting and exact.is_idle
        if session.is_ended or is_parted:
            self._end()

    def _bridge(self) -> None:
        """Between two commands: treat what follows as a chunk of its own."""
        rest = self._exact.take_rest()
        space = self._session.bare_space
        if not self._is_holding and space is not None and self._is_plain(rest):
            self._serve_plain(rest, space, self._clock())
        else:
            self._exact.feed(rest)

    def _serve_one(self, command: Command) -> None:
        """Carry out any command."""
        session = self._session
        b"".join(command)  # TypeError: hiredis read something that is no command
        reply = self._execute(session, command)
        self._taken += 1
        self._exact.is_trusted = session.caller is not None
        if isinstance(reply, bytes):
            self._answers.append(reply)
            self._size += len(reply)
        else:
            self._wait_for(reply)
        if session.has_pushes:
            self._answers.append(session.take_pushes())
        if self._size > BATCH_BYTES:
            self._write()
        if session.is_ended:
            self._hold()

    def _wait_for(self, reply: Awaitable[bytes]) -> None:
        """Hold until the reply is there."""
        self._hold()
        self._lane.in_flight.enter()
        self._waiting = asyncio.get_running_loop().create_task(self._answer_later(reply))
        self._waiting.add_done_callback(lambda _: self._lane.in_flight.leave())

    async def _answer_later(self, reply: Awaitable[bytes]) -> None:
        self._answers = [await reply]
        self._waiting = None
        self._write()
        self._go_on()

    # In and out.

    def _hold(self) -> None:
        self._is_holding = True
        self._is_ready = False

    def _keep(self, chunk: bytes) -> None:
        """Keep for later what arrives while the connection holds."""
        if self._is_ending:
            return
        self._exact.feed(chunk)
        if self._exact.held_bytes > KEPT_BYTES:
            self._transport.pause_reading()

    def _go_on(self) -> None:
        """One reason to hold is gone."""
        if self._is_ending or self._transport.is_closing():
            return
        self._is_holding = self._unread.is_much or self._waiting is not None
        if not self._is_holding:
            self._serve_exact(may_bridge=True)
        if not self._unread.is_much and not self._transport.is_closing():
            self._transport.resume_reading()

    def _write(self) -> None:
        """Send the answers that are there."""
        answers = self._answers
        if answers:
            self._answers = []
            self._size = 0
            self._transport.write(answers[0] if len(answers) == 1 else b"".join(answers))
            if self._unread.is_much:
                self._unread.added()

    def _push_soon(self) -> None:
        """The session has something to push. What is pushed in one turn of the loop leaves together."""
        asyncio.get_running_loop().call_soon(self._push)

    def _push(self) -> None:
        if self._session.has_pushes and not self._transport.is_closing():
            self._transport.write(self._session.take_pushes())
            if self._unread.is_much:
                self._unread.added()

    def _drop(self) -> None:
        """The client does not read its answers."""
        self._lane.metrics.refused("unread")
        self._lane.log.warning("lane connection closed: its client does not read", peer=self._session.peer.address)
        self.abort()

    def _end(self) -> None:
        """Send what is to be sent, hang up, and close when the client has hung up, too.

        To close over bytes that were not read would reset the connection, which may take the last answers with it.
        """
        if self._is_ending:
            return
        self._is_ending = True
        self._hold()
        self._transport.write_eof()
        self._transport.resume_reading()
        asyncio.get_running_loop().call_later(LINGER_SECONDS, self._transport.close)

    def __repr__(self) -> str:
        state = "holding" if self._is_holding else "ready"
        return f"<Connection {self._session!r} {state}>"
