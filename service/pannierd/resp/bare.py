"""The bare path: GETs and fetches of values that are there, answered from the dictionary with nothing in between.

Every line here is paid for each of them; loadtests/f01_lane_get.py and f02_async_client.py hold what it costs. Most of
that is waiting for memory, so an entry is asked only what lies together in it. One that is unknown, perhaps invalidated
or perhaps over is not answered here: to find out is the general path's business.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal

import hiredis

from pannierd.cache.memory import MOST_USES
from pannierd.cache.policy import REFRESH_HORIZON
from pannierd.resp.fetched import fresh
from pannierd.resp.protocol import Command
from pannierd.resp.tally import Tally

if TYPE_CHECKING:
    from pannierd.cache import Entry
    from pannierd.cache.space import Space
    from pannierd.telemetry.metrics import Metrics

Gets = Callable[[], Command | Literal[False]]
"""How both parsers hand out commands."""

LONE_BYTES: Final = 128
"""A longer chunk is no lone read, or one of an unusually long key."""

LONE_GET: Final = b"*2\r\n$3\r\nGET\r\n$"
LONE_FETCH: Final = b"*3\r\n$8\r\nPN.FETCH\r\n$"
LONE_FETCH_END: Final = b"\r\n$7\r\nNOLEASE\r\n"
DECIMALS: Final = tuple(b"%d" % number for number in range(LONE_BYTES))
GET: Final = b"GET"
FETCH: Final = b"PN.FETCH"
NOLEASE: Final = b"NOLEASE"


class BarePath:
    """The same path for all connections, and the tally of what it answers."""

    def __init__(self, metrics: Metrics, clock: Callable[[], float]) -> None:
        self._gets = Tally("GET", "get", metrics, clock)
        self._fetches = Tally("PN.FETCH", "fetch", metrics, clock)

    def lone(self, chunk: bytes, space: Space, now: float, null: bytes) -> bytes | None:
        """The answer to a chunk of at most LONE_BYTES that is one read, as clients without a pipeline send them.

        A parser, and what must be asked before it, would take longer than all the rest.
        """
        if chunk.startswith(LONE_GET):
            entry = ready(chunk[len(LONE_GET) : -2], space, now)
            tally, answer = self._gets, None if entry is None else entry.wire
        elif chunk.startswith(LONE_FETCH) and chunk.endswith(LONE_FETCH_END):
            entry = ready(chunk[len(LONE_FETCH) : -len(LONE_FETCH_END)], space, now)
            tally, answer = self._fetches, None if entry is None else fetched(entry, now, null)
        else:
            return None
        if entry is None or answer is None:
            return None
        if entry.uses < MOST_USES:
            entry.uses += 1
        space.counts.hits += 1
        tally.add(1, now)
        return answer

    def pipeline(
        self, gets: Gets, space: Space, now: float, null: bytes, answers: list[bytes], room: int
    ) -> tuple[Command | Literal[False] | None, int, int]:
        """Add answers until a command is something else, or `room` bytes are full; `null` tells of no lease.

        Returns:
            That command; False when there are no more; None when what came is no command. How many answers and bytes
            were added.
        """
        before = len(answers)
        command, size = answer_gets(gets, space, now, answers, room)
        if hits := len(answers) - before:
            self._gets.add(hits, now)
        if command and command[0] == FETCH:
            command, fetched = answer_fetches(command, gets, space, now, null, answers, room)
            if fetches := len(answers) - before - hits:
                self._fetches.add(fetches, now)
                return command, hits + fetches, size + fetched
        return command, hits, size

    def __repr__(self) -> str:
        return f"<BarePath {self._gets!r} {self._fetches!r}>"


def ready(named: bytes, space: Space, now: float) -> Entry | None:
    r"""The entry of a key that stands behind its length (`7\r\nuser:12`), if it can be answered here."""
    length, _, key = named.partition(b"\r\n")
    if length != DECIMALS[len(key)]:
        return None
    entry = space.entries.get(key)
    if entry is None or entry.seen != space.versions.counter or entry.sure_until <= now:
        return None
    return entry


def fetched(entry: Entry, now: float, null: bytes) -> bytes | None:
    """The answer to a fetch of a ready entry; None if it should be refreshed soon."""
    left = entry.fresh_until - now
    return None if left <= entry.load_cost * REFRESH_HORIZON else fresh(entry, left, null)


def answer_gets(
    gets: Gets, space: Space, now: float, answers: list[bytes], room: int
) -> tuple[Command | Literal[False] | None, int]:
    """GETs: as `BarePath.pipeline`; returns the first other command, and the bytes that were added."""
    lookup, counter, most_uses = space.entries.get, space.versions.counter, MOST_USES
    second = int(now)
    answer = answers.append
    before, size = len(answers), 0
    command: Command | Literal[False] | None
    try:
        while type(command := gets()) is list and len(command) == 2 and command[0] == GET:  # noqa: PLR2004 - words
            entry = lookup(command[1])
            if entry is None or entry.seen != counter or entry.sure_until <= second or size > room:
                break
            if entry.uses < most_uses:
                entry.uses += 1
            wire = entry.wire
            answer(wire)
            size += len(wire)
    except (hiredis.ProtocolError, TypeError):  # broken framing; an argument that is no string
        command = None
    space.counts.hits += len(answers) - before
    return command, size


def answer_fetches(
    first: Command, gets: Gets, space: Space, now: float, null: bytes, answers: list[bytes], room: int
) -> tuple[Command | Literal[False] | None, int]:
    """The same for `PN.FETCH key [NOLEASE]`, from `first` on, of values that need not be refreshed soon."""
    lookup, counter, most_uses = space.entries.get, space.versions.counter, MOST_USES
    second = int(now)
    before, size = len(answers), 0
    command: Command | Literal[False] | None = first
    try:
        while type(command) is list and (len(command) == 2 or command[2:] == [NOLEASE]) and command[0] == FETCH:  # noqa: PLR2004 - words
            entry = lookup(command[1])
            if entry is None or entry.seen != counter or entry.sure_until <= second or size > room:
                break
            wire = fetched(entry, now, null)
            if wire is None:
                break
            if entry.uses < most_uses:
                entry.uses += 1
            answers.append(wire)
            size += len(wire)
            command = gets()
    except (hiredis.ProtocolError, TypeError):  # as above
        command = None
    space.counts.hits += len(answers) - before
    return command, size
