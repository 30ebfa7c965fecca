"""A web lane over a real engine on a real socket, and callers of both kinds: a client, and raw bytes."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import structlog
from structlog.testing import CapturingLogger, LogCapture
from yarl import URL

from pannierd.cache.engine import Engine
from pannierd.cache.world import World
from pannierd.config import Config, Server
from pannierd.operations.cache import CacheOperations
from pannierd.telemetry.metrics import Metrics
from pannierd.tenancy import Tenants
from pannierd.tenancy.shares import memory_shares
from pannierd.web import Diagnostics, Web
from pannierd.web.request_ids import RequestIds

LISTENERS = Server(web_address="127.0.0.1:0", diagnostics_address="127.0.0.1:0")


@dataclass
class Life:
    """The daemon's life, played by a test."""

    is_live: bool = True
    is_serving: bool = True
    is_draining: bool = False
    reloads_well: bool = True
    calls: list[str] = field(default_factory=list)

    def request_drain(self) -> None:
        self.calls.append("drain")
        self.is_draining = True

    def reload(self) -> bool:
        self.calls.append("reload")
        return self.reloads_well

    def status(self) -> dict[str, Any]:
        return {"version": "0", "degraded": []}

    def config_report(self) -> dict[str, Any]:
        return {"limits.max_in_flight": {"value": 1_024, "origin": "default"}}


@dataclass
class Heard:
    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        assert self.headers["Content-Type"] == "application/problem+json"
        assert self.json["status"] == self.status
        return str(self.json["code"])


@dataclass
class Site:
    """A running web lane with its diagnostics, and what a test may look at or turn."""

    web: Web
    diagnostics: Diagnostics
    engine: Engine
    tenants: Tenants
    metrics: Metrics
    life: Life
    log: LogCapture
    http: aiohttp.ClientSession

    @property
    def port(self) -> int:
        return self.web.listener.address.port

    def url(self, target: str) -> str:
        return f"http://127.0.0.1:{self.port}{target}"

    async def ask(self, method: str, target: str, **options: Any) -> Heard:
        """One request with the path exactly as it is written here."""
        async with self.http.request(method, URL(self.url(target), encoded=True), **options) as response:
            return Heard(response.status, response.headers, await response.read())

    async def raw(self, request: bytes, *, until_eof: bool = False) -> bytes:
        """Bytes out, bytes in: the first answer, or all until the server closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request)
            if until_eof:
                return await asyncio.wait_for(reader.read(), 5)
            return await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        finally:
            writer.close()


@asynccontextmanager
async def running(config: Config, *, clock: Callable[[], float] = time.monotonic) -> AsyncIterator[Site]:
    capture = LogCapture()
    log = structlog.wrap_logger(CapturingLogger(), processors=[capture])
    engine = Engine(config, memory_shares(config.tenants, 1 << 26), World(clock=clock), "test")
    metrics, life, ids = Metrics("0"), Life(), RequestIds("test")
    tenants = Tenants(config.tenants, clock, log, metrics.degraded)
    web = Web(CacheOperations(engine), tenants, ids, life, metrics, config=config, clock=clock, log=log)
    diagnostics = Diagnostics(ids, life, metrics, config=config, clock=clock)
    await web.listener.start()
    await diagnostics.listener.start()
    try:
        async with aiohttp.ClientSession() as http:
            yield Site(web, diagnostics, engine, tenants, metrics, life, capture, http)
    finally:
        await web.listener.close()
        await diagnostics.listener.close()
