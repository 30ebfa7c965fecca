"""What a knob expects, in words: for error messages and for the reference page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from msgspec import ValidationError, convert, inspect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["expected", "fits", "got"]

TOML_WORDS: Final[Mapping[type, str]] = {bool: "a boolean", str: "a string", list: "an array", dict: "a table"}


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


def got(value: object) -> str:
    """What was found instead. A number is shown; a text is not, for it may be a secret in the wrong place."""
    return TOML_WORDS.get(type(value), str(value))


def _in_words(kind: inspect.Type) -> str:
    if isinstance(kind, inspect.Metadata):
        return _in_words(kind.type)
    return WORDS[type(kind)](kind)


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
