"""One connection: bytes in, carried out in order, answered by Outgoing.

Nearly every chunk is *plain* (see protocol): whole commands of a client that may read the namespace. hiredis takes it
apart, reads of what is there are answered on the bare path, and all answers leave in one write.

    data_received ── plain? ──► hiredis ───┐
          │                                ├──► bare path, or dispatch ──► Outgoing
          └── else ──► exact parser ───────┘       │
                                                   └── must hold ──► what is left waits in the exact parser

A connection **holds** (carries out nothing more, though it goes on listening) while a call waits, while its client does
not read, and once it is ending. Between two chunks hiredis is always empty: what of a chunk was not carried out the
exact parser gets, which skips what was. So order, limits and Redis' error texts are its business alone.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Literal, cast

import hiredis

from pannierd.resp import replies
from pannierd.resp.bare import LONE_BYTES
from pannierd.resp.outgoing import BATCH_BYTES, Outgoing
from pannierd.resp.protocol import Command, ProtocolError, cut_command
from pannierd.resp.session import SILENCE_SECONDS, Session
from pannierd.resp.waiting import Waiting

if TYPE_CHECKING:
    from pannierd.cache.space import Space
    from pannierd.resp.bare import Gets
    from pannierd.resp.listeners import Listener

KEPT_BYTES: Final = 262_144
"""What may arrive while a connection holds before it stops listening. It does listen, to notice a client that left."""

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
        self._bare = lane.bare
        self._reader = hiredis.Reader()
        self._exact = lane.parser()
        # Set by connection_made.
        self._transport: asyncio.Transport
        self._session: Session
        self._outgoing: Outgoing
        self._waiting: Waiting
        # Ready: not holding (a call waits, the client does not read, or it ends), and nothing is in the exact parser.
        self._is_ready = True
        self._is_holding = False
        self._is_parting = False  # it ends behind the next answer
        self._is_ending = False
        self._taken = 0  # commands of the chunk that is being served

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
        self._session = Session(lane, listener.peer(self._transport), self._push_soon)
        self._outgoing = Outgoing(self._transport, self._session, lane, self.abort)
        self._waiting = Waiting(self._session, self._go_on_with)
        listener.connections.add(self)
        lane.sessions[self._session.number] = self._session
        lane.metrics.lane_connections += 1

    def data_received(self, chunk: bytes) -> None:
        """Carry out what arrived, or keep it."""
        session, now = self._session, self._clock()
        if now - session.last_heard > SILENCE_SECONDS:
            self._lane.operations.lapse(session)
        session.last_heard = now
        space = session.bare_space
        if space is not None and self._is_ready:
            if len(chunk) <= LONE_BYTES and (answer := self._bare.lone(chunk, space, now, session.dialect.null)):
                self._transport.write(answer)
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
        self._outgoing.unread.rose()

    def resume_writing(self) -> None:
        """It does again."""
        self._outgoing.unread.sank()
        self._go_on()

    def connection_lost(self, _: Exception | None) -> None:
        """Give back what the connection had."""
        if self not in self._listener.connections:
            return
        self._is_ending = True
        self._hold()
        self._waiting.end()
        self._outgoing.unread.sank()
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
        reader = self._reader
        self._taken = 0
        reader.feed(chunk)
        command = self._serve_bare(reader.gets, space, now)
        if command:
            command = self._serve_others(command, now)
        self._outgoing.write()
        begun = chunk.count(b"\r\n*") + 1  # at least: a value may look like a command's begin
        if command is not False or self._taken < begun or reader.has_data():
            may_be_cut = command is False and 0 < self._taken == begun - 1
            self._hand_over(chunk, cut_command(chunk, self._taken) if may_be_cut else b"")
        elif self._session.is_ended:
            self._end()

    def _serve_others(self, command: Command | Literal[False] | None, now: float) -> Command | Literal[False] | None:
        """Carry out what hiredis has, from this command on, until the connection must hold.

        Returns:
            False when all that was taken from hiredis was carried out, or else what was not.
        """
        gets, session = self._reader.gets, self._session
        try:
            while type(command) is list and command:
                self._serve_one(command)
                if self._is_holding:
                    return False
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
        outgoing = self._outgoing
        null = self._session.dialect.null
        command, count, size = self._bare.pipeline(gets, space, now, null, outgoing.answers, BATCH_BYTES)
        self._taken += count
        outgoing.size_bytes += size
        return command

    def _serve_exact(self, skipped: int = 0, *, may_bridge: bool = False) -> None:
        """What the exact parser has, but for the first few, which were carried out already.

        A long chunk behind a command that two chunks share is bridged to: the rest of it may be plain.
        """
        exact, session, outgoing = self._exact, self._session, self._outgoing
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
            outgoing.answers.append(replies.error(f"ERR Protocol error: {error}"))
            session.is_ended = True
        is_parted = self._is_parting and not self._is_holding and (exact.is_idle or bool(outgoing.answers))
        outgoing.write()
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
        session, outgoing = self._session, self._outgoing
        b"".join(command)  # TypeError: hiredis read something that is no command
        reply = self._execute(session, command)
        self._taken += 1
        self._exact.is_trusted = session.caller is not None
        if isinstance(reply, bytes):
            outgoing.answers.append(reply)
            outgoing.size_bytes += len(reply)
        else:
            self._hold()
            self._waiting.begin(reply)
        if session.has_pushes:
            outgoing.answers.append(session.take_pushes())
        if outgoing.size_bytes > BATCH_BYTES:
            outgoing.write()
        if session.is_ended:
            self._hold()

    # Holding, and the end.

    def _hold(self) -> None:
        self._is_holding = True
        self._is_ready = False

    def _keep(self, chunk: bytes) -> None:
        """Keep for later what arrives while the connection holds."""
        self._exact.feed(chunk)
        if self._exact.held_bytes > KEPT_BYTES:
            self._transport.pause_reading()

    def _go_on(self) -> None:
        """One reason to hold is gone."""
        if self._is_ending or self._transport.is_closing():
            return
        self._is_holding = self._outgoing.unread.is_much or self._waiting.is_on
        if not self._is_holding:
            self._serve_exact(may_bridge=True)
        if not self._outgoing.unread.is_much and not self._transport.is_closing():
            self._transport.resume_reading()

    def _go_on_with(self, answer: bytes) -> None:
        """What it waited for is there."""
        self._outgoing.answers.append(answer)
        self._outgoing.write()
        self._go_on()

    def _push_soon(self) -> None:
        self._outgoing.push_soon()

    def _end(self) -> None:
        """End it behind what is to be sent."""
        if not self._is_ending:
            self._is_ending = True
            self._hold()
            self._outgoing.hang_up()

    def __repr__(self) -> str:
        state = "holding" if self._is_holding else "ready"
        return f"<Connection {self._session!r} {state}>"
