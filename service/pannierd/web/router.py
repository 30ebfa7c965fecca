"""The route table: which handler answers a method and a path.

Routes are rows; the OpenAPI document, the metrics' labels and the refusals (404, 405) are all derived from them. The
table is walked segment by segment over the raw path, so a key is never decoded on the way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import unquote

from msgspec import Struct

from pannierd.errors import BadRequest, NotFound, PannierdError
from pannierd.web.parameters import NoParameters

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from pannierd.web.call import Call
    from pannierd.web.wire import Reply

    Handler = Callable[[Call], Awaitable[Reply]]

__all__ = ["Answer", "MethodRefused", "Route", "Router"]


class MethodRefused(BadRequest):
    """The path is known, the method is not for it. Its code is bad_request, its status the one that HTTP has for it."""

    status = 405
    title = "Method not allowed"

    def __init__(self, allowed: Iterable[str]) -> None:
        self.allow = ", ".join(sorted(allowed))
        super().__init__(f"this path answers to {self.allow}")


class Answer(Struct, frozen=True):
    """One of the answers that a route documents.

    Attributes:
        status: HTTP's.
        description: for people.
        body: the struct of a JSON body, `bytes` for a cached value, None for no body.
        headers: names of the response headers, described in `answers`.
    """

    status: int
    description: str
    body: type | None = None
    headers: tuple[str, ...] = ()


class Route(Struct, frozen=True):
    """A row of the table.

    Attributes:
        method: HTTP's.
        template: the path, with parameters in braces. Metrics are labelled with it.
        handler: answers a call.
        summary: one line for the OpenAPI document.
        answers: what it answers beside errors.
        errors: which errors are to be expected beside those of every route.
        query: the struct of the query parameters.
        headers: the struct of the request headers that have a meaning here.
        body: the struct of a JSON body, `bytes` for a value as it is, None when a body has no meaning.
        role: what the caller must be allowed to do; None: anybody may call, even without a token.
    """

    method: str
    template: str
    handler: Handler
    summary: str
    answers: tuple[Answer, ...]
    errors: tuple[type[PannierdError], ...] = ()
    query: type[Struct] = NoParameters
    headers: type[Struct] = NoParameters
    body: Any = None
    role: Literal["use", "operator", "any"] | None = "use"

    @property
    def name(self) -> str:
        """Unique among the routes, and the same in every release: code is generated from it."""
        name = self.handler.__name__
        return name if self.method != "HEAD" else f"{name}_headers"


class _Node:
    """A place in the tree of segments."""

    __slots__ = ("children", "parameter", "routes")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.parameter: _Node | None = None  # whatever the segment says
        self.routes: dict[str, Route] = {}  # by method, for the path that ends here

    def child(self, segment: str) -> _Node:
        if not segment.startswith("{"):
            return self.children.setdefault(segment, _Node())
        if self.parameter is None:
            self.parameter = _Node()
        return self.parameter


class Router:
    """All routes of a listener."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes: Final = tuple(routes)
        self._root = _Node()
        for route in self.routes:
            node = self._root
            for segment in _segments(route.template):
                node = node.child(segment)
            node.routes[route.method] = route

    def match(self, method: str, path: str) -> tuple[Route, list[str]]:
        """The route of a raw path, and its parameters, still percent-encoded.

        Raises:
            NotFound: no route has such a path.
            MethodRefused: it has, with another method.
        """
        node = self._root
        values: list[str] = []
        for segment in _segments(path):
            child = node.children.get(segment)
            if child is None:
                child = node.parameter
                if child is None:
                    child = _escaped_child(node, segment)
                else:
                    values.append(segment)
            node = child
        route = node.routes.get(method)
        if route is None:
            raise MethodRefused(node.routes) if node.routes else _unknown_path()
        return route, values


def _segments(path: str) -> list[str]:
    return path.split("/")[1:]


def _escaped_child(node: _Node, segment: str) -> _Node:
    """Some clients write `cache:batch` as `cache%3Abatch`, which RFC 3986 lets them."""
    child = node.children.get(unquote(segment))
    if child is None:
        raise _unknown_path()
    return child


def _unknown_path() -> NotFound:
    return NotFound("no such path: GET /openapi.json tells which there are; a slash within a key is written %2F")
