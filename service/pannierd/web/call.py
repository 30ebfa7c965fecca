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
        request_id: the caller's own, or ours.
        headers: the request's.
        caller: who calls. Set before the handler of a route that has a role.
        segments: the path's parameters, in their order, percent-encoded as they came.
        query: the struct that the route declares.
        body: likewise; bytes where the route takes a value.
        deadline: when the caller gives up; None when it did not say.
    """

    __slots__ = ("body", "caller", "deadline", "headers", "query", "request", "request_id", "segments")

    caller: Caller
    query: Any
    body: Any

    def __init__(self, request: BaseRequest, request_id: str) -> None:
        self.request = request
        self.request_id = request_id
        self.headers: CIMultiDictProxy[str] = request.headers
        self.segments: list[str] = []
        self.deadline: Deadline | None = None

    @property
    def tenant(self) -> str | None:
        """In whose name it is; None as long as that is not known."""
        return self.caller.tenant if hasattr(self, "caller") else None

    def __repr__(self) -> str:
        return f"<Call {self.request_id} {self.request.method}>"
