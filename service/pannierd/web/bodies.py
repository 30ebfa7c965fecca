"""Bodies: read whole, within a size and a time, before anything else is held for the request.

aiohttp's own time-outs do not cover a body that arrives slowly, and its size limit reads the body first. A body that
announces itself as too large is refused unread; one that does not say its length is refused where it passes the limit.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from aiohttp import hdrs
from aiohttp.web_protocol import RequestPayloadError

from pannierd.errors import BadRequest, DeadlineExceeded, Overloaded, TooLarge

if TYPE_CHECKING:
    from aiohttp.web import BaseRequest

    from pannierd.resilience import Deadline

__all__ = ["Bodies"]

LARGEST_AT_ONCE: Final = 16  # so many bodies of the largest size may be on their way; bounds what uploads can hold
RETRY_AFTER_MS: Final = 1_000
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class Bodies:
    """The bodies of one listener that are being read."""

    def __init__(self, max_bytes: int, timeout_ms: int) -> None:
        self._max_bytes = max_bytes
        self._timeout_ms = timeout_ms
        self.arriving_bytes = 0  # of bodies that are not complete yet

    async def read(self, request: BaseRequest, deadline: Deadline | None) -> bytes:
        """The body of a request.

        Raises:
            BadRequest: it is encoded, or broken.
            TooLarge: it is over the limit, or says that it will be.
            DeadlineExceeded: it did not arrive in time.
            Overloaded: too much is arriving at once.
        """
        _refuse_encodings(request)
        if int(request.headers.get(hdrs.CONTENT_LENGTH, 0)) > self._max_bytes:
            raise self._too_large()
        if request.content.is_eof():  # it came together with its headers
            body = request.content.read_nowait()
            self._check_size(body)
            return body
        _invite(request)
        timeout_ms = self._timeout_ms if deadline is None else min(self._timeout_ms, deadline.left_ms())
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                return await self._gather(request)
        except TimeoutError as error:
            raise DeadlineExceeded(f"the body did not arrive within {timeout_ms:,.0f} ms") from error
        except RequestPayloadError as error:
            raise BadRequest("the body breaks the rules of its transfer encoding") from error

    async def _gather(self, request: BaseRequest) -> bytes:
        body = bytearray()
        try:
            while chunk := await request.content.readany():
                body += chunk
                self.arriving_bytes += len(chunk)
                if self.arriving_bytes > LARGEST_AT_ONCE * self._max_bytes:
                    raise Overloaded("too many large bodies are arriving at once", retry_after_ms=RETRY_AFTER_MS)
                self._check_size(body)
        finally:
            self.arriving_bytes -= len(body)
        return bytes(body)

    def _check_size(self, body: bytes | bytearray) -> None:
        if len(body) > self._max_bytes:
            raise self._too_large()

    def _too_large(self) -> TooLarge:
        return TooLarge(f"a body has at most {self._max_bytes:,} bytes here (limits.max_body_bytes)")

    def __repr__(self) -> str:
        return f"<Bodies {self.arriving_bytes} bytes arriving>"


def _refuse_encodings(request: BaseRequest) -> None:
    """A value is kept as it comes, so it must come as it is to be read; and nothing here inflates a bomb."""
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        raise BadRequest("Content-Encoding is not taken here: send the bytes as they are to be read")
    if request.headers.get(hdrs.TRANSFER_ENCODING, "chunked").lower() != "chunked":
        raise BadRequest("the only Transfer-Encoding that is taken here is chunked")


def _invite(request: BaseRequest) -> None:
    """Clients such as curl hold a large body back until they are told to send it (RFC 9110, 10.1.1)."""
    if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(CONTINUE)
