"""Replies: the bytes of a response, from an outcome of the cache or from a struct.

aiohttp asks three things of a response: `prepare`, `write_eof`, `keep_alive`. A reply has these and writes itself in
one piece; aiohttp's own Response, with a dictionary of headers for each, costs a hit a third of its rate (figure F7).
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import msgspec
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import HttpVersion10

if TYPE_CHECKING:
    from aiohttp.web import BaseRequest

    from pannierd.cache import Entry
    from pannierd.operations.view import View

__all__ = ["Reply", "json_reply", "value_reply"]

STATUS_LINES: Final = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}
WITHOUT_LENGTH: Final = frozenset({204, 304})  # they have no body, and say so by having no length either
SENT_APART_BYTES: Final = 65_536  # a larger body is not copied behind its head, but handed to the socket as it is


class Reply:
    """A response.

    Attributes:
        status: HTTP's.
        fields: header lines, each with its line end. Whoever makes them vouches for what they hold: nothing of a
            caller's that was not checked to be printable may be in them.
        body: sent as it is; left out for HEAD.
        request_id: set by the middleware.
        keep_alive: whether the connection stays open. The middleware may say no; so may the request.
    """

    __slots__ = ("_writer", "body", "fields", "keep_alive", "request_id", "status")

    def __init__(self, status: int, fields: str = "", body: bytes = b"") -> None:
        self.status = status
        self.fields = fields
        self.body = body
        self.request_id = ""
        self.keep_alive = True

    async def prepare(self, request: BaseRequest) -> None:
        """Send everything. aiohttp calls this once.

        Raises:
            ConnectionResetError: the caller has gone.
        """
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the caller has gone")
        self._writer = request.writer
        self.keep_alive = self.keep_alive and request.keep_alive
        head = self.head(http10=request.version == HttpVersion10)
        body = self.body if request.method != "HEAD" else b""
        if len(body) < SENT_APART_BYTES:
            transport.write(head + body)
        else:
            transport.write(head)
            transport.write(body)

    async def write_eof(self) -> None:
        """Wait until the caller has taken most of it, so that one who does not read cannot pile up answers."""
        await self._writer.drain()

    def head(self, *, http10: bool = False) -> bytes:
        """The status line and all headers."""
        connection = "Connection: keep-alive\r\n" if http10 else ""
        if not self.keep_alive:
            connection = "Connection: close\r\n"
        length = "" if self.status in WITHOUT_LENGTH else f"Content-Length: {len(self.body)}\r\n"
        return (
            f"{STATUS_LINES[self.status]}{self.fields}{length}{connection}X-Request-Id: {self.request_id}\r\n"
            f"X-Content-Type-Options: nosniff\r\nDate: {rfc822_formatted_time()}\r\nServer: pannierd\r\n\r\n"
        ).encode()

    def __repr__(self) -> str:
        return f"<Reply {self.status} {len(self.body)} bytes>"


def json_reply(document: Any, status: int = 200) -> Reply:
    """A struct, or JSON types, as JSON."""
    return Reply(status, "Content-Type: application/json\r\n", msgspec.json.encode(document))


def value_reply(entry: Entry, view: View, outcome: str, source: str, lease: str | None = None) -> Reply:
    """A cached value: the answer of a hit. Every header of it is in this one text."""
    fields = (
        f"Content-Type: {header_safe(entry.content_type)}\r\nX-Cache: {outcome}\r\nX-Cache-Tier: {source}\r\n"
        f"Age: {view.age_ms(entry) // 1000}\r\nX-Cache-TTL-Ms: {view.ttl_ms(entry)}\r\n"
        f'ETag: "{entry.etag}"\r\n'
    )
    if lease is not None:
        fields += f"X-Cache-Lease: {lease}\r\n"
    return Reply(200, fields, entry.value)


def header_safe(content_type: str) -> str:
    """The lane takes any text as a content type; a header line takes printable ASCII."""
    if content_type and content_type.isascii() and content_type.isprintable():
        return content_type
    return "application/octet-stream"
