"""The page of the HTTP API, from the OpenAPI document that the sidecar serves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markdown import code, page, section, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

INTRODUCTION = """\
The web lane listens on `127.0.0.1:7480`. `GET /openapi.json` serves this page's source as OpenAPI 3.1. Errors are
problem documents (RFC 9457); their codes are [listed here](errors.md). A key is one path segment, percent-decoded
once. Every response has `X-Request-Id`. Unknown query parameters and unknown fields are refused by name."""

DIAGNOSTICS = """\
The diagnostics listener is another one (`127.0.0.1:7482`). It asks for no token, and tells nothing about callers."""

HEALTH = (
    ("`GET /livez`", "200 while the event loop turns"),
    ("`GET /readyz`", "503 while starting or draining, else 200"),
    ("`GET /startupz`", "200 once it serves"),
    ("`GET /metrics`", "[the metrics](metrics.md), in Prometheus' text format"),
)


def http_page(document: dict[str, Any]) -> str:
    """Every route, then the shapes of the JSON bodies."""
    routes = [
        section(f"{method.upper()} {path}", *_route(operation))
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]
    shapes = [
        section(f"Body: {name}", shape.get("description", ""), _fields(shape, document))
        for name, shape in document["components"]["schemas"].items()
        if "properties" in shape
    ]
    health = section("Diagnostics", DIAGNOSTICS, table(("request", "answer"), HEALTH))
    common = section("Headers of every request", _parameters(document["components"]["parameters"].values()))
    return page("HTTP API", INTRODUCTION, common, *routes, *shapes, health)


def _route(operation: dict[str, Any]) -> Iterator[str]:
    yield f"{operation['summary']}."
    body = operation.get("requestBody")
    if body:
        yield f"Body: {_content(body['content'])}."
    own = [row for row in operation["parameters"] if "$ref" not in row and row["in"] != "path"]
    if own:
        yield _parameters(own)
    yield table(("status", "meaning", "headers"), _answers(operation["responses"]))


def _parameters(parameters: Iterable[dict[str, Any]]) -> str:
    rows = ((code(parameter["name"]), parameter["in"], parameter["description"]) for parameter in parameters)
    return table(("parameter", "in", "meaning"), rows)


def _answers(responses: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for status, response in responses.items():
        headers = ", ".join(code(name) for name in response["headers"] if name != "X-Request-Id")
        content = response.get("content", {})
        body = "" if int(status) >= _FIRST_ERROR or content.keys() <= {"*/*"} else f": {_content(content)}"
        yield status, response["description"] + body, headers


def _content(content: dict[str, Any]) -> str:
    [(media_type, described)] = content.items()
    if media_type == "*/*":
        return "the value's bytes"
    reference = described["schema"].get("$ref", "")
    return code(reference.rpartition("/")[2]) if reference else "a JSON object"


def _fields(shape: dict[str, Any], document: dict[str, Any]) -> str:
    required = shape.get("required", [])
    rows = (
        (code(name), _kind(field, document), "yes" if name in required else "", field.get("description", ""))
        for name, field in shape["properties"].items()
    )
    return table(("field", "type", "required", "meaning"), rows)


def _kind(field: dict[str, Any], document: dict[str, Any]) -> str:
    """The type of a field as a person writes it."""
    if "$ref" in field:
        return code(field["$ref"].rpartition("/")[2])
    if "enum" in field:
        return ", ".join(code(value) for value in field["enum"])
    for choice in ("anyOf", "oneOf"):
        if choice in field:
            return " or ".join(_kind(kind, document) for kind in field[choice])
    if field.get("type") == "array":
        return f"list of {_kind(field['items'], document)}"
    kind: str = field.get("type", "any")
    return kind


_FIRST_ERROR = 400
