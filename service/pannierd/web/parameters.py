"""Parameters: query, headers and JSON bodies become structs; what is unknown or out of range is refused by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct

from pannierd.errors import BadRequest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from multidict import CIMultiDictProxy

__all__ = ["NoParameters", "from_headers", "from_json", "from_query"]

OUR_HEADERS: Final = "x-cache-"  # a misspelt one must not be ignored: it would silently cache for the wrong time
SHOWN_NAME: Final = 64  # characters of a caller's misspelt name that are repeated to it

Wanted = TypeVar("Wanted", bound=Struct)


class NoParameters(Struct, frozen=True):
    """Where nothing is to be said."""


def from_query(wanted: type[Wanted], query: str) -> Wanted:
    """The query parameters of a raw query string.

    Raises:
        BadRequest: one is unknown, given twice, or not what it should be.
    """
    given: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in wanted.__struct_encode_fields__:
            raise _unknown("query parameter", name, wanted.__struct_encode_fields__)
        if name in given:
            raise BadRequest(f"the query parameter {name} is given twice")
        given[name] = value
    return _convert(given, wanted, "query")


def from_headers(wanted: type[Wanted], headers: CIMultiDictProxy[str]) -> Wanted:
    """The request headers that mean something here. A header that comes in several lines is one list (RFC 9110, 5.3).

    Raises:
        BadRequest: one is not what it should be, or begins like ours and is unknown.
    """
    names = wanted.__struct_encode_fields__
    known = {name.lower() for name in names}
    for name in headers:
        if name.lower().startswith(OUR_HEADERS) and name.lower() not in known:
            raise _unknown("header", name, [name for name in names if name.lower().startswith(OUR_HEADERS)])
    given = {name: ", ".join(headers.getall(name)) for name in names if name in headers}
    for name, value in given.items():
        if not value.isprintable():  # a byte that is no UTF-8 became a surrogate, which is not printable either
            raise BadRequest(f"the header {name} must be printable UTF-8")
    return _convert(given, wanted, "headers")


def from_json(wanted: type[Wanted], body: bytes, content_type: str) -> Wanted:
    """The struct that a JSON body stands for.

    Raises:
        BadRequest: it is not sent as JSON, is none, or a field is unknown, missing or not what it should be.
    """
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise BadRequest("send the body as JSON, with Content-Type: application/json")
    try:
        return msgspec.json.decode(body, type=wanted)
    except msgspec.ValidationError as error:
        raise BadRequest(_readable(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest("the body is not well-formed JSON in UTF-8") from error


def _convert(given: dict[str, Any], wanted: type[Wanted], where: str) -> Wanted:
    try:
        return msgspec.convert(given, wanted, strict=False)
    except msgspec.ValidationError as error:
        raise BadRequest(f"{where}: {_readable(error)}") from error


def _readable(error: msgspec.ValidationError) -> str:
    """What msgspec says, in the words of JSON."""
    return str(error).replace("Object contains unknown field", "unknown field").replace("`$.", "`")


def _unknown(what: str, name: str, known: Iterable[str]) -> BadRequest:
    choice = ", ".join(known)
    return BadRequest(f"unknown {what} {name[:SHOWN_NAME]!r}; " + (f"known here: {choice}" if choice else "none here"))
