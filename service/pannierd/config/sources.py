"""Where values come from: a TOML file, the environment, --set. Each value remembers its origin.

All three yield the same thing, settings; nothing here knows which keys exist.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pannierd.config.mistakes import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path as File

    from pannierd.config.schema import Path

__all__ = ["Setting", "from_assignment", "from_environment", "from_file"]

PREFIX: Final = "PANNIERD_"
# Kubernetes hands every container of a namespace variables like these when a Service there is called pannierd.
SERVICE_LINK: Final = re.compile(r"PANNIERD_(SERVICE|PORT)(_[A-Z0-9_]+)?")
TABLE_LINE: Final = re.compile(r"\s*\[([^\[\]]+)\]\s*(#.*)?")
KEY_LINE: Final = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")


@dataclass(frozen=True, slots=True)
class Setting:
    """One value for one key, and where it was given."""

    path: Path
    value: Any
    origin: str  # "pannier.toml:12", "environment PANNIERD_SERVER__WEB_ADDRESS", "--set"
    text: str | None = None  # as it was typed, where that was outside of TOML: it may be a string without its quotes


def from_file(file: File) -> Iterator[Setting]:
    """The settings of a TOML file.

    Raises:
        ConfigError: it cannot be read or is no TOML.
    """
    try:
        text = file.read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{file}: this is no TOML: {error}") from error
    lines = _lines_of_keys(text)
    for path, value in _leaves(table):
        line = next((lines[path[:depth]] for depth in range(len(path), 0, -1) if path[:depth] in lines), None)
        yield Setting(path, value, f"{file}:{line}" if line else str(file))


def from_environment(variables: Mapping[str, str]) -> Iterator[Setting]:
    """The settings of the variables `PANNIERD_<SECTION>__<KEY>`, keys in lower case."""
    for name, text in sorted(variables.items()):
        if not name.startswith(PREFIX) or SERVICE_LINK.fullmatch(name):
            continue
        path = tuple(name[len(PREFIX) :].lower().split("__"))
        yield from _from_text(path, text, f"environment {name}")


def from_assignment(assignment: str, giver: str = "--set") -> Iterator[Setting]:
    """The settings of one `section.key=value`, whose giver is its origin.

    Raises:
        ConfigError: there is no key or no equals sign.
    """
    key, equals, text = assignment.partition("=")
    try:
        ((path, _),) = _leaves(tomllib.loads(f"{key} = 0"))
    except ValueError:
        path = ()
    if not (path and equals):
        raise ConfigError(f"{giver}: expected section.key=value")
    yield from _from_text(path, text, giver)


def _from_text(path: Path, text: str, origin: str) -> Iterator[Setting]:
    try:
        value = tomllib.loads(f"value = {text}")
    except ValueError:
        value = {"value": text}
    if value.keys() != {"value"}:  # the text had lines of its own
        value = {"value": text}
    for (_, *inner), leaf in _leaves(value):
        yield Setting((*path, *inner), leaf, origin, None if inner else text)


def _leaves(table: Mapping[str, Any], path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value with the path of its keys. An empty table is a value: it says that the section is there."""
    for key, value in table.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key), value


def _lines_of_keys(text: str) -> dict[Path, int]:
    """The line of every table and key. A text block that looks like TOML may add lines that nobody asks for."""
    lines: dict[Path, int] = {}
    table: Path = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := TABLE_LINE.fullmatch(line):
            table = _split(header[1])
            lines.setdefault(table, number)
        elif key := KEY_LINE.match(line):
            lines.setdefault((*table, *_split(key[1])), number)
    return lines


def _split(key: str) -> Path:
    try:
        ((path, _),) = _leaves(tomllib.loads(f"{key} = 0"))
    except ValueError:
        return ()
    return path
