"""Diagnostics: the operators' listener, with health and metrics and nothing else.

It asks for no token and no Host, because probes come from outside the pod with the pod's address; so it tells nothing
about callers, and changes nothing.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from prometheus_client import CONTENT_TYPE_LATEST

from pannierd.config.address import Address
from pannierd.errors import NotFound, PannierdError
from pannierd.web.listener import Listener
from pannierd.web.problems import problem_reply
from pannierd.web.router import MethodRefused
from pannierd.web.target import Target
from pannierd.web.wire import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp.web import BaseRequest

    from pannierd.config import Config
    from pannierd.telemetry.metrics import Metrics
    from pannierd.web.lifecycle import Lifecycle
    from pannierd.web.request_ids import RequestIds

__all__ = ["Diagnostics"]

READING: Final = ("GET", "HEAD")


class Diagnostics:
    """`/livez`, `/readyz`, `/startupz` and `/metrics`."""

    def __init__(
        self,
        request_ids: RequestIds,
        lifecycle: Lifecycle,
        metrics: Metrics,
        *,
        config: Config,
        clock: Callable[[], float],
    ) -> None:
        self._request_ids = request_ids
        self._lifecycle = lifecycle
        self._metrics = metrics
        self._pages: dict[str, Callable[[], Reply]] = {
            "/livez": self._livez,
            "/readyz": self._readyz,
            "/startupz": self._startupz,
            "/metrics": self._metrics_page,
        }
        self.listener = Listener(Address.parse(config.server.diagnostics_address), self, config.limits, clock)

    async def __call__(self, request: BaseRequest) -> Reply:
        """Answer a request."""
        try:
            reply = self._page(request)()
        except PannierdError as error:
            reply = problem_reply(error)
        reply.request_id = self._request_ids.of(request.headers)
        reply.keep_alive = request.content.is_eof()
        return reply

    def refuse(self, error: PannierdError) -> Reply:
        """The reply to what is no request at all."""
        reply = problem_reply(error)
        reply.request_id = self._request_ids.fresh()
        reply.keep_alive = False
        return reply

    def dropped(self, reason: str) -> None:
        """A connection was closed without an answer."""
        self._metrics.refused(reason)

    def _page(self, request: BaseRequest) -> Callable[[], Reply]:
        page = self._pages.get(Target.of(request.raw_path).path)
        if page is None:
            raise NotFound(f"here are {', '.join(self._pages)} and nothing else")
        if request.method not in READING:
            raise MethodRefused(READING)
        return page

    def _livez(self) -> Reply:
        return _health("" if self._lifecycle.is_live else "the event loop is late")

    def _readyz(self) -> Reply:
        """Degraded is not unready: a missing Redis is told by /v1/status, and by a metric."""
        return _health("draining" if self._lifecycle.is_draining else self._starting())

    def _startupz(self) -> Reply:
        return _health(self._starting())

    def _starting(self) -> str:
        return "" if self._lifecycle.is_serving else "starting"

    def _metrics_page(self) -> Reply:
        return Reply(HTTPStatus.OK, f"Content-Type: {CONTENT_TYPE_LATEST}\r\n", self._metrics.page())


def _health(trouble: str) -> Reply:
    status = HTTPStatus.SERVICE_UNAVAILABLE if trouble else HTTPStatus.OK
    return Reply(status, "Content-Type: text/plain; charset=utf-8\r\n", f"{trouble or 'ok'}\n".encode())
