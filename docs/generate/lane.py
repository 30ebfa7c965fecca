"""The page of the lane's commands, from the table that carries them out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markdown import code, first_sentence, page, section, table

from pannierd.resp.commands.table import MODULES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from pannierd.resp.commands.row import Row

INTRODUCTION = """\
The lane speaks the Redis protocol, RESP2 and RESP3, on a Unix socket and on `127.0.0.1:7481`. Plain commands answer
as Redis does, errors included. A connection has one tenant and one namespace (`default`, or what `PN.NS` chose).
How to use it is told in [the guide](../guide/lane.md).

"Words" counts the command's name too; `3+` is three or more. "Needs" is what the caller must have: nothing, a known
tenant, or the role `use`."""

TITLES = {
    "connection": "Connection",
    "client": "CLIENT",
    "server": "Server",
    "introspection": "COMMAND",
    "strings": "Values",
    "keys": "Keys and their lives",
    "transactions": "Transactions",
    "pannier": "Pannier's own",
}

# How Pannier's own commands are written; Redis' are in Redis' documentation.
SYNTAX = {
    "PN.NS": "PN.NS namespace",
    "PN.CALL": "PN.CALL deadline_ms traceparent|- COMMAND [argument ...]",
    "PN.FETCH": "PN.FETCH key [NS namespace] [WAIT ms] [NOLEASE]",
    "PN.STORE": "PN.STORE key value [NS namespace] [PX ms] [STALE ms] [TAGS n tag ...] [LEASE lease] "
    "[TYPE content-type] [NX|XX|IFMATCH etag]",
    "PN.RELEASE": "PN.RELEASE key lease [NS namespace]",
    "PN.EXPLAIN": "PN.EXPLAIN key [NS namespace]",
    "PN.INVALIDATE": "PN.INVALIDATE [NS namespace] [KEYS n key ...] [TAGS n tag ...] [PATTERNS n pattern ...] "
    "[ALL] [SOFT]",
}


def lane_page() -> str:
    """Every command, by family."""
    sections = []
    for module in MODULES:
        family = module.__name__.rpartition(".")[2]
        parts = [
            _introduction(family, module),
            table(("command", "words", "needs", "what it does"), _rows(module.ROWS)),
        ]
        if family == "pannier":
            parts += ["```text", *(SYNTAX[row.name] for row in module.ROWS), "```"]
            parts = [*parts[:2], "\n".join(parts[2:])]
        sections.append(section(TITLES[family], *parts))
    return page("Lane commands", INTRODUCTION, *sections)


def _introduction(family: str, module: ModuleType) -> str:
    """What the module says of itself, without the name that stands above it already."""
    text = first_sentence(module.__doc__).removeprefix(f"{TITLES[family]}: ")
    return text[0].upper() + text[1:]


def _rows(rows: tuple[Row, ...]) -> Iterator[tuple[str, str, str, str]]:
    for row in rows:
        if row.run is not None:
            yield _row(row)
        yield from (_row(inner) for inner in row.subcommands.values())


def _row(row: Row) -> tuple[str, str, str, str]:
    words = str(row.arity) if row.arity > 0 else f"{-row.arity}+"
    needs = "`use`" if row.uses_cache else "nothing" if "no_auth" in row.flags else "a tenant"
    return (code(row.name.replace("|", " ")), words, needs, row.summary)
