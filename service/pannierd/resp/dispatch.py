"""What happens around every command: is it known, may the caller, must it queue, how do its errors read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from pannierd.errors import InternalError, PannierdError
from pannierd.resp import replies
from pannierd.resp.commands.transactions import queue
from pannierd.resp.refusals import Refusal, as_ours, as_redis
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

    def execute(self, session: Session, command: Command) -> Reply:
        """The reply to a command. Never raises; an awaitable one does not either."""
        try:
            row = self._admitted(session, command)
        except Refusal as refusal:
            if session.transaction is not None:
                session.transaction.is_broken = True
            return replies.error(str(refusal))
        try:
            transaction = session.transaction
            if transaction is not None and not row.is_immediate:
                return queue(session, transaction, command)
            return self._run(session, row, command)
        except Exception as error:  # noqa: BLE001 - a fault in one command is one command's
            return self._failed(row, error)

    def execute_queued(self, session: Session, command: Command) -> bytes:
        """The same in EXEC, where nothing waits."""
        return cast(bytes, self.execute(session, command))

    def _admitted(self, session: Session, command: Command) -> Row:
        """The row of a command that this session may carry out."""
        try:
            row = self.table.find(command)
        except Refusal:
            self._counts[OTHER] += 1
            session.is_ended |= command[0].upper() in HTTP_WORDS
            raise
        self._counts[row.name.partition("|")[0]] += 1
        session.last_command = row.name
        if session.caller is None:
            if "no_auth" not in row.flags:
                raise Refusal("NOAUTH Authentication required.")
        elif row.uses_cache and USE not in session.caller.roles:
            label = session.caller.label
            raise Refusal(f"NOPERM User {label} has no permissions to run the '{row.name.lower()}' command")
        return row

    def _run(self, session: Session, row: Row, command: Command) -> Reply:
        if row.uses_cache and session.caller is not None and session.caller.rate is not None:
            session.bound.admit(max(len(row.keys_of(command)), 1))
        reply = row.run(session, command)
        if isinstance(reply, bytes):
            if session.tracking is not None and not row.is_ours:
                for key in row.keys_of(command):
                    session.knows(session.bound, key, wrote="write" in row.flags)
            return reply
        return self._settled(row, reply)

    async def _settled(self, row: Row, reply: Awaitable[bytes]) -> bytes:
        try:
            return await reply
        except Exception as error:  # noqa: BLE001 - as in execute
            return self._failed(row, error)

    def _failed(self, row: Row, error: Exception) -> bytes:
        """The reply that tells of an error."""
        if isinstance(error, Refusal):
            return replies.error(str(error))
        if not isinstance(error, PannierdError):
            self._log.error("command failed", command=row.name, exc_info=error)
            error = InternalError("a fault in the sidecar; its log has it")
        self._metrics.refused(error.code)
        return replies.error(as_ours(error) if row.is_ours else as_redis(error))
