"""What happens to every request, in this order.

target     the raw target in its parts                                  400
head       all headers together within max_header_bytes                 413
guard      Host is ours, no web page asks                               421, 403
route      method and path have a handler                               404, 405
caller     token to tenant, with the role that the route wants          401, 403
query      known parameters only                                        400
deadline   X-Pannier-Deadline-Ms, when the caller gives up              504
body       read whole, within its size and time                         413, 504, 503
handler    the route's own; it answers in this turn of the loop, or bounds how many wait
errors     become problem+json; a fault of ours is logged, and told apart from everything else by its code
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final

from aiohttp import hdrs
from multidict import istr

from pannierd.errors import BadRequest, DeadlineExceeded, Forbidden, InternalError, PannierdError, TooLarge
from pannierd.resilience import Deadline
from pannierd.telemetry.traces import trace_id
from pannierd.web.bodies import Bodies
from pannierd.web.call import Call
from pannierd.web.credentials import token_in
from pannierd.web.guards import Guard
from pannierd.web.parameters import from_json, from_query
from pannierd.web.problems import problem_reply
from pannierd.web.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp.web import BaseRequest
    from multidict import CIMultiDictProxy
    from structlog.typing import FilteringBoundLogger

    from pannierd.config import Config
    from pannierd.telemetry.metrics import Metrics
    from pannierd.tenancy import Caller, Tenants
    from pannierd.web.lifecycle import Lifecycle
    from pannierd.web.request_ids import RequestIds
    from pannierd.web.router import Route, Router
    from pannierd.web.wire import Reply

__all__ = ["Middleware"]

DEADLINE_HEADER: Final = istr("X-Pannier-Deadline-Ms")


class Middleware:
    """The way of a request from its headers to its reply. One for the web listener."""

    def __init__(
        self,
        router: Router,
        tenants: Tenants,
        request_ids: RequestIds,
        lifecycle: Lifecycle,
        metrics: Metrics,
        *,
        config: Config,
        clock: Callable[[], float],
        log: FilteringBoundLogger,
    ) -> None:
        limits, server = config.limits, config.server
        self._router = router
        self._guard = Guard(server)
        self._bodies = Bodies(limits.max_body_bytes, limits.body_timeout_ms)
        self._tenants = tenants
        self._request_ids = request_ids
        self._limits = limits
        self._lifecycle = lifecycle
        self._metrics = metrics
        self._clock = clock
        self._log = log

    async def __call__(self, request: BaseRequest) -> Reply:
        """Answer a request. This is the hot path of figure F7: nothing here is done that a hit does not need."""
        started = self._clock()
        call = Call(request, self._request_ids.of(request.headers))
        route: Route | None = None
        try:
            target = Target.of(request.raw_path)
            self._check_head(request)
            self._guard.check(call.headers, target.authority)
            route, call.segments = self._router.match(request.method, target.path)
            reply = await self._answer(route, call, target.query)
        except PannierdError as error:
            reply = self._problem(error)
        except Exception as error:  # the last line of defence: whatever it was, there is an answer
            if isinstance(error, ConnectionError) and request.transport is None:
                raise  # the caller has gone while it sent its body: aiohttp knows what to do
            reply = self._fault(call, route)
        reply.request_id = call.request_id
        reply.keep_alive = request.content.is_eof() and not self._lifecycle.is_draining
        self._metrics.http_request("" if route is None else route.template, reply.status, self._clock() - started)
        return reply

    def refuse(self, error: PannierdError) -> Reply:
        """The reply to what is no request at all. It ends the connection."""
        reply = self._problem(error)
        reply.request_id = self._request_ids.fresh()
        reply.keep_alive = False
        self._metrics.http_request("", reply.status, 0.0)
        return reply

    def dropped(self, reason: str) -> None:
        """A connection was closed without an answer."""
        self._metrics.refused(reason)

    async def _answer(self, route: Route, call: Call, query: str) -> Reply:
        if route.role is not None:
            call.caller = self._caller(call.headers, route.role)
        call.query = from_query(route.query, query) if query else route.query()
        deadline_ms = call.headers.get(DEADLINE_HEADER)
        if deadline_ms is not None:
            call.deadline = self._deadline(deadline_ms)
        if route.body is not None:
            body = await self._bodies.read(call.request, call.deadline)
            kind = route.body
            call.body = body if kind is bytes else from_json(kind, body, call.headers.get(hdrs.CONTENT_TYPE, ""))
        return await route.handler(call)

    def _check_head(self, request: BaseRequest) -> None:
        size = len(request.raw_path) + sum(map(len, chain.from_iterable(request.raw_headers)))
        if size > self._limits.max_header_bytes:
            raise TooLarge(f"the headers have at most {self._limits.max_header_bytes:,} bytes together here")

    def _caller(self, headers: CIMultiDictProxy[str], role: str) -> Caller:
        caller = self._tenants.anonymous()
        if caller is None:
            caller = self._tenants.by_token(token_in(headers.get(hdrs.AUTHORIZATION)))
        if role != "any" and role not in caller.roles:
            raise Forbidden(f"this call needs a token with the role {role!r}")
        return caller

    def _deadline(self, text: str) -> Deadline:
        if not (text.isascii() and text.isdecimal()):
            raise BadRequest(f"{DEADLINE_HEADER} is a whole number of milliseconds")
        deadline_ms = min(float(text), self._limits.max_deadline_ms)
        if not deadline_ms:
            raise DeadlineExceeded("the deadline had passed before the call arrived")
        return Deadline.ahead_of(deadline_ms, self._clock)

    def _problem(self, error: PannierdError) -> Reply:
        if error.turns_away:
            self._metrics.refused(error.code)
        return problem_reply(error)

    def _fault(self, call: Call, route: Route | None) -> Reply:
        """Tell the log everything but what was sent, and the caller where to look."""
        self._log.exception(
            "a request met a fault",
            request_id=call.request_id,
            trace_id=trace_id(call.headers.get("traceparent", "")),
            tenant=call.tenant,
            route=route and route.template,
        )
        return problem_reply(InternalError("a fault of the sidecar; its log tells more under this request's id"))
