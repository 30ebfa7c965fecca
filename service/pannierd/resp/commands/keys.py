"""Commands on keys: whether they are there, how long they live, and which there are."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from pannierd.config.names import MAX_KEY_BYTES
from pannierd.resp.commands.lives import life
from pannierd.resp.commands.options import Kind, NotAnInteger, Options, read_integer
from pannierd.resp.commands.row import (
    ALL_KEYS,
    ONE_KEY,
    READ,
    REMOVE,
    SLOW_READ,
    Row,
)
from pannierd.resp.refusals import Refusal, syntax_error
from pannierd.resp.replies import OK, ONE, ZERO, array, bulk, integer, simple, strings

if TYPE_CHECKING:
    from collections.abc import Callable

    from pannierd.resp.protocol import Command
    from pannierd.resp.session import Session

ABSENT: Final = -2
"""What TTL and its like say of a key that is not there."""

SCAN_COUNT: Final = 10
LONGEST_KEY_BYTES: Final = MAX_KEY_BYTES + len(b"$1024\r\n\r\n")
"""In a reply. COUNT is a hint: a page is never larger than a connection may leave unread."""
SCAN_OPTIONS: Final = Options({b"MATCH": Kind.WORD, b"COUNT": Kind.INTEGER, b"TYPE": Kind.WORD})
CONDITIONS: Final = frozenset({b"NX", b"XX", b"GT", b"LT"})
WAYS_TO_FLUSH: Final = frozenset({b"ASYNC", b"SYNC"})


def delete(session: Session, command: Command) -> bytes:
    """How many there were."""
    view, origin = session.bound, session.origin
    return integer(sum([view.delete(key, origin=origin) for key in command[1:]]))


def exists(session: Session, command: Command) -> bytes:
    """How many are there; a key that is named twice counts twice."""
    view = session.bound
    return integer(sum(view.peek(key) is not None for key in command[1:]))


def touch(session: Session, command: Command) -> bytes:
    """The same, as a use."""
    view = session.bound
    return integer(sum([view.get(key) is not None for key in command[1:]]))


def type_(session: Session, command: Command) -> bytes:
    """Every value is a string."""
    return simple("none" if session.bound.peek(command[1]) is None else "string")


def expire(session: Session, command: Command, unit: bytes) -> bytes:
    """EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT key number [NX|XX|GT|LT]. Every key has a life, so NX never holds."""
    _, key, number, *words = command
    conditions = _conditions(words)
    ttl_ms = life(unit, read_integer(number), session.lane.wall_clock(), command[0].decode().lower())
    view = session.bound
    entry = view.peek(key)
    if entry is None or b"NX" in conditions:
        return ZERO
    left_ms = view.ttl_ms(entry)
    if (b"GT" in conditions and ttl_ms <= left_ms) or (b"LT" in conditions and ttl_ms >= left_ms):
        return ZERO
    return ONE if view.expire(key, ttl_ms, origin=session.origin) else ZERO


def ttl(session: Session, command: Command, shown: Callable[[float, float], float]) -> bytes:
    """TTL, PTTL, EXPIRETIME, PEXPIRETIME key."""
    view = session.bound
    entry = view.peek(command[1])
    if entry is None:
        return integer(ABSENT)
    return integer(round(shown(view.ttl_ms(entry), session.lane.wall_clock() * 1000)))


def persist(session: Session, command: Command) -> bytes:
    """Nothing lives for ever: the key gets the namespace's life."""
    return ONE if session.bound.expire(command[1], None, origin=session.origin) else ZERO


