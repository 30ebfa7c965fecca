"""What a running sidecar says of itself: its OpenAPI document and its metrics page, after a little traffic.

A metric's labels are known only from its samples, so every kind of traffic is sent once: hits and misses over both
lanes, an invalidation, a fill that comes too late, a refused request.
"""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import structlog

from pannierd.app import build
from pannierd.config.loading import load

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


async def observed() -> tuple[dict[str, Any], str]:
    """The OpenAPI document and the metrics page."""
    with tempfile.TemporaryDirectory(prefix="pannier-docs-") as folder:
        async with running(Path(folder)) as listeners, aiohttp.ClientSession() as session:
            web, diagnostics = f"http://{listeners['web_address']}", f"http://{listeners['diagnostics_address']}"
            await use_http(session, web)
            await use_lane(listeners["lane_socket"])
            async with session.get(f"{web}/openapi.json") as response:
                document = await response.json()
            async with session.get(f"{diagnostics}/metrics") as response:
                return document, await response.text()


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[dict[str, str]]:
    """A sidecar in this process, on free ports; its listeners."""
    settings = {
        "web_address": "127.0.0.1:0",
        "lane_address": "127.0.0.1:0",
        "diagnostics_address": "127.0.0.1:0",
        "lane_socket": f"{folder}/lane.sock",
        "data_dir": f"{folder}",
    }
    assignments = [f"server.{key}={value}" for key, value in settings.items()]
    app = build(load(None, {}, assignments), {}, structlog.wrap_logger(structlog.testing.CapturingLogger(), []))
    await app.start()
    try:
        yield app.life.listeners
    finally:
        await app.close()


async def use_http(session: aiohttp.ClientSession, web: str) -> None:
    """Store, hit, miss, invalidate, and be refused."""
    value = f"{web}/v1/cache/default/documented"
    invalidation = {"tags": ["documented"], "patterns": ["documented:*"], "all": True}
    for request in (
        session.put(value, data=b"1"),
        session.get(value),
        session.post(f"{web}/v1/cache:invalidate", json=invalidation),
        session.get(value),
        session.get(value, headers={"Origin": "http://page.example"}),
    ):
        async with request:
            pass


async def use_lane(socket: str) -> None:
    """Hit, miss, invalidate, and fill too late."""
    reader, writer = await asyncio.open_unix_connection(socket)
    for command in (b"SET documented 1", b"GET documented", b"PN.FETCH late"):
        writer.write(command + b"\r\n")
    await reader.readuntil(b"miss\r\n")
    lease = (await reader.readuntil(b":0\r\n")).split(b"\r\n")[2]
    writer.write(b"DEL late\r\nPN.STORE late 1 LEASE %b\r\nQUIT\r\n" % lease)
    await reader.read()
    writer.close()
    await writer.wait_closed()
