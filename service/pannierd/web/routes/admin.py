"""The daemon itself over HTTP: how it does, for anyone with a token; drain, reload and configuration for operators."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from pannierd.errors import Conflict
from pannierd.web.answers import Drain, Reload
from pannierd.web.router import Answer, Route
from pannierd.web.wire import Reply, json_reply

if TYPE_CHECKING:
    from pannierd.web.call import Call
    from pannierd.web.lifecycle import Lifecycle

__all__ = ["AdminRoutes"]


class AdminRoutes:
    """`/v1/status` and `/v1/admin/…`."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        self._lifecycle = lifecycle

    def routes(self) -> list[Route]:
        """The table."""
        status = Answer(200, "Tiers, versions, memory, and what is degraded", body=dict)
        draining = Answer(202, "The daemon finishes what is in flight, and ends", body=Drain)
        reloaded = Answer(200, "What changed was read again", body=Reload)
        config = Answer(200, "Every value and where it came from, secrets hidden", body=dict)
        return [
            Route("GET", "/v1/status", self.status, "How the sidecar does", (status,), role="any"),
            Route("POST", "/v1/admin/drain", self.drain, "End in order", (draining,), (Conflict,), role="operator"),
            Route("POST", "/v1/admin/reload", self.reload, "Read tokens again", (reloaded,), role="operator"),
            Route("GET", "/v1/admin/config", self.config, "The configuration in force", (config,), role="operator"),
        ]

    async def status(self, call: Call) -> Reply:
        """How the daemon does."""
        del call
        return json_reply(self._lifecycle.status())

    async def drain(self, call: Call) -> Reply:
        """Begin to end. This answer is among those that are waited for."""
        del call
        self._lifecycle.request_drain()
        return json_reply(Drain(draining=True), HTTPStatus.ACCEPTED)

    async def reload(self, call: Call) -> Reply:
        """Read again what may change while the daemon runs."""
        del call
        return json_reply(Reload(reloaded=self._lifecycle.reload()))

    async def config(self, call: Call) -> Reply:
        """What is in force."""
        del call
        return json_reply(self._lifecycle.config_report())
