"""One row of the command table. What Redis tells about a command is told from here, and so is what we ask before it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final

from pannierd.resp.refusals import wrong_arity

if TYPE_CHECKING:
    from pannierd.resp.protocol import Command
    from pannierd.resp.session import Session

Reply = bytes | Awaitable[bytes]
"""A reply in wire form; an awaitable only from a command that may wait."""

Handler = Callable[["Session", "Command"], Reply]

NO_KEYS: Final = (0, 0, 0)
ONE_KEY: Final = (1, 1, 1)
ALL_KEYS: Final = (1, -1, 1)
KEY_VALUE_PAIRS: Final = (1, -1, 2)

READ: Final = frozenset({"readonly", "fast"})
SLOW_READ: Final = frozenset({"readonly"})
WRITE: Final = frozenset({"write", "denyoom", "fast"})
REMOVE: Final = frozenset({"write", "fast"})
PLAIN: Final = frozenset({"loading", "stale", "fast"})
STRANGER: Final = frozenset({"no_auth", "loading", "stale", "fast"})


OUR_PREFIX: Final = "PN."
"""How Pannier's own commands begin, which name errors by their codes."""


@dataclass(frozen=True)
class Row:
    """A command.

    Attributes:
        name: upper case; a subcommand's with its container's: `CLIENT|ID`.
        run: carries it out.
        arity: how many words it has, the name included; negative: at least so many.
        summary: one line for people.
        flags: Redis' own. `readonly` and `write` take the role `use`; `no_auth` may come before authentication.
        keys: first, last (-1: to the end) and step of the words that are keys.
        is_immediate: carried out although a transaction is being queued.
        subcommands: by their second word, upper case.
    """

    name: str
    run: Handler
    arity: int
    summary: str
    flags: frozenset[str] = field(default=PLAIN)
    keys: tuple[int, int, int] = NO_KEYS
    is_immediate: bool = False
    subcommands: Mapping[bytes, Row] = field(default_factory=dict)

    @cached_property
    def is_ours(self) -> bool:
        """Whether it is one of Pannier's own."""
        return self.name.startswith(OUR_PREFIX)

    @cached_property
    def uses_cache(self) -> bool:
        """Whether it takes the role `use` and counts against the tenant's rate."""
        return "readonly" in self.flags or "write" in self.flags

    @cached_property
    def is_for_strangers(self) -> bool:
        """Whether it may come before authentication."""
        return "no_auth" in self.flags

    @cached_property
    def counted_as(self) -> str:
        """The metrics' label: the first word of the name."""
        return self.name.partition("|")[0]

    def takes(self, count: int) -> bool:
        """Whether a command of so many words is complete."""
        return count == self.arity if self.arity > 0 else count >= -self.arity

    def keys_of(self, command: Command) -> Sequence[bytes]:
        """The words of a command that are keys."""
        first, last, step = self.keys
        return command[first : len(command) if last < 0 else last + 1 : step] if first else ()


def container(name: str, summary: str, *inner: Row) -> Row:
    """A command that is nothing without its second word, which chooses among the inner ones."""

    def alone(_: Session, __: Command) -> Reply:
        raise wrong_arity(name)

    return Row(name, alone, -2, summary, subcommands=by_second_word(*inner))


def by_second_word(*inner: Row) -> Mapping[bytes, Row]:
    """Subcommands as Row wants them."""
    return {row.name.partition("|")[2].encode(): row for row in inner}
