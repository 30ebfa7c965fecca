"""Shapes: what a type looks like in JSON, and the way there and back.

Values are checked in both directions: what a function returns must be what it said, and what the cache holds may have
been written by an older version of the program.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from math import isfinite
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

if TYPE_CHECKING:
    from enum import Enum

__all__ = [
    "ANY",
    "KINDS",
    "SIMPLE",
    "Mismatch",
    "Shape",
    "check_plain",
    "enum_shape",
    "fixed_shape",
    "literal_shape",
    "mapping_shape",
    "record_shape",
    "sequence_shape",
    "union_shape",
    "whole_number_keys",
]

Convert = Callable[[Any], Any]


class Mismatch(Exception):
    """A value that is not of its shape."""


@dataclass(slots=True)
class Shape:
    """One type in JSON.

    Attributes:
        dump: From the value to what JSON can hold; raises Mismatch.
        load: From what JSON held to the value; raises Mismatch.
        kinds: What it may look like in JSON, so that the members of a union can be told apart.
        shareable: Its values cannot be changed, so callers may share one.
        plain: The type that `load` hands through unchanged, if there is nothing else to it.
    """

    dump: Convert
    load: Convert
    kinds: frozenset[str]
    shareable: bool = True
    plain: type | None = None


def check_plain(value: Any) -> Any:
    """The value, if it is plain JSON through and through.

    Raises:
        Mismatch: Some part of it would come back as something else, or not at all.
    """
    kind = type(value)
    if kind is list:
        for item in value:
            check_plain(item)
    elif kind is dict:
        for key, item in value.items():
            if type(key) is not str:
                raise Mismatch(f"a key of a mapping is {_called(key)}, not str")
            check_plain(item)
    elif kind not in KINDS or (kind is float and not isfinite(value)):
        raise Mismatch(f"{_called(value)}, which JSON has no word for")
    return value


def literal_shape(constants: Iterable[Any]) -> Shape:
    """One of a few constants."""
    allowed = {(type(constant), constant) for constant in constants}

    def check(value: Any) -> Any:
        if type(value) not in KINDS or (type(value), value) not in allowed:
            raise Mismatch(f"{_called(value)}, none of the literal's values")
        return value

    return Shape(check, check, frozenset(KINDS.get(kind, kind.__name__) for kind, _ in allowed))


def enum_shape(cls: type[Enum]) -> Shape:
    """A member of an enum, by its value."""
    values = literal_shape([member.value for member in cls.__members__.values()])
    return Shape(lambda member: _exactly(cls, member).value, lambda value: cls(values.load(value)), values.kinds)


def sequence_shape(make: Callable[[Iterable[Any]], Any], takes: tuple[type, ...], item: Shape) -> Shape:
    """Any number of items of one shape."""

    def dump(value: Any) -> list[Any]:
        if isinstance(value, takes):
            return list(map(item.dump, cast(Iterable[Any], value)))
        raise Mismatch(f"{_called(value)}, not {takes[0].__name__}")

    def load(value: Any) -> Any:
        return make(map(item.load, _exactly(list, value)))

    return Shape(dump, load, frozenset({"array"}), make in (tuple, frozenset) and item.shareable)


def fixed_shape(items: list[Shape], cls: type, make: Callable[[Any], Any]) -> Shape:
    """As many items as there are shapes."""

    def convert(way: str, value: Any) -> list[Any]:
        if len(value) != len(items):
            raise Mismatch(f"{len(value)} items, not {len(items)}")
        return [getattr(item, way)(inner) for item, inner in zip(items, value, strict=True)]

    return Shape(
        lambda value: convert("dump", _exactly(cls, value)),
        lambda value: make(convert("load", _exactly(list, value))),
        frozenset({"array"}),
        all(item.shareable for item in items),
    )


def mapping_shape(keys: Shape, values: Shape) -> Shape:
    """Any number of keys and values; with plain ones there is nothing to convert."""

    def dump(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise Mismatch(f"{_called(value)}, not a mapping")
        return {keys.dump(key): values.dump(item) for key, item in value.items()}

    def load(value: Any) -> dict[Any, Any]:
        return {keys.load(key): values.load(item) for key, item in _exactly(dict, value).items()}

    kinds = frozenset({"object"})
    if keys is SIMPLE[str] and values is ANY:
        return Shape(dump, partial(_exactly, dict), kinds, shareable=False, plain=dict)
    return Shape(dump, load, kinds, shareable=False)


def whole_number_keys() -> Shape:
    """Whole numbers as the keys of a mapping, which JSON writes as text."""

    def load(text: Any) -> int:
        try:
            return int(_exactly(str, text))
        except ValueError as error:
            raise Mismatch("a key that is not a whole number") from error

    return Shape(lambda key: str(_exactly(int, key)), load, frozenset({"string"}))


def record_shape(
    cls: type, fields: dict[str, Shape], required: AbstractSet[str], read: Callable[[Any], dict[str, Any]], make: Any
) -> Shape:
    """Named fields, each of its own shape."""

    def dump(value: Any) -> dict[str, Any]:
        found = read(value)
        if found.keys() - fields.keys() or required - found.keys():
            raise Mismatch(f"{_called(value)}, not a {cls.__name__} with just its fields")
        return {name: fields[name].dump(inner) for name, inner in found.items()}

    def load(value: Any) -> Any:
        found = _exactly(dict, value).keys()
        if found - fields.keys() or required - found:
            raise Mismatch(f"a {cls.__name__} of another version, with other fields")
        return make(**{name: fields[name].load(inner) for name, inner in value.items()})

    return Shape(dump, load, frozenset({"object"}), shareable=False)


def union_shape(members: list[Shape]) -> Shape:
    """One of several shapes, no two of which look alike in JSON."""
    by_kind = {kind: member for member in members for kind in member.kinds}
    members = sorted(members, key=lambda member: "number" in member.kinds)  # a float's shape would take an int, too

    def dump(value: Any) -> Any:
        for member in members:
            try:
                return member.dump(value)
            except Mismatch:
                continue
        raise Mismatch(f"{_called(value)}, which no member of the union is")

    def load(value: Any) -> Any:
        member = by_kind.get(KINDS[type(value)])
        if member is None:
            raise Mismatch(f"{_called(value)}, which no member of the union is")
        return member.load(value)

    return Shape(dump, load, frozenset(by_kind), all(member.shareable for member in members))


def _exactly(cls: type, value: Any) -> Any:
    if type(value) is not cls:
        raise Mismatch(f"{_called(value)}, not {cls.__name__}")
    return value


def _finite(value: Any) -> float:
    if type(value) not in (float, int) or not isfinite(value):
        raise Mismatch(f"{_called(value)}, not a finite float")
    return float(value)


def _plain(cls: type, kind: str) -> Shape:
    check = partial(_exactly, cls)
    return Shape(check, check, frozenset({kind}), plain=cls)


def _as_text(cls: type, dump: Convert, load: Convert) -> Shape:
    def read(value: Any) -> Any:
        try:
            return load(_exactly(str, value))
        except (ValueError, ArithmeticError) as error:
            raise Mismatch(f"{_called(value)} that is no {cls.__name__}") from error

    return Shape(lambda value: dump(_exactly(cls, value)), read, frozenset({"string"}))


def _called(value: Any) -> str:
    """Its type alone: errors end up in logs, and values are nobody's business there."""
    return type(value).__qualname__


