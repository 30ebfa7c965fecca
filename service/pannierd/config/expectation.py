"""What a knob expects, in words: for error messages and for the reference page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from msgspec import ValidationError, convert, inspect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["expected", "fits", "got"]

TOML_WORDS: Final[Mapping[type, str]] = {str: "a string", list: "an array", dict: "a table"}
SHOWN_CHARACTERS: Final = 40


def fits(value: object, kind: Any) -> bool:
    """Whether the knob takes this value."""
    try:
        convert(value, kind)
    except ValidationError:
        return False
    return True


def expected(kind: Any) -> str:
    """What a value of this type has to be: "an integer from 0 to 5", "one of json, console"."""
    return _in_words(inspect.type_info(kind))


def got(value: object, kind: Any) -> str:
    """What was found instead.

    A text is shown where the knob wants a number or one of a few words. Where it takes any text, or is a table, only
    the kind is told: the text may be a secret in the wrong place.
    """
    if isinstance(value, (str, list, dict)) and not _is_told_apart(inspect.type_info(kind)):
        return TOML_WORDS[type(value)]
    return _shortened(json.dumps(value, ensure_ascii=False, default=str))


def _shortened(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


def _is_told_apart(kind: inspect.Type) -> bool:
    """Whether the knob refuses most texts, so that one in its place is a slip and no secret."""
    match kind:
        case inspect.Metadata(type=inner) | inspect.ListType(item_type=inner):
            return _is_told_apart(inner)
        case inspect.UnionType(types=alternatives):
            return all(map(_is_told_apart, alternatives))
        case inspect.StrType(pattern=pattern):
            return pattern is not None
    return not isinstance(kind, (inspect.StructType, inspect.DictType))


def _in_words(kind: inspect.Type) -> str:
    if isinstance(kind, inspect.Metadata):
        return _in_words(kind.type) + _examples(kind.extra_json_schema or {})
    return WORDS[type(kind)](kind)


def _examples(schema: Mapping[str, Any]) -> str:
    """As they are typed: a string has its quotes."""
    return "".join(f", such as {json.dumps(example)}" for example in schema.get("examples", ()))


def _range(kind: Any) -> str:
    if kind.gt is not None:
        return f" above {kind.gt}, at most {kind.le}"
    if kind.ge is not None:
        return f" of at least {kind.ge}" if kind.le is None else f" from {kind.ge} to {kind.le}"
    return ""


def _alternatives(kind: Any) -> str:
    return " or ".join(_in_words(one) for one in kind.types if not isinstance(one, inspect.NoneType))


WORDS: Final[Mapping[type[inspect.Type], Callable[[Any], str]]] = {
    inspect.BoolType: lambda _: "true or false",
    inspect.IntType: lambda kind: f"an integer{_range(kind)}",
    inspect.FloatType: lambda kind: f"a number{_range(kind)}",
    inspect.StrType: lambda kind: f"a string like {kind.pattern}" if kind.pattern else "a string",
    inspect.LiteralType: lambda kind: f"one of {', '.join(kind.values)}",
    inspect.ListType: lambda kind: f"an array, each item {_in_words(kind.item_type)}",
    inspect.UnionType: _alternatives,
    inspect.StructType: lambda _: "a table",
    inspect.DictType: lambda _: "a table",
}
