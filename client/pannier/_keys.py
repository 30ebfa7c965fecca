"""Keys: how arguments become the text of a key, so that two calls share a key only if they mean the same.

Without a template a key reads `module.function(name=value,…)`, its values spelled so that no two of different type or
content look alike: `1`, `True`, `1.0`, `'1'`, `None` and `'None'` are six keys, and quotes keep `'a:b','c'` apart from
`'a','b:c'`. In a template a value is plain text with everything escaped (`%3A`) that could pass for the template's own
text or for a glob; there, and only there, 7 and "7" are one key, because URLs and rows must meet. Letters of every
script stay as they are. A key over the lane's limit keeps its beginning and ends in a hash of the whole.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import partial
from operator import itemgetter
from pathlib import PurePath
from string import Formatter
from typing import Any
from uuid import UUID

from pannier._wire import MAX_KEY_BYTES, MAX_TAG_BYTES
from pannier.errors import BadRequest, Misconfigured

__all__ = ["Template", "escaped", "lane_key", "lane_tag", "spelled"]

_HASH_BYTES = 20
_HASH_TEXT = 2 * _HASH_BYTES + 1  # with the "~" before it

# What a value in a template may show as it is. No template can use these alone to keep two values apart.
_PLAIN = re.compile(r"[A-Za-z0-9_.@~+=-]|[^\x00-\x7f]")
_UNSAFE = re.compile(r"[^A-Za-z0-9_.@~+=\u0080-\U0010ffff-]")
_FORMATTER = Formatter()
_CONTROLS = re.compile("[\x00-\x1f\x7f\ud800-\udfff'\\\\]")


def lane_key(key: str | bytes) -> bytes:
    """The key in bytes, at most 1,024 of them.

    Raises:
        BadRequest: The key is empty, or neither text nor bytes.
    """
    if isinstance(key, str):
        try:
            name = key.encode()
        except UnicodeEncodeError:  # half a surrogate pair: still somebody's key
            name = key.encode("utf-8", "surrogatepass")
    elif isinstance(key, bytes):
        name = key
    else:
        raise BadRequest(f"a key is str or bytes, not {type(key).__name__}")
    if 0 < len(name) <= MAX_KEY_BYTES:
        return name
    if not name:
        raise BadRequest("a key has at least one byte")
    return _shortened(name, MAX_KEY_BYTES)


def lane_tag(tag: str) -> str:
    """The tag, in at most 256 bytes."""
    text = tag.encode("utf-8", "surrogatepass")
    return tag if len(text) <= MAX_TAG_BYTES else _shortened(text, MAX_TAG_BYTES).decode("utf-8", "surrogatepass")


def _shortened(text: bytes, limit: int) -> bytes:
    # The beginning stays, so that patterns still find it; a character cut in two is dropped.
    start = text[: limit - _HASH_TEXT].decode("utf-8", "ignore").encode()
    return start + b"~" + hashlib.blake2b(text, digest_size=_HASH_BYTES).hexdigest().encode()


def spelled(value: object) -> str:
    """An argument, spelled so that no other value of any type is spelled alike.

    Raises:
        BadRequest: There is no such spelling: an object that only its address tells apart.
    """
    if (text := _SPELLINGS.text(value)) is not None:
        return text
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
        return f"{_name(value)}({','.join(f'{name}={spelled(inner)}' for name, inner in fields)})"
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    raise BadRequest(f"a {type(value).__name__} cannot be part of a key: name the key with key=")


def escaped(value: object) -> str:
    """A value as a template shows it: readable, and unable to pass for anything around it.

    Raises:
        BadRequest: The value cannot be part of a key.
    """
    text = _ESCAPES.text(value)
    return _percent(spelled(value)) if text is None else text


class Template:
    """`user:{user_id}`, read once when the function is decorated."""

    def __init__(self, text: str, known: AbstractSet[str]) -> None:
        """Read the text, whose fields may name what is `known`.

        Raises:
            Misconfigured: It names something unknown, or cannot keep two values apart.
        """
        self.text = text
        parts = _parts(text, known)
        # The arguments that it is made of.
        self.names = frozenset(_argument(field) for _, field in parts if field)
        _refuse_ambiguity(text, parts)
        # Each literal, and how the value behind it is found.
        self._parts = [(literal, _picker(field) if field else None) for literal, field in parts]

    def fill(self, arguments: Mapping[str, Any]) -> str:
        """The text with the arguments in their places.

        Raises:
            BadRequest: An argument cannot be part of a key, or has no such part.
        """
        return "".join([literal + escaped(pick(arguments)) if pick else literal for literal, pick in self._parts])

    def __repr__(self) -> str:
        """The text as it was written."""
        return f"<Template {self.text}>"


def _parts(text: str, known: AbstractSet[str]) -> list[tuple[str, str]]:
    try:
        parsed = list(_FORMATTER.parse(text))
    except ValueError as error:
        raise Misconfigured(f"{text!r}: {error}") from error
    for _, field, form, conversion in parsed:
        if form or conversion or field == "":
            raise Misconfigured(f"{text!r}: a field is a name, as in {{user_id}}; for more, give a callable")
        name = _argument(field or "")
        if field and name not in known:
            raise Misconfigured(f"{text!r}: no argument {name!r}; there are: {', '.join(sorted(known)) or 'none'}")
    return [(literal, field or "") for literal, field, *_ in parsed]


def _argument(field: str) -> str:
    return re.split(r"[.\[]", field)[0]


def _refuse_ambiguity(text: str, parts: list[tuple[str, str]]) -> None:
    fields = [literal for literal, field in parts if field]
    if any(not _PLAIN.sub("", literal) for literal in fields[1:]):
        raise Misconfigured(f"{text!r}: put ':' or '/' between two fields, or different arguments make the same key")


def _picker(field: str) -> Callable[[Mapping[str, Any]], Any]:
    """How a field's value is found among the arguments: by its name, nearly always."""
    return itemgetter(field) if field.isidentifier() else partial(_look_into, field)


