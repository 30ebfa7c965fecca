"""The effective configuration for people and programs: every knob, its value, and where that came from.

A configuration holds paths of secrets and no secrets, so there is nothing to hide in it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct, structs

from pannierd.config import folders
from pannierd.config.schema import dotted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pannierd.config.loading import Loaded
    from pannierd.config.schema import Path

__all__ = ["Line", "as_json", "as_toml", "lines"]

DEFAULT: Final = "default"


@dataclass(frozen=True, slots=True)
class Line:
    """One knob."""

    path: Path
    value: Any
    origin: str


def lines(loaded: Loaded, variables: Mapping[str, str]) -> Iterator[Line]:
    """Every knob of the configuration; "auto" is told with what it means under these environment variables."""
    meanings = {
        ("server", "lane_socket"): folders.lane_socket(loaded.config.server, variables),
        ("server", "data_dir"): folders.data_dir(loaded.config.server, variables),
    }
    for path, value in _walk(loaded.config):
        origin = loaded.origins.get(path, DEFAULT)
        yield Line(path, value, f"{origin}: {meanings[path]}" if value == folders.AUTO and path in meanings else origin)


def as_json(report: Iterator[Line]) -> dict[str, Any]:
    """Nested tables of `{"value", "origin"}`."""
    root: dict[str, Any] = {}
    for line in report:
        table = root
        for key in line.path[:-1]:
            table = table.setdefault(key, {})
        table[line.path[-1]] = {"value": line.value, "origin": line.origin}
    return root


def as_toml(report: Iterator[Line]) -> str:
    """TOML that means the same configuration when it is read again, with each origin in a comment."""
    blocks = []
    for section, group in groupby(report, key=lambda line: line.path[:-1]):
        assignments = [(_assignment(line), line.origin) for line in group]
        width = max(len(assignment) for assignment, _ in assignments)
        body = [f"{assignment:<{width}}  # {origin}" for assignment, origin in assignments]
        blocks.append("\n".join([f"[{_header(section)}]", *body]))
    return "\n\n".join(blocks)


def _walk(section: Struct, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Values before sub-sections, as TOML wants it."""
    values = structs.asdict(section)
    for name, value in values.items():
        if not isinstance(value, (Struct, dict)):
            yield (*path, name), value
    for name, value in values.items():
        if isinstance(value, Struct):
            yield from _walk(value, (*path, name))
        elif isinstance(value, dict):
            for chosen, inner in value.items():
                yield from _walk(inner, (*path, name, chosen))


def _assignment(line: Line) -> str:
    if line.value is None:
        return f"# {line.path[-1]} ="
    return f"{line.path[-1]} = {json.dumps(line.value)}"


def _header(path: Path) -> str:
    return dotted(tuple(key if key.replace("_", "").replace("-", "").isalnum() else json.dumps(key) for key in path))
