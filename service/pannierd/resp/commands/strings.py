"""String commands: what nearly every use of a cache is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pannierd.cache import Condition, StoreResult
from pannierd.cache.write import Write
from pannierd.resp.commands.lives import LIFE_OPTIONS, ONE_LIFE, life, life_of
from pannierd.resp.commands.options import MAX_INTEGER, MIN_INTEGER, Kind, Options, condition_of, read_integer
from pannierd.resp.commands.row import (
    ALL_KEYS,
    KEY_VALUE_PAIRS,
    ONE_KEY,
    READ,
    REMOVE,
    WRITE,
    Row,
)
from pannierd.resp.refusals import Refusal, wrong_arity
from pannierd.resp.replies import OK, ONE, ZERO, array, integer

if TYPE_CHECKING:
    from pannierd.cache import Entry
    from pannierd.resp.protocol import Command
    from pannierd.resp.session import Session

STORED: Final = StoreResult.STORED

SET_OPTIONS: Final = Options(
    {**LIFE_OPTIONS, **dict.fromkeys((b"KEEPTTL", b"NX", b"XX", b"GET"), Kind.NOTHING)},
    ONE_LIFE | {b"KEEPTTL"},
    frozenset({b"NX", b"XX"}),
)
GETEX_OPTIONS: Final = Options({**LIFE_OPTIONS, b"PERSIST": Kind.NOTHING}, ONE_LIFE | {b"PERSIST"})


def get(session: Session, command: Command) -> bytes:
    """The general form; most GETs never come here (see Connection)."""
    entry = session.bound.get(command[1])
    return session.dialect.null if entry is None else entry.wire


def set_(session: Session, command: Command) -> bytes:
    """SET with every option of Redis 7."""
    _, key, value, *options = command
    if not options:
        session.bound.store(key, Write(value), origin=session.origin)
        return OK
    given = SET_OPTIONS.of_redis(command, 3)
    ttl_ms = life_of(given, session.lane.wall_clock(), "set")
    view = session.bound
    before = view.peek(key)
    old = session.dialect.null if before is None else before.wire
    condition = condition_of(given)
    if ttl_ms is not None and ttl_ms <= 0:
        is_done = _holds(condition, before)
        if is_done:
            view.delete(key, origin=session.origin)
    else:
        write = Write(value, ttl_ms=ttl_ms, condition=condition, keep_ttl=b"KEEPTTL" in given)
        is_done = view.store(key, write, origin=session.origin) is STORED
    if b"GET" in given:
        return old
    return OK if is_done else session.dialect.null


def setnx(session: Session, command: Command) -> bytes:
    """1 when the key was absent and is set now."""
    write = Write(command[2], condition=Condition.IF_ABSENT)
    return ONE if session.bound.store(command[1], write, origin=session.origin) is STORED else ZERO


def setex(session: Session, command: Command) -> bytes:
    """SETEX key seconds value."""
    return _set_for(session, command, b"EX")


def psetex(session: Session, command: Command) -> bytes:
    """PSETEX key milliseconds value."""
    return _set_for(session, command, b"PX")


def getdel(session: Session, command: Command) -> bytes:
    """The value, which is gone then."""
    view = session.bound
    entry = view.get(command[1])
    if entry is None:
        return session.dialect.null
    wire = entry.wire
    view.delete(command[1], origin=session.origin)
    return wire


def getex(session: Session, command: Command) -> bytes:
    """The value, and another life for it."""
    given = GETEX_OPTIONS.of_redis(command, 2)
    ttl_ms = life_of(given, session.lane.wall_clock(), "getex")
    view = session.bound
    entry = view.get(command[1])
    if entry is None:
        return session.dialect.null
    wire = entry.wire
    if given:
        view.expire(command[1], ttl_ms, origin=session.origin)
    return wire


def mget(session: Session, command: Command) -> bytes:
    """Values in the order of the keys, null where there is none."""
    view, null = session.bound, session.dialect.null
    entries = [view.get(key) for key in command[1:]]
    wires = [null if entry is None else entry.wire for entry in entries]
    session.lane.check_reply_size(wires)
    return array(wires)


def mset(session: Session, command: Command) -> bytes:
    """One after the other; the first that is refused ends it."""
    if len(command) % 2 == 0:
        raise wrong_arity("mset")
    view, origin = session.bound, session.origin
    for key, value in zip(command[1::2], command[2::2], strict=True):
        view.store(key, Write(value), origin=origin)
    return OK


def strlen(session: Session, command: Command) -> bytes:
    """Length in bytes, 0 for no value."""
    entry = session.bound.peek(command[1])
    return integer(0 if entry is None else entry.size)


def incr(session: Session, command: Command) -> bytes:
    """INCR key."""
    return _add(session, command[1], 1)


def incrby(session: Session, command: Command) -> bytes:
    """INCRBY key number."""
    return _add(session, command[1], read_integer(command[2]))


def decr(session: Session, command: Command) -> bytes:
    """DECR key."""
    return _add(session, command[1], -1)


def decrby(session: Session, command: Command) -> bytes:
    """DECRBY key number."""
    number = read_integer(command[2])
    if number == MIN_INTEGER:
        raise Refusal("ERR decrement would overflow")
    return _add(session, command[1], -number)


def _holds(condition: Condition, before: Entry | None) -> bool:
    return condition is Condition.ALWAYS or (condition is Condition.IF_ABSENT) is (before is None)


def _set_for(session: Session, command: Command, unit: bytes) -> bytes:
    name = command[0].decode().lower()
    number = read_integer(command[2])
    if number <= 0:
        raise Refusal(f"ERR invalid expire time in '{name}' command")
    ttl_ms = life(unit, number, session.lane.wall_clock(), name)
    session.bound.store(command[1], Write(command[3], ttl_ms=ttl_ms), origin=session.origin)
    return OK


def _add(session: Session, key: bytes, number: int) -> bytes:
    """Read, add, write, keeping life, type and tags. Nothing else runs between the reading and the writing."""
    view = session.bound
    entry = view.peek(key)
    if entry is None:
        write = Write(b"%d" % number)
    else:
        number += read_integer(entry.value)
        write = Write(b"%d" % number, tags=entry.tags, content_type=entry.content_type, keep_ttl=True)
    if not MIN_INTEGER <= number <= MAX_INTEGER:
        raise Refusal("ERR increment or decrement would overflow")
    view.store(key, write, origin=session.origin)
    return integer(number)


ROWS: Final = (
    Row("GET", get, 2, "The value of a key.", READ, ONE_KEY),
    Row("SET", set_, -3, "Sets a key, with a life and conditions.", WRITE, ONE_KEY),
    Row("SETNX", setnx, 3, "Sets a key that is absent.", WRITE, ONE_KEY),
    Row("SETEX", setex, 4, "Sets a key with a life in seconds.", WRITE, ONE_KEY),
    Row("PSETEX", psetex, 4, "Sets a key with a life in milliseconds.", WRITE, ONE_KEY),
    Row("GETDEL", getdel, 2, "The value of a key, which is deleted.", REMOVE, ONE_KEY),
    Row("GETEX", getex, -2, "The value of a key, which gets another life.", REMOVE, ONE_KEY),
    Row("MGET", mget, -2, "The values of several keys.", READ, ALL_KEYS),
    Row("MSET", mset, -3, "Sets several keys, one after the other.", WRITE, KEY_VALUE_PAIRS),
    Row("STRLEN", strlen, 2, "The length of a value.", READ, ONE_KEY),
    Row("INCR", incr, 2, "Adds one to a number.", WRITE, ONE_KEY),
    Row("INCRBY", incrby, 3, "Adds to a number.", WRITE, ONE_KEY),
    Row("DECR", decr, 2, "Takes one from a number.", WRITE, ONE_KEY),
    Row("DECRBY", decrby, 3, "Takes from a number.", WRITE, ONE_KEY),
)
