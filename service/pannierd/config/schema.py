"""The shape of the configuration: which keys there are, and what a path of keys leads to."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, get_args, get_origin

from msgspec import Struct, structs

from pannierd.config.knobs import Config

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Path", "UnknownKey", "dotted", "knobs", "type_at"]

Path = tuple[str, ...]


class UnknownKey(Exception):
    """No such key. `path` ends at the first one that is unknown; `hint` says which one is meant, or which there are."""

    def __init__(self, path: Path, hint: str) -> None:
        super().__init__(dotted(path))
        self.path = path
        self.hint = hint


def dotted(path: Path) -> str:
    """The path as a person writes it."""
    return ".".join(path)


def type_at(path: Path) -> Any:
    """The type of the knob or section that the path leads to.

    Raises:
        UnknownKey: it leads nowhere.
    """
    kind: Any = Config
    for depth, key in enumerate(path):
        if get_origin(kind) is dict:
            kind = get_args(kind)[1]
            continue
        known = _fields(kind)
        if key not in known:
            raise UnknownKey(path[: depth + 1], _hint(path[:depth], key, known))
        kind = known[key]
    return kind


def knobs(kind: Any = Config, path: Path = ()) -> Iterator[Path]:
    """The path of every knob; "*" stands where the user chooses a name."""
    if get_origin(kind) is dict:
        yield from knobs(get_args(kind)[1], (*path, "*"))
    elif fields := _fields(kind):
        for name, inner in fields.items():
            yield from knobs(inner, (*path, name))
    else:
        yield path


def _fields(kind: Any) -> dict[str, Any]:
    if isinstance(kind, type) and issubclass(kind, Struct):
        return {field.name: field.type for field in structs.fields(kind)}
    return {}


def _hint(parent: Path, key: str, known: dict[str, Any]) -> str:
    """The knob that is meant; where none looks like it, the sections if it is one of them that is unknown, or ""."""
    if meant := _closest(parent, key, known):
        return f"did you mean {meant}?"
    return "" if parent else f"the sections are {', '.join(known)}"


def _closest(parent: Path, key: str, known: dict[str, Any]) -> str:
    """A sibling with nearly that name; or the knob of that name in another section, or with its section glued on."""
    for name in difflib.get_close_matches(key, known, n=1):
        return dotted((*parent, name))
    for path in knobs():
        if key in {path[-1], "_".join(path)}:
            return dotted(path)
    return ""
