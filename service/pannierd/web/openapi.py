"""The OpenAPI 3.1 document, made of the route table and of the structs that decode requests and make answers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from pannierd.config.names import MAX_KEY_BYTES, NAMESPACE_PATTERN
from pannierd.errors import (
    BadRequest,
    DeadlineExceeded,
    Forbidden,
    HostRefused,
    InternalError,
    Overloaded,
    PannierdError,
    TooLarge,
    Unauthenticated,
)
from pannierd.web.answers import RESPONSE_HEADERS
from pannierd.web.problems import Problem
from pannierd.web.requests import Ruled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pannierd.web.router import Answer, Route

__all__ = ["document"]

REF: Final = "#/components/schemas/{name}"
OF_EVERY_ROUTE: Final = (BadRequest, Forbidden, HostRefused, InternalError, TooLarge)
OF_A_TOKEN: Final = (Unauthenticated, DeadlineExceeded)
OF_A_BODY: Final = (Overloaded,)
ERROR_HEADERS: Final = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}

PATH_PARAMETERS: Final = {
    "namespace": {"type": "string", "pattern": f"^{NAMESPACE_PATTERN}$"},
    "key": {
        "type": "string",
        "minLength": 1,
        "maxLength": MAX_KEY_BYTES,
        "not": {"enum": [".", ".."]},
        "description": "1 to 1,024 bytes, percent-encoded; '.' and '..' only through /v1/cache:batch",
    },
    "lease": {"type": "string", "minLength": 1},
}

COMMON_HEADERS: Final = {
    "deadline": {
        "name": "X-Pannier-Deadline-Ms",
        "in": "header",
        "description": "milliseconds until the caller gives up; it is answered before",
        "schema": {"type": "integer", "minimum": 1},
    },
    "requestId": {
        "name": "X-Request-Id",
        "in": "header",
        "description": "answered as it is, and logged, when it is short and printable",
        "schema": {"type": "string"},
    },
    "traceparent": {
        "name": "traceparent",
        "in": "header",
        "description": "W3C Trace Context",
        "schema": {"type": "string"},
    },
}


def document(routes: Iterable[Route], version: str) -> dict[str, Any]:
    """The whole document as JSON types."""
    table = tuple(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in table:
        paths.setdefault(route.template, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Pannier",
            "version": version,
            "description": "The cache sidecar over HTTP. A key is bytes: one path segment, percent-decoded once.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{}, {"bearer": []}, {"basic": []}],
        "paths": paths,
        "components": {
            "schemas": _schemas(table),
            "parameters": COMMON_HEADERS,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic", "description": "the token is the password"},
            },
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "parameters": [
            *_path(route.template),
            *_fields(route.query, "query"),
            *_fields(route.headers, "header"),
            *({"$ref": f"#/components/parameters/{name}"} for name in COMMON_HEADERS),
        ],
        "responses": dict(_responses(route)),
    }
    if route.body is not None:
        operation["requestBody"] = {"required": True, "content": _content(route.body)}
    if route.role is None:
        operation["security"] = [{}]
    return operation


def _path(template: str) -> list[dict[str, Any]]:
    names = re.findall(r"{(\w+)}", template)
    return [{"name": name, "in": "path", "required": True, "schema": PATH_PARAMETERS[name]} for name in names]


def _fields(struct: type[Struct], place: str) -> Iterator[dict[str, Any]]:
    """A parameter for each field. Content-Type is described by the body (OpenAPI 3.1, 4.8.12)."""
    schema = msgspec.json.schema_components([struct], ref_template=REF)[1][struct.__name__]
    for name, field in schema["properties"].items():
        if name != "Content-Type":
            description = field.pop("description", "")
            field.pop("default", None)
            yield {"name": name, "in": place, "description": description, "schema": field}


def _responses(route: Route) -> Iterator[tuple[str, dict[str, Any]]]:
    for answer in route.answers:
        yield str(answer.status), _response(answer, with_body=route.method != "HEAD")
    by_status: dict[int, list[type[PannierdError]]] = {}
    for error in _errors(route):
        errors = by_status.setdefault(error.status, [])
        if error not in errors:
            errors.append(error)
    for status, errors in sorted(by_status.items()):
        response = {
            "description": " or ".join(error.code for error in errors),
            "headers": _headers((*ERROR_HEADERS.get(status, ()), "X-Request-Id")),
        }
        if route.method != "HEAD":
            response["content"] = {"application/problem+json": {"schema": _ref(Problem)}}
        yield str(status), response


def _errors(route: Route) -> tuple[type[PannierdError], ...]:
    of_a_token = OF_A_TOKEN if route.role else ()
    of_a_body = OF_A_BODY if route.body is not None else ()
    return (*OF_EVERY_ROUTE, *of_a_token, *of_a_body, *route.errors)


def _response(answer: Answer, *, with_body: bool) -> dict[str, Any]:
    response = {"description": answer.description, "headers": _headers((*answer.headers, "X-Request-Id"))}
    if with_body and answer.body is not None:
        response["content"] = _content(answer.body)
    return response


def _headers(names: Iterable[str]) -> dict[str, Any]:
    return {name: {"description": RESPONSE_HEADERS[name], "schema": {"type": "string"}} for name in names}


def _content(kind: type) -> dict[str, Any]:
    if kind is bytes:
        return {"*/*": {"schema": {}}}
    return {"application/json": {"schema": {"type": "object"} if kind is dict else _ref(kind)}}


def _ref(struct: type) -> dict[str, str]:
    return {"$ref": REF.format(name=struct.__name__)}


def _schemas(routes: Iterable[Route]) -> dict[str, Any]:
    used: dict[type[Struct], None] = {Problem: None}
    for route in routes:
        for kind in (route.body, *(answer.body for answer in route.answers)):
            if isinstance(kind, type) and issubclass(kind, Struct):
                used[kind] = None
    schemas = msgspec.json.schema_components(used, ref_template=REF)[1]
    for struct in _rule_bearers(Ruled):
        if struct.__name__ in schemas:
            schemas[struct.__name__]["allOf"] = list(_rules(struct, schemas[struct.__name__]["properties"]))
    return schemas


def _rule_bearers(struct: type[Ruled]) -> Iterator[type[Ruled]]:
    yield struct
    for child in struct.__subclasses__():
        yield from _rule_bearers(child)


def _rules(struct: type[Ruled], properties: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """How the fields depend on each other, in the words of JSON Schema."""
    for pair in struct.EXACTLY_ONE:
        yield {"oneOf": [{"required": [name]} for name in pair]}
    if struct.AT_LEAST_ONE:
        yield {"anyOf": [_says_something(name, properties[name]) for name in struct.AT_LEAST_ONE]}


def _says_something(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "required": [name],
        "properties": {name: {"const": True} if schema["type"] == "boolean" else {"minItems": 1}},
    }
