"""A sidecar with both lanes on real sockets, in a thread of its own, with its time and chance in the test's hand."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any, Self

import structlog
import uvloop
from msgspec.structs import replace

from callers import PATIENCE_S, LaneCaller, LaneConnection, WebCaller
from pannierd.config import Tenant
from pannierd.config.address import Address
from pannierd.resp import Lane
from pannierd.telemetry.metrics import Metrics
from pannierd.tenancy import Tenants
from pannierd.web import Web
from pannierd.web.request_ids import RequestIds
from web_lane import LISTENERS, Life

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from fakes import Bench


class BothLanes:
    """Serves a bench's cache while it is used as a context.

    Args:
        bench: the cache. Between its start and its end only `run` may touch it, and `clock` and `draw` may be set.
        folder: for token files.
        tenants: whose token is their name; none: everybody is `default`.
    """

    def __init__(self, bench: Bench, folder: Path, tenants: Sequence[str] = ()) -> None:
        self.bench = bench
        self._tokens = {name: f"token-of-{name}" for name in tenants}
        self._config = replace(
            bench.config,
            server=LISTENERS,
            tenants={name: Tenant(token_file=_token_file(folder, name, token)) for name, token in self._tokens.items()},
        )
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="both lanes")
        self._open: list[LaneConnection | WebCaller] = []

    def __enter__(self) -> Self:
        self._thread.start()
        self._await(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        for caller in self._open:
            (caller.connection if isinstance(caller, WebCaller) else caller).close()
        self._await(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def lane_url(self) -> str:
        """Where the client finds the lane."""
        return f"tcp://127.0.0.1:{self._lane.address.port}"

    def run(self, step: Callable[[], Any]) -> Any:
        """Do this in the sidecar's thread, between two turns of its loop."""

        async def alone() -> Any:
            return step()

        return self._await(alone())

    def until(self, is_so: Callable[[], bool]) -> None:
        """Returns when this is so, seen from the sidecar's thread."""
        patience = time.monotonic() + PATIENCE_S
        while not self.run(is_so):
            assert time.monotonic() < patience, "it does not become so"

    def dial(self, tenant: str = "") -> LaneConnection:
        """A lane connection."""
        connection = LaneConnection(("127.0.0.1", self._lane.address.port), self._tokens.get(tenant, ""))
        self._open.append(connection)
        return connection

    def lane(self, namespace: str = "default", tenant: str = "") -> LaneCaller:
        """A caller by the lane, with a connection of its own."""
        return LaneCaller(self.dial(tenant), namespace)

    def web(self, namespace: str = "default", tenant: str = "") -> WebCaller:
        """A caller by HTTP, with a connection of its own."""
        caller = WebCaller(("127.0.0.1", self._web.address.port), self._tokens.get(tenant, ""), namespace)
        self._open.append(caller)
        return caller

    async def _start(self) -> None:
        clock, operations, config = self.bench.clock, self.bench.operations, self._config
        log = structlog.wrap_logger(structlog.testing.CapturingLogger())
        metrics = Metrics("0")
        tenants = Tenants(config.tenants, clock, log, metrics.degraded)
        lane = Lane(operations, tenants, metrics, config.limits, clock, log)
        web = Web(operations, tenants, RequestIds("test", "1"), Life(), metrics, config=config, clock=clock, log=log)
        self._lane, self._web = lane.tcp(Address.parse("127.0.0.1:0")), web.listener
        await self._lane.start()
        await self._web.start()

    async def _close(self) -> None:
        await self._lane.close()
        await self._web.close()

    def _await(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)


def _token_file(folder: Path, name: str, token: str) -> str:
    path = folder / f"{name}.token"
    path.write_text(token)
    path.chmod(0o600)
    return str(path)
