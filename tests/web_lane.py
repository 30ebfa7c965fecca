"""A web lane over a real engine on real sockets, and callers of both kinds: a client, and raw bytes."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import structlog
from structlog.testing import CapturingLogger, LogCapture
from yarl import URL

from pannierd.cache.engine import Engine
from pannierd.cache.world import World
from pannierd.cache.write import Write
from pannierd.config import Config, Limits, Server
from pannierd.operations.cache import CacheOperations
from pannierd.telemetry.metrics import Metrics
from pannierd.tenancy import Tenants
from pannierd.tenancy.shares import memory_shares
from pannierd.web import Diagnostics, Web
from pannierd.web.request_ids import RequestIds

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

LISTENERS: Final = Server(web_address="127.0.0.1:0", diagnostics_address="127.0.0.1:0")
PATIENCE_S: Final = 10.0  # for what must come; nothing is ever waited for this long
MEMORY_BYTES: Final = 1 << 26


def limited(**limits: int) -> Config:
    """A configuration with these limits."""
    return Config(server=LISTENERS, limits=Limits(**limits))


@dataclass
class Life:
    """The daemon's life, played by a test."""

    is_live: bool = True
    is_serving: bool = True
    is_draining: bool = False
    reloads_well: bool = True
    fault: Exception | None = None
    calls: list[str] = field(default_factory=list)

    def request_drain(self) -> None:
        self.calls.append("drain")
        self.is_draining = True

    def reload(self) -> bool:
        self.calls.append("reload")
        return self.reloads_well

    def status(self) -> dict[str, Any]:
        if self.fault is not None:
            raise self.fault
        return {"version": "0", "degraded": []}

    def config_report(self) -> dict[str, Any]:
        return {"limits.max_waiting_calls": {"value": 1_024, "origin": "default"}}


class WatchedMetrics(Metrics):
    """Metrics that tell a test of each refusal when it happens."""

    def __init__(self) -> None:
        super().__init__("0")
        self.refusals: asyncio.Queue[str] = asyncio.Queue()

    def refused(self, reason: str) -> None:
        super().refused(reason)
        self.refusals.put_nowait(reason)


@dataclass
class Heard:
    """An answer."""

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of what must be a problem."""
        assert self.headers["Content-Type"] == "application/problem+json"
        problem = self.json
        assert problem["status"] == self.status
        assert problem["type"] == f"urn:pannier:error:{problem['code']}"
        return str(problem["code"])

    @property
    def detail(self) -> str:
        return str(self.json["detail"])


class Line:
    """A raw connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self._writer = writer

    async def say(self, text: bytes) -> None:
        self._writer.write(text)
        await self._writer.drain()

    async def hear(self) -> Heard:
        """One answer, read by its own length."""
        async with asyncio.timeout(PATIENCE_S):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            status_line, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
            headers = dict(line.split(": ", 1) for line in lines)
            body = await self.reader.readexactly(int(headers.get("Content-Length", 0)))
        return Heard(int(status_line.split()[1]), headers, body)

    async def hear_the_end(self) -> bytes:
        """All that comes until the server closes."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.reader.read()

    def hang_up(self) -> None:
        self._writer.close()


@dataclass
class Site:
    """A running web lane with its diagnostics, and what a test may look at or turn."""

    web: Web
    diagnostics: Diagnostics
    engine: Engine
    metrics: WatchedMetrics
    life: Life
    log: LogCapture
    http: aiohttp.ClientSession
    lines: list[Line] = field(default_factory=list)

    @property
    def port(self) -> int:
        return self.web.listener.address.port

    async def ask(self, method: str, target: str, *, port: int = 0, **options: Any) -> Heard:
        """One request, with the path exactly as it is written here."""
        url = URL(f"http://127.0.0.1:{port or self.port}{target}", encoded=True)
        async with self.http.request(method, url, **options) as response:
            return Heard(response.status, response.headers, await response.read())

    def keep(self, key: bytes, value: bytes) -> None:
        """Put a value where the web lane finds it, without the web lane."""
        self.engine.tenants["default"].space("default").store(key, Write(value), time.monotonic(), None)

    def answered(self, status: int) -> int:
        """How many requests for a key were answered like this."""
        labels = {"route": "/v1/cache/{namespace}/{key}", "status": str(status)}
        return int(self.metrics.registry.get_sample_value("pannier_http_requests_total", labels) or 0)

    async def dial(self) -> Line:
        """A raw connection, closed with the site."""
        self.lines.append(Line(*await asyncio.open_connection("127.0.0.1", self.port)))
        return self.lines[-1]

    async def said(self, request: bytes) -> Heard:
        """The answer to raw bytes."""
        line = await self.dial()
        await line.say(request)
        return await line.hear()

    async def refusal(self) -> str:
        """The next reason that is counted."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.metrics.refusals.get()


@asynccontextmanager
async def running(config: Config, *, clock: Callable[[], float] = time.monotonic) -> AsyncIterator[Site]:
    """The lane, from its start to its end."""
    capture = LogCapture()
    log = structlog.wrap_logger(CapturingLogger(), processors=[capture])
    metrics, life, ids = WatchedMetrics(), Life(), RequestIds("test", "1")
    shares = memory_shares(config.tenants, MEMORY_BYTES)
    engine = Engine(config, shares, World(clock=clock), "test", log, metrics.degraded)
    tenants = Tenants(config.tenants, clock, log, metrics.degraded)
    web = Web(
        CacheOperations(engine, config.limits, metrics),
        tenants,
        ids,
        life,
        metrics,
        config=config,
        clock=clock,
        log=log,
    )
    diagnostics = Diagnostics(ids, life, metrics, config=config, clock=clock)
    await web.listener.start()
    await diagnostics.listener.start()
    async with aiohttp.ClientSession() as http:
        site = Site(web, diagnostics, engine, metrics, life, capture, http)
        try:
            yield site
        finally:
            for line in site.lines:
                line.hang_up()
            await web.listener.close()
            await diagnostics.listener.close()
