"""What happens around every command: is it known, may the caller, must it queue, how do its errors read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from pannierd.errors import BadRequest, Forbidden, InternalError, PannierdError
from pannierd.resp import replies
from pannierd.resp.commands.row import OUR_PREFIX
from pannierd.resp.commands.transactions import queue
from pannierd.resp.refusals import Refusal, as_ours, as_redis, no_caller
from pannierd.resp.session import USE

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from structlog.typing import FilteringBoundLogger

    from pannierd.resp.commands.row import Reply, Row
    from pannierd.resp.commands.table import Table
    from pannierd.resp.protocol import Command
    from pannierd.resp.session import Session
    from pannierd.telemetry.metrics import Metrics

OTHER: Final = "other"
"""What unknown commands are counted as."""

HTTP_WORDS: Final = frozenset({b"POST", b"HOST:"})
"""How a browser begins that a web page has tricked into talking to us: the connection is closed, as Redis does."""


class Dispatch:
    """Carries commands out."""

    def __init__(self, table: Table, metrics: Metrics, log: FilteringBoundLogger) -> None:
        self.table = table
        self._metrics = metrics
        self._counts = metrics.lane_commands
        self._log = log

    def execute(self, session: Session, command: Command, trace_id: str | None = None) -> Reply:
        """The reply to a command. Never raises; an awaitable one does not either."""
        try:
            row = self._admit(session, command)
        except (Refusal, PannierdError) as error:
            if session.transaction is not None:
                session.transaction.is_broken = True
            return self._failed(session, command, trace_id, error)
        try:
            transaction = session.transaction
            if transaction is not None and not row.is_immediate:
                return queue(session, transaction, command)
            reply = row.run(session, command)
        except Exception as error:  # noqa: BLE001 - a fault in one command is one command's
            return self._failed(session, command, trace_id, error)
        if not isinstance(reply, bytes):
            return self._settled(session, command, trace_id, reply)
        if session.tracking is not None and not row.is_ours:
            session.know_all(row.keys_of(command), wrote="write" in row.flags)
        return reply

    def execute_queued(self, session: Session, command: Command) -> bytes:
        """The same in EXEC, where nothing waits."""
        return cast(bytes, self.execute(session, command))

    def _admit(self, session: Session, command: Command) -> Row:
        """The row of a command that this session may carry out now.

        Raises:
            BadRequest: there is no such command, or it is not whole.
            Unauthenticated, Forbidden, QuotaExceeded: the session may not.
        """
        try:
            row = self.table.find(command)
        except BadRequest:
            self._counts[OTHER] += 1
            session.is_ended |= command[0].upper() in HTTP_WORDS
            raise
        self._counts[row.counted_as] += 1
        session.last_command = row
        if not session.is_free:
            self._check(session, row, command)
        return row

    def _check(self, session: Session, row: Row, command: Command) -> None:
        """A session that may not do everything: with no caller, no role, or a rate."""
        caller = session.caller
        if caller is None:
            if not row.is_for_strangers:
                raise no_caller()
        elif row.uses_cache:
            if USE not in caller.roles:
                name = row.name.lower()
                raise Forbidden(f"User {caller.label} has no permissions to run the '{name}' command")
            if session.transaction is None:
                session.bound.admit(max(len(row.keys_of(command)), 1))

    async def _settled(
        self, session: Session, command: Command, trace_id: str | None, reply: Awaitable[bytes]
    ) -> bytes:
        try:
            return await reply
        except Exception as error:  # noqa: BLE001 - as in execute
            return self._failed(session, command, trace_id, error)

    def _failed(self, session: Session, command: Command, trace_id: str | None, error: Exception) -> bytes:
        """The reply that tells of an error."""
        if isinstance(error, Refusal):
            return self._told(error.kind, str(error))
        name = command[0].decode("utf-8", "replace").upper()
        if not isinstance(error, PannierdError):
            self._log.error(
                "command failed",
                command=name,
                client_id=session.number,
                tenant=session.caller and session.caller.tenant,
                trace_id=trace_id,
                exc_info=error,
            )
            error = InternalError("a fault in the sidecar; its log has it")
        return self._told(type(error), as_ours(error) if name.startswith(OUR_PREFIX) else as_redis(error))

    def _told(self, kind: type[PannierdError] | None, text: str) -> bytes:
        if kind is not None and kind.turns_away:
            self._metrics.refused(kind.code)
        return replies.error(text)
