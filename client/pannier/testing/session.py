"""One connection to the fake: the commands that this library speaks, carried out in order.

A fetch that waits holds back what was said after it, as the sidecar does.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from hiredis import Reader

from pannier._commands import Life
from pannier._outbox import Invalidation
from pannier.errors import BadRequest, PannierError, TooLarge
from pannier.testing.asked import Asked
from pannier.testing.memory import MAX_VALUE_BYTES, Memory
from pannier.testing.words import OK, bulk, invalidated, read_options, refused, simple, told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pannier._commands import Fetched
    from pannier.testing.memory import Lease, Place

__all__ = ["Lane", "Session"]

_HELLO = b"%1\r\n" + bulk(b"server") + bulk(b"fake")


@dataclass
class Lane:
    """What all connections have in common. Changed in the fake's thread alone."""

    memory: Memory = field(default_factory=Memory)
    sessions: set[Session] = field(default_factory=set)
    asked: list[Asked] = field(default_factory=list)


class Session(asyncio.Protocol):
    """One connection. Lives in the fake's loop."""

    def __init__(self, lane: Lane) -> None:
        """Begin in the namespace `default`, and without tracking."""
        self._lane = lane
        self._memory = lane.memory
        self._namespace = "default"
        self._is_tracking = False
        self._reader = Reader()
        self._transport: Any = None
        # Commands that came, and the fetch that the first of them waits behind.
        self._commands: deque[list[bytes]] = deque()
        self._waiting: _Waiting | None = None
        self._table: dict[bytes, Callable[[list[bytes]], bytes | None]] = {
            b"HELLO": lambda _: _HELLO,
            b"PING": lambda _: simple(b"PONG"),
            b"CLIENT": self._track,
            b"PN.NS": self._enter,
            b"PN.FETCH": self._fetch,
            b"PN.STORE": self._store,
            b"PN.RELEASE": self._release,
            b"PN.INVALIDATE": self._invalidate,
            b"PN.EXPLAIN": self._explain,
        }

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = transport
        self._lane.sessions.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - whyever it ended
        """End: what this connection was filling is anybody's."""
        self._lane.sessions.discard(self)
        if self._waiting is not None:
            self._waiting.cancel()
        self._memory.give_back(self)

    def data_received(self, data: bytes) -> None:
        """Answer what came."""
        self._reader.feed(data)
        while (command := self._reader.gets()) is not False:
            self._commands.append(command)
        self._go_on()

    def push(self, keys: Iterable[bytes] | None) -> None:
        """Tell a tracking connection what changed."""
        if self._is_tracking:
            self._transport.write(invalidated(keys))

    def hang_up(self) -> None:
        """As a sidecar that is killed does."""
        self._transport.abort()

    def _go_on(self) -> None:
        while self._commands and self._waiting is None:
            reply = self._answer(self._commands.popleft())
            if reply is not None:
                self._transport.write(reply)

    def _answer(self, command: list[bytes]) -> bytes | None:
        carry_out = self._table.get(command[0])
        try:
            if carry_out is None:
                raise BadRequest(f"the fake does not know {command[0]!r}")
            return carry_out(command)
        except PannierError as error:
            return refused(error)

    # The commands.

    def _enter(self, command: list[bytes]) -> bytes:
        self._namespace = command[1].decode()
        return OK

    def _track(self, command: list[bytes]) -> bytes:
        self._is_tracking = command[1:3] == [b"TRACKING", b"ON"]
        return OK

    def _fetch(self, command: list[bytes]) -> bytes | None:
        options = read_options(command[2:])
        place = self._place(command[1], options)
        self._note("fetch", place)
        fetched = self._memory.fetch(place, None if b"NOLEASE" in options else self)
        wait_ms = int(options.get(b"WAIT", 0))
        lease = self._memory.lease(place)
        if fetched.value is not None or fetched.lease is not None or lease is None or not wait_ms:
            return told(fetched)
        self._waiting = _Waiting(self, place, lease, wait_ms)
        return None

    def _store(self, command: list[bytes]) -> bytes:
        _, key, value = command[:3]
        options = read_options(command[3:])
        place = self._place(key, options)
        tags = tuple(tag.decode() for tag in options.get(b"TAGS", ()))
        self._note("store", place, tags)
        if len(value) > MAX_VALUE_BYTES:
            raise TooLarge(f"the value has {len(value)} bytes, and max_value_bytes is {MAX_VALUE_BYTES}")
        ttl_ms, stale_ms = (int(options[name]) if name in options else None for name in (b"PX", b"STALE"))
        record = (value, options.get(b"TYPE", b""))
        outcome = self._memory.store(place, record, Life(ttl_ms, stale_ms), tags, options.get(b"LEASE"))
        if outcome != b"lease_lost":
            self._tell_others([key])
        return simple(outcome)

    def _release(self, command: list[bytes]) -> bytes:
        place = self._place(command[1], read_options(command[3:]))
        self._note("release", place)
        self._memory.release(place, command[2])
        return OK

    def _invalidate(self, command: list[bytes]) -> bytes:
        options = read_options(command[1:])
        invalidation = Invalidation(
            self._place(b"", options)[0],
            keys=tuple(options.get(b"KEYS", ())),
            tags=tuple(tag.decode() for tag in options.get(b"TAGS", ())),
            patterns=tuple(options.get(b"PATTERNS", ())),
            everything=b"ALL" in options,
            soft=b"SOFT" in options,
        )
        named = Asked("invalidate", invalidation.namespace, invalidation.keys, invalidation.tags, invalidation.patterns)
        self._lane.asked.append(named)
        self._memory.invalidate(invalidation)
        self._tell_others(None if invalidation.is_wide else invalidation.keys)
        return OK

    def _explain(self, command: list[bytes]) -> bytes:
        place = self._place(command[1], read_options(command[2:]))
        self._note("explain", place)
        return bulk(orjson.dumps(self._memory.explain(place)))

    def _place(self, key: bytes, options: dict[bytes, Any]) -> Place:
        return (options[b"NS"].decode() if b"NS" in options else self._namespace), key

    def _note(self, what: str, place: Place, tags: tuple[str, ...] = ()) -> None:
        self._lane.asked.append(Asked(what, place[0], (place[1],), tags))

    def _tell_others(self, keys: Iterable[bytes] | None) -> None:
        for session in self._lane.sessions - {self}:
            session.push(keys)

    def _waited(self, place: Place, left_ms: int, unkept: Fetched | None) -> None:
        """The fill that was waited for is over; or the time is, and then there is none left."""
        self._waiting = None
        fetched = unkept or self._memory.fetch(place, self)
        lease = self._memory.lease(place)
        if fetched.value is None and fetched.lease is None and lease is not None and left_ms > 0:
            self._waiting = _Waiting(self, place, lease, left_ms)
            return
        self._transport.write(told(fetched))
        self._go_on()

    def __repr__(self) -> str:
        """Where it is, and whether it waits."""
        return f"<Session in {self._namespace}{', waiting' if self._waiting else ''}>"


class _Waiting:
    """A fetch that waits for another caller's fill, no longer than it said."""

    def __init__(self, session: Session, place: Place, lease: Lease, wait_ms: int) -> None:
        self._session = session
        self._place = place
        self._lease = lease
        self._loop = asyncio.get_running_loop()
        self._until = self._loop.time() + wait_ms / 1_000
        lease.waiting.append(self._wake)
        self._timer = self._loop.call_later(wait_ms / 1_000, self._give_up)

    def cancel(self) -> None:
        self._timer.cancel()
        if self._wake in self._lease.waiting:
            self._lease.waiting.remove(self._wake)

    def _wake(self, unkept: Fetched | None) -> None:
        self._timer.cancel()
        left_ms = int((self._until - self._loop.time()) * 1_000)
        self._session._waited(self._place, left_ms, unkept)  # noqa: SLF001 - the other half of one class

    def _give_up(self) -> None:
        self.cancel()
        self._session._waited(self._place, 0, None)  # noqa: SLF001 - see _wake
