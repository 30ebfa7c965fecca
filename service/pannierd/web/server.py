"""The web lane: its listener, its routes, and the way of a request between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from pannierd import __version__
from pannierd.config.address import Address
from pannierd.web.listener import Listener
from pannierd.web.middleware import Middleware
from pannierd.web.openapi import document
from pannierd.web.router import Answer, Route, Router
from pannierd.web.routes.admin import AdminRoutes
from pannierd.web.routes.bulk import BulkRoutes
from pannierd.web.routes.cache import CacheRoutes
from pannierd.web.wire import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from structlog.typing import FilteringBoundLogger

    from pannierd.config import Config
    from pannierd.operations.cache import CacheOperations
    from pannierd.telemetry.metrics import Metrics
    from pannierd.tenancy import Tenants
    from pannierd.web.call import Call
    from pannierd.web.lifecycle import Lifecycle
    from pannierd.web.request_ids import RequestIds

__all__ = ["Web"]


class Web:
    """The HTTP listener for callers. Its life is the listener's: start, stop_accepting, drain, close.

    Attributes:
        routes: the whole table.
        listener: where it listens.
    """

    def __init__(
        self,
        operations: CacheOperations,
        tenants: Tenants,
        request_ids: RequestIds,
        lifecycle: Lifecycle,
        metrics: Metrics,
        *,
        config: Config,
        clock: Callable[[], float],
        log: FilteringBoundLogger,
    ) -> None:
        address = Address.parse(config.server.web_address)
        description = _Description()
        self.routes = (
            *CacheRoutes(operations).routes(),
            *BulkRoutes(operations, config.limits, metrics).routes(),
            *AdminRoutes(lifecycle).routes(),
            *description.routes(),
        )
        description.describe(self.routes)
        middleware = Middleware(
            Router(self.routes), tenants, request_ids, lifecycle, metrics, config=config, clock=clock, log=log
        )
        self.listener = Listener(address, middleware, config.limits, clock)

    def __repr__(self) -> str:
        return f"<Web {self.listener!r}>"


class _Description:
    """`GET /openapi.json`: describes every route, itself included, and is written when it is first asked for."""

    def __init__(self) -> None:
        self._routes: Sequence[Route] = ()
        self._json = b""

    def routes(self) -> list[Route]:
        answer = Answer(200, "This document", body=dict)
        return [Route("GET", "/openapi.json", self.openapi, "This document", (answer,), role=None)]

    def describe(self, routes: Sequence[Route]) -> None:
        self._routes = routes

    async def openapi(self, call: Call) -> Reply:
        del call
        if not self._json:
            written: dict[str, Any] = document(self._routes, __version__)
            self._json = msgspec.json.encode(written)
        return Reply(200, "Content-Type: application/json\r\n", self._json)