def _look_into(field: str, arguments: Mapping[str, Any]) -> Any:
    try:
        return _FORMATTER.get_field(field, (), arguments)[0]
    except (AttributeError, LookupError, TypeError) as error:
        name = _argument(field)
        raise BadRequest(f"{{{field}}}: the {type(arguments[name]).__name__} given has no such part") from error


def _percent(text: str) -> str:
    return _UNSAFE.sub(_percent_encoded, text)


def _percent_encoded(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "surrogatepass"))


def _quoted(value: str) -> str:
    return "'" + _CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", value) + "'"


def _items(values: Any) -> str:
    return ",".join(map(spelled, values))


def _name(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


class _Table:
    """How values of some types become text. The first row that fits decides: a subclass stands before its base."""

    def __init__(self, *rows: tuple[Any, Callable[[Any], str]]) -> None:
        self._rows = rows
        # By the type itself, which is nearly always enough.
        self._exact = {kind: make for kinds, make in rows for kind in (kinds if isinstance(kinds, tuple) else (kinds,))}

    def text(self, value: object) -> str | None:
        """None, when there is no row for it."""
        make = self._exact.get(type(value))
        if make is None:
            make = next((make for kinds, make in self._rows if isinstance(value, kinds)), None)
        return None if make is None else make(value)


# Types that JSON or Python spell alike differ here in their brackets or their name.
_SPELLINGS = _Table(
    (type(None), str),
    (Enum, lambda value: f"{_name(value)}.{value.name}"),
    (bool, str),
    (int, lambda value: str(int(value))),
    (float, lambda value: repr(float(value))),
    (str, _quoted),
    (bytes, lambda value: "b" + _quoted(value.decode("latin-1"))),
    (tuple, lambda value: f"({_items(value)},)" if value else "()"),
    (list, lambda value: f"[{_items(value)}]"),
    ((set, frozenset), lambda value: f"set({','.join(sorted(map(spelled, value)))})"),
    (Mapping, lambda value: "{" + ",".join(sorted(f"{spelled(k)}:{spelled(v)}" for k, v in value.items())) + "}"),
    ((datetime, date, time), lambda value: f"{type(value).__name__}({value.isoformat()})"),
    (timedelta, lambda value: f"timedelta({value.total_seconds()!r})"),
    (Decimal, lambda value: f"Decimal({value})"),
    (UUID, lambda value: f"UUID({value})"),
    (PurePath, lambda value: f"Path({_quoted(str(value))})"),
)

# What no text is escaped to is None and the booleans: None is not "None".
_ESCAPES = _Table(
    ((type(None), bool), "%{}".format),
    (Enum, lambda value: escaped(value.value)),
    ((datetime, date, time), lambda value: _percent(value.isoformat())),
    (bytes, lambda value: _percent(value.decode("latin-1"))),
    ((str, int, float, Decimal, UUID, PurePath), lambda value: _percent(str(value))),
)
