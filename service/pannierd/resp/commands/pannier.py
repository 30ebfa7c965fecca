"""`PN.*`: what Redis has no commands for. Leases, tags, stale values, and why a key is what it is."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from pannierd.cache import Condition, Hit, Miss, Outcome, Stale
from pannierd.cache.memory import MOST_USES
from pannierd.cache.policy import REFRESH_HORIZON
from pannierd.cache.write import Write
from pannierd.errors import BadRequest, DeadlineExceeded
from pannierd.resilience import Deadline
from pannierd.resp.commands.options import Kind, Options, read_integer, text_of
from pannierd.resp.commands.row import ONE_KEY, PLAIN, READ, REMOVE, SLOW_READ, WRITE, Reply, Row
from pannierd.resp.replies import OK, bulk, simple

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from pannierd.operations.cache import View
    from pannierd.resp.protocol import Command
    from pannierd.resp.session import Session

NS_OPTION: Final = {b"NS": Kind.WORD}
NS_ONLY: Final = Options(NS_OPTION)
FETCH_OPTIONS: Final = Options({**NS_OPTION, b"WAIT": Kind.INTEGER, b"NOLEASE": Kind.NOTHING})
NOLEASE: Final = b"NOLEASE"
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
    """A command under a deadline. The traceparent is for the commands that trace."""
    milliseconds = read_integer(command[1])
    if milliseconds <= 0:
        raise DeadlineExceeded("the deadline had passed when the command arrived")
    inner = command[CALL_WORDS:]
    if session.lane.dispatch.table.is_frame(inner):
        raise BadRequest(f"PN.CALL carries no {text_of(inner[0][:64])}")
    deadline = Deadline.after(min(milliseconds, session.lane.limits.max_deadline_ms), session.lane.clock)
    reply = session.lane.dispatch.execute(session, inner)
    return reply if isinstance(reply, bytes) else _within(deadline, reply)


def fetch(session: Session, command: Command) -> Reply:
    """`[status, value, lease, ttl_ms, content_type]`. Hot: loadtests/f02_async_client.py."""
    fresh = _fresh(session, command)
    if fresh:
        return fresh
    key = command[1]
    given = FETCH_OPTIONS(command, 2) if len(command) > 2 else NONE_GIVEN  # noqa: PLR2004 - words
    view = session.view_of(given[b"NS"]) if b"NS" in given else session.bound
    wait_ms = _patience_ms(session, view, given)
    if wait_ms:
        session.lane.in_flight.check()
    outcome = view.fetch(key, want_lease=b"NOLEASE" not in given, wait_ms=wait_ms, holder=session)
    tell = TELLERS.get(type(outcome))
    if tell is None:
        return _fetched_later(session, view, key, cast("Awaitable[Outcome]", outcome))
    session.knows(view, key)
    return tell(session, outcome, session.last_heard)


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


def _fresh(session: Session, command: Command) -> bytes:
    """The common answer with as few calls as may be: a fresh value that need not be refreshed soon; else b"".

    Hot: loadtests/f02_async_client.py.
    """
    if len(command) > 2 and (command[2] != NOLEASE or len(command) > 3):  # noqa: PLR2004 - words
        return b""
    view, now = session.bound, session.lane.clock()
    space = view.space
    entry = space.entries.get(command[1])
    if entry is None or entry.seen != space.versions.counter:
        return b""
    left = entry.fresh_until - now
    if left <= entry.load_cost * REFRESH_HORIZON:
        return b""
    if entry.uses < MOST_USES:
        entry.uses += 1
    space.counts.hits += 1
    if session.tracking is not None:
        session.knows(view, command[1])
    return b"*5\r\n+hit\r\n%b%b:%d\r\n%b" % (
        entry.wire,
        session.dialect.null,
        left * 1000,
        _media_type(entry.content_type),
    )


def _patience_ms(session: Session, view: View, given: Mapping[bytes, Any]) -> int:
    """How long this fetch may wait. Inside a transaction nothing waits."""
    wanted_ms: int = given.get(b"WAIT", view.space.policy.wait_ms)
    if wanted_ms < 0:
        raise BadRequest("WAIT is 0 or more milliseconds")
    return 0 if session.is_executing else min(wanted_ms, session.lane.limits.max_deadline_ms)


def _tell_hit(session: Session, hit: Hit, now: float) -> bytes:
    entry = hit.entry
    ttl_ms = round((entry.fresh_until - now) * 1000)
    lease = session.dialect.null if hit.lease is None else bulk(hit.lease.encode())
    return b"*5\r\n+hit\r\n%b%b:%d\r\n%b" % (entry.wire, lease, ttl_ms, _media_type(entry.content_type))


def _tell_stale(session: Session, stale: Stale, _: float) -> bytes:
    entry = stale.entry
    lease = session.dialect.null if stale.lease is None else bulk(stale.lease.encode())
    return b"*5\r\n+stale\r\n%b%b:0\r\n%b" % (entry.wire, lease, _media_type(entry.content_type))


def _tell_miss(session: Session, miss: Miss, _: float) -> bytes:
    null = session.dialect.null
    lease = null if miss.lease is None else bulk(miss.lease.encode())
    return b"*5\r\n+miss\r\n%b%b:0\r\n$0\r\n\r\n" % (null, lease)


TELLERS: Final[Mapping[type, Callable[[Session, Any, float], bytes]]] = {
    Hit: _tell_hit,
    Stale: _tell_stale,
    Miss: _tell_miss,
}


@lru_cache(maxsize=256)
def _media_type(text: str) -> bytes:
    return bulk(text.encode())


async def _fetched_later(session: Session, view: View, key: bytes, waiting: Awaitable[Outcome]) -> bytes:
    outcome = await waiting
    session.knows(view, key)
    return TELLERS[type(outcome)](session, outcome, session.lane.clock())


def _write(value: bytes, given: Mapping[bytes, Any]) -> Write:
    condition = Condition.ALWAYS
    if b"NX" in given:
        condition = Condition.IF_ABSENT
    elif b"XX" in given:
        condition = Condition.IF_PRESENT
    lease, etag = given.get(b"LEASE"), given.get(b"IFMATCH")
    return Write(
        value,
        ttl_ms=given.get(b"PX"),
        stale_ms=given.get(b"STALE"),
        tags=tuple(dict.fromkeys(text_of(tag) for tag in given.get(b"TAGS", ()))),
        content_type=text_of(given.get(b"TYPE", b"")),
        lease=None if lease is None else text_of(lease),
        condition=condition,
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
