"""`PN.*`: what Redis has no commands for. Leases, tags, stale values, and why a key is what it is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import msgspec

from pannierd.cache import Outcome
from pannierd.cache.write import Write
from pannierd.errors import BadRequest, DeadlineExceeded
from pannierd.resilience import Deadline
from pannierd.resp.commands.options import Kind, Options, condition_of, read_integer, text_of
from pannierd.resp.commands.row import ONE_KEY, PLAIN, READ, REMOVE, SLOW_READ, WRITE, Reply, Row
from pannierd.resp.fetched import told
from pannierd.resp.replies import OK, bulk, simple
from pannierd.telemetry.traces import trace_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from pannierd.operations.view import View
    from pannierd.resp.protocol import Command
    from pannierd.resp.session import Session

NS_OPTION: Final = {b"NS": Kind.WORD}
NS_ONLY: Final = Options(NS_OPTION)
FETCH_OPTIONS: Final = Options({**NS_OPTION, b"WAIT": Kind.INTEGER, b"NOLEASE": Kind.NOTHING})
STORE_OPTIONS: Final = Options(
    {
        **NS_OPTION,
        **dict.fromkeys((b"PX", b"STALE"), Kind.INTEGER),
        b"TAGS": Kind.COUNTED,
        **dict.fromkeys((b"LEASE", b"TYPE", b"IFMATCH"), Kind.WORD),
        **dict.fromkeys((b"NX", b"XX"), Kind.NOTHING),
    },
    frozenset({b"NX", b"XX", b"IFMATCH"}),
)
INVALIDATE_OPTIONS: Final = Options(
    {
        **NS_OPTION,
        **dict.fromkeys((b"KEYS", b"TAGS", b"PATTERNS"), Kind.COUNTED),
        **dict.fromkeys((b"ALL", b"SOFT"), Kind.NOTHING),
    }
)
CALL_WORDS: Final = 3
"""`PN.CALL deadline traceparent`: what stands before the command that is called."""

NONE_GIVEN: Final[Mapping[bytes, Any]] = {}


def namespace(session: Session, command: Command) -> bytes:
    """The namespace of the commands that follow."""
    session.enter(text_of(command[1]))
    return OK


def call(session: Session, command: Command) -> Reply:
    """A command under a deadline. The traceparent names its trace in the log."""
    milliseconds = read_integer(command[1])
    if milliseconds <= 0:
        raise DeadlineExceeded("the deadline had passed when the command arrived")
    inner = command[CALL_WORDS:]
    if session.lane.dispatch.table.is_frame(inner):
        raise BadRequest(f"PN.CALL carries no {text_of(inner[0][:64])}")
    deadline = Deadline.ahead_of(min(milliseconds, session.lane.limits.max_deadline_ms), session.lane.clock)
    reply = session.lane.dispatch.execute(session, inner, trace_id(text_of(command[2])))
    return reply if isinstance(reply, bytes) else _within(deadline, reply)


def fetch(session: Session, command: Command) -> Reply:
    """`[status, value, lease, ttl_ms, content_type]`; the bare path answers most."""
    key = command[1]
    given = FETCH_OPTIONS(command, 2) if len(command) > 2 else NONE_GIVEN  # noqa: PLR2004 - words
    view = session.view_of(given[b"NS"]) if b"NS" in given else session.bound
    wait_ms = _wait_ms(session, given)
    outcome = view.fetch(key, want_lease=b"NOLEASE" not in given, wait_ms=wait_ms, holder=session)
    if not isinstance(outcome, Outcome):
        return _fetched_later(session, view, key, outcome)
    session.knows(view, key)
    return told(outcome, session.dialect, session.lane.clock())


def store(session: Session, command: Command) -> bytes:
    """`stored`, `lease_lost` or `not_stored`."""
    _, key, value = command[:3]
    given = STORE_OPTIONS(command, 3)
    view = session.view_of(given.get(b"NS"))
    result = view.store(key, _write(value, given), origin=session.origin)
    session.knows(view, key, wrote=True)
    return simple(result.value)


def release(session: Session, command: Command) -> bytes:
    """The fill failed: let the next caller try."""
    view = session.view_of(NS_ONLY(command, 3).get(b"NS"))
    view.release(command[1], text_of(command[2]))
    return OK


def explain(session: Session, command: Command) -> bytes:
    """JSON, as over HTTP."""
    view = session.view_of(NS_ONLY(command, 2).get(b"NS"))
    return bulk(msgspec.json.encode(view.explain(command[1])))


def invalidate(session: Session, command: Command) -> bytes:
    """`+OK` once no read through this sidecar sees the old values."""
    given = INVALIDATE_OPTIONS(command, 1)
    if not given.keys() - {b"NS", b"SOFT"}:
        raise BadRequest("name what to invalidate: KEYS, TAGS, PATTERNS or ALL")
    view = session.view_of(given.get(b"NS"))
    reach = view.invalidate(
        keys=given.get(b"KEYS", ()),
        tags=[text_of(tag) for tag in given.get(b"TAGS", ())],
        patterns=given.get(b"PATTERNS", ()),
        everything=b"ALL" in given,
        soft=b"SOFT" in given,
        origin=session.origin,
    )
    return simple(reach.reply)


def _wait_ms(session: Session, given: Mapping[bytes, Any]) -> int | None:
    """What the caller says of waiting. Inside a transaction nothing waits."""
    wanted_ms: int | None = given.get(b"WAIT")
    if wanted_ms is not None and wanted_ms < 0:
        raise BadRequest("WAIT is 0 or more milliseconds")
    return 0 if session.is_executing else wanted_ms


async def _fetched_later(session: Session, view: View, key: bytes, waiting: Awaitable[Outcome]) -> bytes:
    outcome = await waiting
    session.knows(view, key)
    return told(outcome, session.dialect, session.lane.clock())


def _write(value: bytes, given: Mapping[bytes, Any]) -> Write:
    lease, etag = given.get(b"LEASE"), given.get(b"IFMATCH")
    return Write(
        value,
        ttl_ms=given.get(b"PX"),
        stale_ms=given.get(b"STALE"),
        tags=tuple(dict.fromkeys(text_of(tag) for tag in given.get(b"TAGS", ()))),
        content_type=text_of(given.get(b"TYPE", b"")),
        lease=None if lease is None else text_of(lease),
        condition=condition_of(given),
        etag=None if etag is None else text_of(etag).strip('"'),
    )


async def _within(deadline: Deadline, waiting: Awaitable[bytes]) -> bytes:
    try:
        async with asyncio.timeout(deadline.left_ms() / 1000):
            return await waiting
    except TimeoutError as error:
        raise DeadlineExceeded("the deadline passed before there was an answer") from error


ROWS: Final = (
    Row("PN.NS", namespace, 2, "Chooses the connection's namespace.", PLAIN),
    Row("PN.CALL", call, -4, "Carries out a command under a deadline.", PLAIN),
    Row("PN.FETCH", fetch, -2, "The value, or the lease to fill it.", READ, ONE_KEY),
    Row("PN.STORE", store, -3, "Stores a value with lives, tags, type, lease and condition.", WRITE, ONE_KEY),
    Row("PN.RELEASE", release, -3, "Gives a lease back.", REMOVE, ONE_KEY),
    Row("PN.EXPLAIN", explain, -2, "Why a key is what it is.", SLOW_READ, ONE_KEY),
    Row("PN.INVALIDATE", invalidate, -1, "Kills keys, tags, patterns or all.", REMOVE),
)
