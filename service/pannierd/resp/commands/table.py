"""The table of commands: everything the lane can do, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pannierd.errors import BadRequest
from pannierd.resp.commands import client, connection, introspection, keys, pannier, server, strings, transactions
from pannierd.resp.refusals import wrong_arity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pannierd.resp.commands.row import Row
    from pannierd.resp.protocol import Command

MODULES: Final = (connection, client, server, introspection, strings, keys, transactions, pannier)
SHOWN_BYTES: Final = 128
"""How much of an unknown command is repeated in the error, as in Redis."""


class Table:
    """Rows by name, in either case."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = {row.name: row for row in rows}
        # Nearly every client writes names in one case throughout: both are found by one look.
        self._by_word = {word: row for row in rows for word in (row.name.encode(), row.name.lower().encode())}

    def get(self, word: bytes) -> Row | None:
        """The command of this name."""
        return self._by_word.get(word) or self._by_word.get(word.upper())

    def find(self, command: Command) -> Row:
        """The row of a command, of its subcommand where it has one, once its number of words fits.

        Raises:
            BadRequest: there is no such command, or it has too few words, or too many.
        """
        row = self.get(command[0])
        if row is None:
            raise BadRequest(_unknown(command))
        if row.subcommands and len(command) > 1:
            inner = row.subcommands.get(command[1].upper())
            if inner is None:
                raise BadRequest(f"unknown subcommand '{_shown(command[1])}'. Try {row.name} HELP.")
            row = inner
        if not row.takes(len(command)):
            raise wrong_arity(row.name)
        return row

    def is_frame(self, command: Command) -> bool:
        """Whether a command is about others (MULTI, EXEC, PN.CALL ...), and so cannot be carried by another."""
        row = self.get(command[0])
        return row is not None and (row.is_immediate or row.name == "PN.CALL")

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows.values())

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return f"<Table {len(self)} commands>"


def full_table() -> Table:
    """Every command."""
    return Table([row for module in MODULES for row in module.ROWS])


def _unknown(command: Command) -> str:
    """As Redis writes it, to the letter, with as many arguments as have room."""
    shown = ""
    for word in command[1:]:
        if len(shown) >= SHOWN_BYTES:
            break
        shown += f"'{_shown(word[: SHOWN_BYTES - len(shown)])}' "
    return f"unknown command '{_shown(command[0])}', with args beginning with: {shown}"


def _shown(word: bytes) -> str:
    return word[:SHOWN_BYTES].decode("utf-8", "replace")
