"""Refusals: an error reply as an exception, and the words in which the lane tells each error of the tree.

Plain Redis commands answer as Redis does, because clients act on its words (NOAUTH, NOPERM, OOM, ERR); `PN.*` commands
answer with the code of the error tree in upper case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pannierd.errors import BadRequest, Forbidden, PannierdError, QuotaExceeded, TooLarge, Unauthenticated

if TYPE_CHECKING:
    from collections.abc import Callable


class Refusal(Exception):
    """A plain command cannot be carried out; the text is the reply, its first word the one that clients act on.

    Attributes:
        kind: what it is in the tree of errors, when it is one that turns calls away.
    """

    def __init__(self, text: str, kind: type[PannierdError] | None = None) -> None:
        super().__init__(text)
        self.kind = kind


def syntax_error() -> Refusal:
    """The options of a plain command make no sense."""
    return Refusal("ERR syntax error")


def wrong_arity(name: str) -> BadRequest:
    """Too few arguments, or too many. `name` as Redis writes it: `get`, `client|id`."""
    return BadRequest(f"wrong number of arguments for '{name.lower()}' command")


def no_caller() -> Unauthenticated:
    """Nobody has authenticated yet."""
    return Unauthenticated("say AUTH token, or HELLO 3 AUTH name token, first")


_IN_REDIS_WORDS: Final[dict[type[PannierdError], Callable[[PannierdError], str]]] = {
    Unauthenticated: lambda _: "NOAUTH Authentication required.",
    Forbidden: lambda error: f"NOPERM {error.detail}",
    TooLarge: lambda error: f"OOM {error.detail}",
    QuotaExceeded: lambda error: f"ERR quota exceeded, retry in {error.retry_after_ms} ms",
}


def as_redis(error: PannierdError) -> str:
    """The text of an error for a plain command."""
    words = _IN_REDIS_WORDS.get(type(error))
    return f"ERR {error.detail}" if words is None else words(error)


def as_ours(error: PannierdError) -> str:
    """The text of an error for a `PN.*` command."""
    return f"{error.code.upper()} {error.detail}"
