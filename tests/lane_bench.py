"""A lane on a bench's cache: sessions without sockets, and listeners with a raw client for what takes sockets."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Self

import hiredis
import structlog
from msgspec.structs import replace

from fakes import NOON, Bench
from pannierd.config import Limits, Tenant
from pannierd.config.address import Address
from pannierd.resp import Lane
from pannierd.resp.session import Peer, Session
from pannierd.telemetry.metrics import Metrics
from pannierd.tenancy import Tenants

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from pannierd.resp.listeners import TcpListener

PATIENCE_S = 10.0
"""Longer than anything here takes."""

Word = bytes | str | int


class LaneBench:
    """A lane, its cache and its clock.

    Args:
        tenants: by name, each with a token in a file; none: everybody is `default`.
        limits: as configured, with what a test changes.
    """

    def __init__(
        self, *, bench: Bench | None = None, tenants: Mapping[str, Tenant] | None = None, **limits: Any
    ) -> None:
        most = limits.pop("max_waiting_calls", 1_024)
        self.bench = bench or Bench(tenants=tuple(tenants or ("default",)), max_waiting_calls=most)
        self.clock = self.bench.clock
        self.listener: TcpListener
        self.log = structlog.testing.CapturingLogger()
        self.metrics = Metrics("0")
        wrapped = structlog.wrap_logger(self.log, processors=[])
        self.lane = Lane(
            self.bench.operations,
            Tenants(tenants or {}, self.clock, wrapped, self.metrics.degraded),
            self.metrics,
            replace(Limits(), **limits),
            self.clock,
            wrapped,
            lambda: NOON + self.clock.now,
        )

    @property
    def waiting(self) -> int:
        """How many calls wait for somebody else's load."""
        return self.bench.operations.waiting

    def session(self) -> Talk:
        """A new session, without a connection."""
        return Talk(self.lane)

    def refused(self, reason: str) -> float:
        """How often something was turned away for this reason."""
        value = self.metrics.registry.get_sample_value("pannier_requests_refused_total", {"reason": reason})
        return value or 0.0

    def commands(self, name: str) -> float:
        """How many commands of this name were counted."""
        value = self.metrics.registry.get_sample_value("pannier_lane_commands_total", {"command": name})
        return value or 0.0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Address]:
        """The lane on a TCP port."""
        self.listener = self.lane.tcp(Address("127.0.0.1", 0))
        await self.listener.start()
        try:
            yield self.listener.address
        finally:
            await self.listener.close()

    @asynccontextmanager
    async def client(self) -> AsyncIterator[RawClient]:
        """A listener and one connection to it."""
        async with self.listening() as address, RawClient.connect(address) as client:
            yield client


class Talk:
    """A session and what it says. `pushed` keeps what it was pushed."""

    def __init__(self, lane: Lane) -> None:
        self.wakes = 0
        self.session = Session(lane, Peer("there:1", "here:2", lane.tenants.anonymous()), self._wake)
        lane.sessions[self.session.number] = self.session
        self._lane = lane

    def __call__(self, *words: Word) -> Any:
        """The answer to a command: bytes, numbers, lists, dicts, None; an error as its text."""
        return read(self._lane.dispatch.execute(self.session, list(map(_encoded, words))))

    def pushed(self) -> Any:
        """What there is to be pushed now; None for nothing."""
        return read(self.session.take_pushes()) if self.session.has_pushes else None

    def _wake(self) -> None:
        self.wakes += 1


class RawClient:
    """Bytes there and back, and answers one by one."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self._answers = hiredis.Reader()

    @classmethod
    @asynccontextmanager
    async def connect(cls, address: Address | Path) -> AsyncIterator[Self]:
        if isinstance(address, Address):
            reader, writer = await asyncio.open_connection(address.host, address.port)
        else:
            reader, writer = await asyncio.open_unix_connection(address)
        try:
            yield cls(reader, writer)
        finally:
            writer.close()

    def send(self, *words: Word) -> None:
        """One command."""
        self.writer.write(written(*words))

    async def answer(self) -> Any:
        """The next answer; an error as its text."""
        while (answer := self._answers.gets()) is False:
            chunk = await asyncio.wait_for(self._reader.read(65_536), PATIENCE_S)
            if not chunk:
                raise ConnectionResetError("the lane closed the connection")
            self._answers.feed(chunk)
        return _plain(answer)

    async def __call__(self, *words: Word) -> Any:
        self.send(*words)
        return await self.answer()

    async def until_closed(self) -> bytes:
        """What still comes before the lane closes the connection."""
        try:
            return await asyncio.wait_for(self._reader.read(), PATIENCE_S)
        except ConnectionResetError:
            return b""


def written(*words: Word) -> bytes:
    """A command in wire form."""
    parts = list(map(_encoded, words))
    return b"".join([b"*%d\r\n" % len(parts), *(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)])


def read(wire: object) -> Any:
    """The one reply, with errors as texts."""
    assert isinstance(wire, bytes), "the reply has to be waited for"
    (reply,) = read_all(wire)
    return reply


def read_all(wire: bytes) -> list[Any]:
    """Every reply."""
    reader = hiredis.Reader()
    reader.feed(wire)
    replies = []
    while (reply := reader.gets()) is not False:
        replies.append(_plain(reply))
    return replies


def _plain(reply: Any) -> Any:
    if isinstance(reply, hiredis.ReplyError):
        return str(reply)
    if isinstance(reply, list):
        return [_plain(item) for item in reply]
    return reply


def _encoded(word: Word) -> bytes:
    return word if isinstance(word, bytes) else str(word).encode()