def scan(session: Session, command: Command) -> bytes:
    """SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]."""
    try:
        cursor = read_integer(command[1])
    except NotAnInteger as error:
        raise Refusal("ERR invalid cursor") from error
    given = SCAN_OPTIONS.of_redis(command, 2)
    count = given.get(b"COUNT", SCAN_COUNT)
    if count < 1:
        raise syntax_error()
    most = max(session.lane.limits.max_lane_output_bytes // LONGEST_KEY_BYTES, 1)
    following, keys = session.bound.scan(cursor, given.get(b"MATCH"), min(count, most))
    if given.get(b"TYPE", b"string").lower() != b"string":
        keys = []
    return array([bulk(b"%d" % following), strings(keys)])


def keys_(session: Session, command: Command) -> bytes:
    """KEYS pattern: all of them at once."""
    view = session.bound
    _, found = view.scan(0, command[1], view.size())
    replies = [bulk(key) for key in found]
    session.lane.check_reply_size(replies)
    return array(replies)


def dbsize(session: Session, _: Command) -> bytes:
    """Entries in the namespace."""
    return integer(session.bound.size())


def flush(session: Session, command: Command) -> bytes:
    """FLUSHDB and FLUSHALL empty the connection's namespace, both at once."""
    if len(command) > 2 or (len(command) == 2 and command[1].upper() not in WAYS_TO_FLUSH):  # noqa: PLR2004 - words
        raise syntax_error()
    session.bound.invalidate(everything=True, origin=session.origin)
    return OK


def _conditions(words: list[bytes]) -> set[bytes]:
    conditions = {word.upper() for word in words}
    unknown = conditions - CONDITIONS
    if unknown:
        raise Refusal(f"ERR Unsupported option {min(unknown).decode('utf-8', 'replace')}")
    if b"NX" in conditions and len(conditions) > 1:
        raise Refusal("ERR NX and XX, GT or LT options at the same time are not compatible")
    if {b"GT", b"LT"} <= conditions:
        raise Refusal("ERR GT and LT options at the same time are not compatible")
    return conditions


ROWS: Final = (
    Row("DEL", delete, -2, "Deletes keys.", REMOVE, ALL_KEYS),
    Row("UNLINK", delete, -2, "Deletes keys.", REMOVE, ALL_KEYS),
    Row("EXISTS", exists, -2, "Counts the keys that are there.", READ, ALL_KEYS),
    Row("TOUCH", touch, -2, "Counts the keys that are there, as a use.", READ, ALL_KEYS),
    Row("TYPE", type_, 2, "The type of a value.", READ, ONE_KEY),
    Row("EXPIRE", partial(expire, unit=b"EX"), -3, "Gives a key a life in seconds.", REMOVE, ONE_KEY),
    Row("PEXPIRE", partial(expire, unit=b"PX"), -3, "Gives a key a life in milliseconds.", REMOVE, ONE_KEY),
    Row("EXPIREAT", partial(expire, unit=b"EXAT"), -3, "Lets a key live until a second.", REMOVE, ONE_KEY),
    Row("PEXPIREAT", partial(expire, unit=b"PXAT"), -3, "Lets a key live until a millisecond.", REMOVE, ONE_KEY),
    Row("TTL", partial(ttl, shown=lambda left, _: left / 1000), 2, "Seconds a key has left.", READ, ONE_KEY),
    Row("PTTL", partial(ttl, shown=lambda left, _: left), 2, "Milliseconds a key has left.", READ, ONE_KEY),
    Row("EXPIRETIME", partial(ttl, shown=lambda left, now: (now + left) / 1000), 2, "When a key dies.", READ, ONE_KEY),
    Row("PEXPIRETIME", partial(ttl, shown=lambda left, now: now + left), 2, "When a key dies, in ms.", READ, ONE_KEY),
    Row("PERSIST", persist, 2, "Gives a key the namespace's life.", REMOVE, ONE_KEY),
    Row("SCAN", scan, -2, "Goes through the namespace's keys.", SLOW_READ),
    Row("KEYS", keys_, 2, "The keys that match a pattern.", SLOW_READ),
    Row("DBSIZE", dbsize, 1, "How many entries the namespace has.", READ),
    Row("FLUSHDB", flush, -1, "Empties the namespace.", REMOVE),
    Row("FLUSHALL", flush, -1, "Empties the namespace.", REMOVE),
)
