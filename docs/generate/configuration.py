"""The page of the configuration, from the structs that decode it."""

from __future__ import annotations

import json
import types
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from markdown import code, first_sentence, page, section, table
from msgspec import NODEFAULT, Meta, Struct, structs

from pannierd.config.knobs import Config

if TYPE_CHECKING:
    from collections.abc import Iterator

YEAR_MS = 365 * 24 * 3_600_000

INTRODUCTION = """\
Values come from four places; the later one wins: the defaults below, a TOML file (`pannierd serve --config
pannier.toml`), the environment (`PANNIERD_<SECTION>__<KEY>`, for example
`PANNIERD_CACHE__MEMORY__MAX_BYTES=1000000`) and `--set section.key=value`. An unknown key is refused with its
place. `pannierd check-config` shows what is in force and where each value came from. Durations end in `_ms`, sizes
in `_bytes`. `NAME` stands for a name that you choose."""


def configuration_page() -> str:
    """Every section with its knobs."""
    sections = (
        section(f"[{'.'.join(path)}]", first_sentence(kind.__doc__), table(("key", "type", "default", "meaning"), rows))
        for path, kind, rows in _sections(Config, ())
    )
    return page("Configuration", INTRODUCTION, *sections)


def _sections(
    kind: type[Struct], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], type[Struct], list[tuple[str, ...]]]]:
    """Every section with knobs of its own, depth first."""
    hints = get_type_hints(kind, include_extras=True)
    rows: list[tuple[str, ...]] = []
    inner = []
    for field in structs.fields(kind):
        hint = hints[field.name]
        if _is_section(hint):
            inner.append(_sections(hint, (*path, field.name)))
        elif get_origin(hint) is dict:
            inner.append(_sections(get_args(hint)[1], (*path, field.name, "NAME")))
        else:
            rows.append((code(field.name), _type(hint), code(_default(field)), _description(hint)))
    if rows:
        yield path, kind, rows
    for sections in inner:
        yield from sections


def _is_section(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Struct)


def _default(field: structs.FieldInfo) -> str:
    value = field.default if field.default is not NODEFAULT else field.default_factory()
    if value is None:
        return "none"
    return f"{value:_}" if isinstance(value, int) and not isinstance(value, bool) else json.dumps(value)


def _metas(hint: Any) -> Iterator[Meta]:
    """What is said of a type, the outermost first."""
    if get_origin(hint) is Annotated:
        kind, *metas = get_args(hint)
        yield from reversed(metas)
        yield from _metas(kind)


def _description(hint: Any) -> str:
    return next((meta.description for meta in _metas(hint) if meta.description), "")


def _type(hint: Any) -> str:
    """A type as a person writes it, with its range."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _type(arguments[0]) + next(filter(None, map(_range, _metas(hint))), "")
    if origin is Literal:
        return ", ".join(code(json.dumps(choice)) for choice in arguments)
    if origin is list:
        return f"list of {_type(arguments[0])}"
    if origin in {Union, types.UnionType}:
        return " or ".join(_type(kind) for kind in arguments if kind is not type(None))
    return {str: "text", int: "integer", float: "number", bool: "true or false"}[hint]


def _range(meta: Meta) -> str:
    """The bounds that do not go without saying: everything is 0 or more, and nothing is longer than a year."""
    low = f"{meta.ge:,} or more" if meta.ge else f"above {meta.gt:,}" if meta.gt is not None else ""
    high = f"at most {meta.le:,}" if meta.le is not None and meta.le != YEAR_MS else ""
    return f" ({', '.join(filter(None, (low, high)))})" if low or high else ""
