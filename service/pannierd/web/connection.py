"""A connection: aiohttp's, with bounds on what it may hold and how long.

aiohttp closes an idle connection, and one whose headers do not end, when the keep-alive time is over. It leaves open:
how large the headers may grow meanwhile, a caller that does not read its answers, how many connections there are, and
what its refusals say (they repeat what was sent, which may be a token).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, cast

from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler, RequestPayloadError

from pannierd.errors import BadRequest, InternalError, Overloaded, TooLarge

if TYPE_CHECKING:
    import asyncio
    import logging

    from aiohttp.web import BaseRequest, StreamResponse
    from aiohttp.web_server import Server

    from pannierd.config import Limits
    from pannierd.errors import PannierdError
    from pannierd.resilience import Places
    from pannierd.web.wire import Reply

__all__ = ["Connection", "Service"]

MAX_HEADERS: Final = 100
LINGER_SECONDS: Final = 2.0  # how long a body that nobody wants is read and dropped, so that its sender sees the answer
LEAST_KEEPALIVE_SECONDS: Final = 0.001  # aiohttp takes 0 for "for ever"


class Service(Protocol):
    """What listens behind a connection."""

    async def __call__(self, request: BaseRequest) -> Reply:
        """Answer a request."""

    def refuse(self, error: PannierdError) -> Reply:
        """The reply to what is no request at all."""

    def dropped(self, reason: str) -> None:
        """A connection was closed without an answer."""


class Connection(RequestHandler):
    """One caller's connection.

    Attributes:
        is_open: whether it counts among the open ones; False for one too many, which is closed at once.
    """

    __slots__ = ("_head_bytes", "_limits", "_open", "_service", "_stalled", "_wire", "is_open")

    def __init__(
        self,
        server: Server,
        service: Service,
        limits: Limits,
        connections: Places,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        super().__init__(
            server,
            loop=loop,
            keepalive_timeout=max(limits.keepalive_ms / 1000, LEAST_KEEPALIVE_SECONDS),
            access_log=cast("logging.Logger", None),
            max_line_size=limits.max_header_bytes,
            max_field_size=limits.max_header_bytes,
            max_headers=MAX_HEADERS,
            lingering_time=LINGER_SECONDS,
            auto_decompress=False,
        )
        self._service = service
        self._limits = limits
        self._open = connections
        self.is_open = False
        self._head_bytes = 0  # of the request whose headers have not ended yet
        self._stalled: asyncio.TimerHandle | None = None  # set while the caller leaves answers unread
        self._wire: asyncio.Transport | None = None  # `transport` is forgotten on closing, before everything is sent

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count it, or close it when there are too many."""
        self._wire = cast("asyncio.Transport", transport)
        try:
            self._open.enter()
        except Overloaded:
            self._service.dropped("connections")
            self._wire.abort()
            return
        self.is_open = True
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Its handler is cancelled, so that a caller who gives up while it waits leaves its place to others."""
        if self._stalled is not None:
            self._stalled.cancel()
        if self.is_open:
            self.is_open = False
            self._open.leave()
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser, and count what it keeps of headers that do not end."""
        super().data_received(data)
        if self._messages and self._current_request is not None:
            self._end_broken_body(self._current_request)
        waiter = self._waiter  # pending: no request is complete, so all that came belongs to the head of the next
        if waiter is None or waiter.done():
            self._head_bytes = 0
            return
        self._head_bytes += len(data)
        if self._head_bytes > self._limits.max_header_bytes and self.transport is not None:
            reply = self._service.refuse(self._head_too_large())
            self.transport.write(reply.head() + reply.body)
            self.force_close()

    def _end_broken_body(self, request: BaseRequest) -> None:
        """A message before the body's end can only be the parser's complaint: tell whoever waits for the rest."""
        if not request.content.is_eof():
            request.content.set_exception(RequestPayloadError())
            request.content.feed_eof()
            self.close()

    def close(self) -> None:
        """Close after the answers that are owed; aiohttp itself would leave one that owes none open."""
        waiter = self._waiter
        super().close()
        if waiter is not None and waiter.cancelled():
            self.force_close()

    def pause_writing(self) -> None:
        """Answers pile up: whoever does not take them in time is closed."""
        super().pause_writing()
        self._stalled = self._loop.call_later(self._limits.body_timeout_ms / 1000, self._give_up)

    def resume_writing(self) -> None:
        """The caller reads again."""
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def abort(self) -> None:
        """Close at once, whatever is still to be sent."""
        if self._wire is not None:
            self._wire.abort()

    def _give_up(self) -> None:
        self._service.dropped("slow_reader")
        self.abort()

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> StreamResponse:
        """The refusal, in place of aiohttp's, of what is no HTTP, as a problem that repeats nothing of it."""
        del request, message
        if isinstance(exc, ConnectionError):
            raise exc
        reply = self._service.refuse(self._refusal(status, exc))
        return cast("StreamResponse", reply)  # a reply has all that is asked of a response, see wire.py

    def _refusal(self, status: int, exc: BaseException | None) -> PannierdError:
        if isinstance(exc, LineTooLong):
            return self._head_too_large()
        if status < InternalError.status:
            return BadRequest("this is not well-formed HTTP/1.1")
        return InternalError("a fault of the sidecar")

    def _head_too_large(self) -> TooLarge:
        return TooLarge(f"the headers have at most {self._limits.max_header_bytes:,} bytes together here")