_MICROSECOND = timedelta(microseconds=1)

# What a value is in JSON's words, with whole numbers told apart from others.
KINDS: dict[type, str] = {
    type(None): "null",
    bool: "boolean",
    int: "int",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}
ANY = Shape(check_plain, lambda value: value, frozenset(KINDS.values()), shareable=False)
SIMPLE: dict[Any, Shape] = {
    Any: ANY,
    object: ANY,
    None: _plain(type(None), "null"),
    type(None): _plain(type(None), "null"),
    bool: _plain(bool, "boolean"),
    int: _plain(int, "int"),
    str: _plain(str, "string"),
    float: Shape(_finite, _finite, frozenset({"number"})),
    bytes: _as_text(bytes, lambda value: base64.b64encode(value).decode(), partial(base64.b64decode, validate=True)),
    datetime: _as_text(datetime, datetime.isoformat, datetime.fromisoformat),
    date: _as_text(date, date.isoformat, date.fromisoformat),
    time: _as_text(time, time.isoformat, time.fromisoformat),
    timedelta: Shape(
        lambda value: _exactly(timedelta, value) // _MICROSECOND,
        lambda value: _exactly(int, value) * _MICROSECOND,
        frozenset({"int"}),
    ),
    Decimal: _as_text(Decimal, str, Decimal),
    UUID: _as_text(UUID, str, UUID),
}
