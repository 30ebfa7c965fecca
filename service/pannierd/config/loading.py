"""Loading: defaults, then the file, then the environment, then --set; later wins, and every mistake is told at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from pannierd.config import checks
from pannierd.config.expectation import expected, fits, got
from pannierd.config.knobs import Config
from pannierd.config.mistakes import ConfigError
from pannierd.config.schema import UnknownKey, dotted, type_at
from pannierd.config.sources import from_assignment, from_environment, from_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path as File

    from pannierd.config.schema import Path
    from pannierd.config.sources import Setting

__all__ = ["Loaded", "examine", "load"]

POLICY: Final = "namespaces"
EVERYBODY: Final = "default"  # [namespaces.default] is every namespace's


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration that can be used, and where its values came from."""

    config: Config
    origins: Mapping[Path, str]  # of every value that is not a default


def load(
    file: File | None, variables: Mapping[str, str], assignments: Iterable[str], presets: Iterable[str] = ()
) -> Loaded:
    """The configuration from all its sources.

    Args:
        file: TOML; None: there is none.
        variables: the environment.
        assignments: `section.key=value`, each.
        presets: the same for the defaults of a command of its own kind; every other source wins over them.

    Raises:
        ConfigError: with every mistake that was found, each with its place.
    """
    result, wrong = examine(file, variables, assignments, presets)
    if wrong:
        raise ConfigError(*wrong)
    return result


def examine(
    file: File | None, variables: Mapping[str, str], assignments: Iterable[str], presets: Iterable[str] = ()
) -> tuple[Loaded, tuple[str, ...]]:
    """What is right of the configuration, and every mistake in it, so that a command can look further before it fails.

    A wrong value is left out. What must hold between knobs is judged only when each is right by itself: else a knob
    would be blamed for a neighbour that nobody has set.

    Raises:
        ConfigError: a source cannot be read.
    """
    settings = list(_read(file, variables, assignments, presets))
    judged = [(setting, _judge(setting)) for setting in settings]
    right = [setting for setting, mistake in judged if mistake is None]
    given = {setting.path: _as_typed(setting) for setting in right}
    origins = {setting.path: setting.origin for setting in right}
    _inherit(given, origins)
    given.setdefault((POLICY, EVERYBODY), {})
    config = msgspec.convert(_nest(given), Config)
    wrong = [mistake for _, mistake in judged if mistake is not None]
    wrong = wrong or [_with_place(path, text, origins) for path, text in checks.mistakes(config)]
    return Loaded(config, origins), tuple(dict.fromkeys(wrong))


def _read(
    file: File | None, variables: Mapping[str, str], assignments: Iterable[str], presets: Iterable[str]
) -> Iterator[Setting]:
    for preset in presets:
        yield from from_assignment(preset, "command")
    if file is not None:
        yield from from_file(file)
    yield from from_environment(variables)
    for assignment in assignments:
        yield from from_assignment(assignment)


def _judge(setting: Setting) -> str | None:
    """What is wrong with one value by itself."""
    try:
        kind = type_at(setting.path)
    except UnknownKey as unknown:
        hint = f"; {unknown.hint}" if unknown.hint else ""
        return f"{setting.origin}: {dotted(unknown.path)}: unknown key{hint}"
    if fits(setting.value, kind) or _is_bare_string(setting, kind):
        return None
    return f"{setting.origin}: {dotted(setting.path)}: expected {expected(kind)}, got {got(setting.value, kind)}"


def _is_bare_string(setting: Setting, kind: Any) -> bool:
    """Outside of TOML a string needs no quotes, also when it looks like a number: a socket's mode, 660."""
    return setting.text is not None and fits(setting.text, kind)


def _as_typed(setting: Setting) -> Any:
    return setting.value if fits(setting.value, type_at(setting.path)) else setting.text


def _inherit(given: dict[Path, Any], origins: dict[Path, str]) -> None:
    """Give every namespace the keys of [namespaces.default] that it does not set itself."""
    shared = {path[2:]: value for path, value in given.items() if path[:2] == (POLICY, EVERYBODY) and path[2:]}
    for name in dict.fromkeys(path[1] for path in given if path[0] == POLICY and path[1:]):
        for key, value in shared.items():
            if (POLICY, name, *key) not in given:
                given[POLICY, name, *key] = value
                origins[POLICY, name, *key] = origins[POLICY, EVERYBODY, *key]


def _nest(given: Mapping[Path, Any]) -> dict[str, Any]:
    """Tables from paths. An empty table that a source named may be filled by another."""
    root: dict[str, Any] = {}
    for path, value in given.items():
        table = root
        for key in path[:-1]:
            table = table.setdefault(key, {})
        if value != {}:
            table[path[-1]] = value
        else:
            table.setdefault(path[-1], {})
    return root


def _with_place(path: Path, text: str, origins: Mapping[Path, str]) -> str:
    """The mistake after the origin of its knob, or of the first thing in its section; a default has none."""
    place = next((origin for known, origin in origins.items() if known[: len(path)] == path), "default")
    return f"{place}: {dotted(path)}: {text}"
