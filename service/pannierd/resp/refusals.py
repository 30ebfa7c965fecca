"""Refusals: an error reply as an exception, and the words in which the lane tells each error of the tree.

Plain Redis commands answer as Redis does, because clients act on its words (NOAUTH, NOPERM, OOM, ERR); `PN.*` commands
answer with the code of the error tree in upper case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pannierd.errors import Forbidden, PannierdError, QuotaExceeded, Unauthenticated

if TYPE_CHECKING:
    from collections.abc import Callable


class Refusal(Exception):
    """A command cannot be carried out; the text is the reply, its first word the one that clients act on."""


def syntax_error() -> Refusal:
    """The options of a command make no sense."""
    return Refusal("ERR syntax error")


def wrong_arity(name: str) -> Refusal:
    """Too few arguments, or too many. `name` as Redis writes it: `get`, `client|id`."""
    return Refusal(f"ERR wrong number of arguments for '{name.lower()}' command")


_IN_REDIS_WORDS: Final[dict[type[PannierdError], Callable[[PannierdError], str]]] = {
    Unauthenticated: lambda _: "NOAUTH Authentication required.",
    Forbidden: lambda error: f"NOPERM {error.detail}",
    QuotaExceeded: lambda error: f"ERR quota exceeded, retry in {error.retry_after_ms} ms",
}


def as_redis(error: PannierdError) -> str:
    """The text of an error for a plain command."""
    words = _IN_REDIS_WORDS.get(type(error))
    return f"ERR {error.detail}" if words is None else words(error)


def as_ours(error: PannierdError) -> str:
    """The text of an error for a `PN.*` command."""
    return f"{error.code.upper()} {error.detail}"
