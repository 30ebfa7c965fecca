"""A call: one request on its way through the lane, with what the middleware found out about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiohttp.web import BaseRequest
    from multidict import CIMultiDictProxy

    from pannierd.resilience import Deadline
    from pannierd.tenancy import Caller

__all__ = ["Call"]


class Call:
    """What a handler is given.

    Attributes:
        headers: the request's.
        caller: who calls. Set before the handler of a route that has a role.
        segments: the path's parameters, in their order, percent-encoded as they came.
        query: the struct that the route declares.
        body: likewise; bytes where the route takes a value.
        deadline: when the caller gives up; None when it did not say.
    """

    __slots__ = ("body", "caller", "deadline", "headers", "query", "request", "segments")

    caller: Caller
    query: Any
    body: Any

    def __init__(self, request: BaseRequest) -> None:
        self.request = request
        self.headers: CIMultiDictProxy[str] = request.headers
        self.segments: list[str] = []
        self.deadline: Deadline | None = None

    def __repr__(self) -> str:
        return f"<Call {self.request.method}>"
