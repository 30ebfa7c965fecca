"""COMMAND: the table, as Redis tells about its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pannierd.cache.globs import matcher
from pannierd.resp.commands.row import Row, by_second_word
from pannierd.resp.refusals import syntax_error
from pannierd.resp.replies import Status, integer, strings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pannierd.resp.protocol import Command
    from pannierd.resp.session import Session


def command_(session: Session, _: Command) -> bytes:
    """Every command."""
    return session.dialect.encode([_told(row) for row in session.lane.dispatch.table])


def count(session: Session, _: Command) -> bytes:
    """How many there are."""
    return integer(len(session.lane.dispatch.table))


def list_(session: Session, command: Command) -> bytes:
    """Names, perhaps FILTERBY PATTERN|ACLCAT|MODULE what."""
    names = [row.name.lower().encode() for row in session.lane.dispatch.table]
    match [word.upper() for word in command[2:]]:
        case []:
            return strings(names)
        case [b"FILTERBY", b"ACLCAT" | b"MODULE", _]:
            return strings([])  # there are neither modules nor categories
        case [b"FILTERBY", b"PATTERN", _]:
            matches = matcher(command[4].lower())
            return strings([name for name in names if matches(name)])
        case _:
            raise syntax_error()


def info(session: Session, command: Command) -> bytes:
    """The named commands, null for one that is unknown."""
    if len(command) == 2:  # noqa: PLR2004 - words
        return command_(session, command)
    rows = [session.lane.dispatch.table.get(name) for name in command[2:]]
    return session.dialect.encode([None if row is None else _told(row) for row in rows])


def docs(session: Session, command: Command) -> bytes:
    """What each command does."""
    table = session.lane.dispatch.table
    rows: Iterable[Row | None] = map(table.get, command[2:]) if len(command) > 2 else table  # noqa: PLR2004 - words
    return session.dialect.encode({row.name.lower(): _documented(row) for row in rows if row is not None})


def _told(row: Row) -> list[Any]:
    """Name, arity, flags, first key, last key, step, categories, tips, key specifications, subcommands."""
    return [
        row.name.lower(),
        row.arity,
        frozenset(map(Status, row.flags)),
        *row.keys,
        frozenset(),
        [],
        [],
        [_told(inner) for inner in row.subcommands.values()],
    ]


def _documented(row: Row) -> dict[str, Any]:
    known: dict[str, Any] = {"summary": row.summary, "group": "pannier" if row.is_ours else "generic"}
    if row.subcommands:
        known["subcommands"] = {inner.name.lower(): _documented(inner) for inner in row.subcommands.values()}
    return known


ROWS: Final = (
    Row(
        "COMMAND",
        command_,
        -1,
        "Tells about commands.",
        subcommands=by_second_word(
            Row("COMMAND|COUNT", count, 2, "How many commands there are."),
            Row("COMMAND|DOCS", docs, -2, "What commands do."),
            Row("COMMAND|INFO", info, -2, "How commands are called."),
            Row("COMMAND|LIST", list_, -2, "The names of commands."),
        ),
    ),
)
