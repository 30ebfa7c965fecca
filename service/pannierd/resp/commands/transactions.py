"""MULTI, EXEC, DISCARD: commands that are queued, then run together between two turns of the loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pannierd.errors import TooLarge
from pannierd.resp.commands.row import PLAIN, Row
from pannierd.resp.refusals import Refusal
from pannierd.resp.replies import OK, QUEUED, array
from pannierd.resp.session import Transaction

if TYPE_CHECKING:
    from pannierd.resp.protocol import Command
    from pannierd.resp.session import Session


def multi(session: Session, _: Command) -> bytes:
    """Begin."""
    if session.transaction is not None:
        raise Refusal("ERR MULTI calls can not be nested")
    session.transaction = Transaction()
    session.settle()
    return OK


def discard(session: Session, _: Command) -> bytes:
    """Forget what was queued."""
    _take(session, "DISCARD")
    return OK


def execute_all(session: Session, _: Command) -> bytes:
    """Carry out what was queued. An error in one command does not keep the others from being carried out."""
    transaction = _take(session, "EXEC")
    if transaction.is_broken:
        raise Refusal("EXECABORT Transaction discarded because of previous errors.")
    session.is_executing = True
    try:
        answers = [session.lane.dispatch.execute_queued(session, command) for command in transaction.commands]
    finally:
        session.is_executing = False
    session.lane.check_reply_size(answers)
    return array(answers)


def queue(session: Session, transaction: Transaction, command: Command) -> bytes:
    """Keep a command for EXEC.

    Raises:
        TooLarge: there is no more room.
    """
    limits = session.lane.limits
    transaction.size_bytes += sum(map(len, command))
    has_room = len(transaction.commands) < limits.max_lane_arguments
    if not has_room or transaction.size_bytes > limits.max_lane_command_bytes:
        transaction.is_broken = True
        raise TooLarge("the transaction is larger than the limits of one command")
    transaction.commands.append(command)
    return QUEUED


def _take(session: Session, name: str) -> Transaction:
    transaction = session.transaction
    if transaction is None:
        raise Refusal(f"ERR {name} without MULTI")
    session.transaction = None
    session.settle()
    return transaction


ROWS: Final = (
    Row("MULTI", multi, 1, "Begins to queue commands.", PLAIN, is_immediate=True),
    Row("EXEC", execute_all, 1, "Carries out the queued commands.", PLAIN, is_immediate=True),
    Row("DISCARD", discard, 1, "Forgets the queued commands.", PLAIN, is_immediate=True),
)
