"""The processes of the demo: one sidecar and the workers of the application, each ended by who started it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import aiohttp

HERE = Path(__file__).parent
ENDS_WITHIN_S = 10.0
STARTS_WITHIN_S = 20.0


@asynccontextmanager
async def running(*command: str, environment: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process in a session of its own, so that Ctrl-C reaches only the demo, which then ends it in order."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        env=os.environ | environment,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), ENDS_WITHIN_S)
            except TimeoutError:
                process.kill()
                await process.wait()


@asynccontextmanager
async def sidecar(folder: Path, max_bytes: int) -> AsyncIterator[tuple[str, str]]:
    """A sidecar of our own, which nobody else's can be confused with: the lane's URL and the metrics' URL."""
    diagnostics = f"127.0.0.1:{free_port()}"
    settings = {
        "server.lane_socket": str(folder / "lane.sock"),
        "server.lane_address": "",
        "server.web_address": "",
        "server.diagnostics_address": diagnostics,
        "server.data_dir": str(folder),
        "cache.memory.max_bytes": str(max_bytes),
        "logging.level": "error",
    }
    options = [argument for key, value in settings.items() for argument in ("--set", f"{key}={value}")]
    async with running("-m", "pannierd", "serve", *options, environment={}) as process:
        await serving(process, diagnostics)
        yield f"unix://{folder}/lane.sock", f"http://{diagnostics}/metrics"


async def serving(process: asyncio.subprocess.Process, diagnostics: str) -> None:
    """Wait until the sidecar serves."""
    wait = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "pannierd", "wait", "--max", f"{STARTS_WITHIN_S:g}s"),
        *("--set", f"server.diagnostics_address={diagnostics}"),
    )
    if await wait.wait() or process.returncode is not None:
        raise SystemExit("the sidecar did not start")


@asynccontextmanager
async def worker(shop_path: Path, lane_url: str) -> AsyncIterator[str]:
    """A worker of the application; its URL."""
    command = (str(HERE / "application.py"), str(shop_path))
    async with running(*command, environment={"PANNIER_URL": lane_url}) as process:
        port = await asyncio.wait_for(process.stdout.readline(), STARTS_WITHIN_S) if process.stdout else b""
        if not port:
            raise SystemExit("a worker did not start")
        yield f"http://127.0.0.1:{int(port)}"


async def memory_hits(session: aiohttp.ClientSession, metrics_url: str) -> int:
    """What the sidecar answered from its memory so far."""
    async with session.get(metrics_url) as response:
        page = await response.text()
    hits = [
        line for line in page.splitlines() if line.startswith("pannier_cache_requests_total") and '"memory"' in line
    ]
    return round(sum(float(line.rpartition(" ")[2]) for line in hits))


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
