"""The options behind a command's fixed words: read by a table, in any order."""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING, Any, Final

from pannierd.cache import Condition
from pannierd.errors import BadRequest
from pannierd.resp.refusals import syntax_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pannierd.resp.protocol import Command

MAX_INTEGER: Final = 2**63 - 1
MIN_INTEGER: Final = -(2**63)

_INTEGER = re.compile(rb"-?[1-9][0-9]{0,18}|0")


class NotAnInteger(BadRequest):
    """A word that ought to be a 64-bit number is none."""


class Kind(enum.Enum):
    """What follows an option's name."""

    NOTHING = enum.auto()
    WORD = enum.auto()
    INTEGER = enum.auto()
    COUNTED = enum.auto()
    """A number, and so many words."""


class Options:
    """The options that a command may have; calling it reads them.

    Args:
        kinds: by name, upper case.
        rivals: sets of names of which at most one may be given.
    """

    def __init__(self, kinds: Mapping[bytes, Kind], *rivals: frozenset[bytes]) -> None:
        self._kinds = kinds
        self._rivals = rivals

    def __call__(self, command: Command, start: int, *, may_repeat: bool = False) -> dict[bytes, Any]:
        """What was given, by name: True, a word, an integer, or a list of words.

        Raises:
            BadRequest: an unknown or repeated option, or one without what belongs to it.
        """
        given: dict[bytes, Any] = {}
        at = start
        while at < len(command):
            name = command[at].upper()
            kind = self._kinds.get(name)
            if kind is None:
                raise BadRequest(f"unknown option {_shown(name)}")
            if name in given and not may_repeat:
                raise BadRequest(f"option {_shown(name)} is given twice")
            given[name], at = _READERS[kind](command, at + 1)
        for rivals in self._rivals:
            clashing = sorted(rivals & given.keys())
            if len(clashing) > 1:
                raise BadRequest(f"{' and '.join(map(_shown, clashing))} exclude each other")
        return given

    def of_redis(self, command: Command, start: int) -> dict[bytes, Any]:
        """The same for a plain command, which calls every mistake a syntax error, and repetition none.

        Raises:
            NotAnInteger: a number that is none.
            Refusal: any other.
        """
        try:
            return self(command, start, may_repeat=True)
        except NotAnInteger:
            raise
        except BadRequest as error:
            raise syntax_error() from error


def read_integer(text: bytes) -> int:
    """A 64-bit number as Redis reads it.

    Raises:
        NotAnInteger: it is none.
    """
    if _INTEGER.fullmatch(text) and MIN_INTEGER <= (number := int(text)) <= MAX_INTEGER:
        return number
    raise NotAnInteger("value is not an integer or out of range")


def condition_of(given: Mapping[bytes, object]) -> Condition:
    """What NX and XX say."""
    if b"NX" in given:
        return Condition.IF_ABSENT
    return Condition.IF_PRESENT if b"XX" in given else Condition.ALWAYS


def text_of(word: bytes) -> str:
    """A word as text; bytes that are no UTF-8 survive the way there and back."""
    return word.decode("utf-8", "surrogateescape")


def _word(command: Command, at: int) -> tuple[bytes, int]:
    if at >= len(command):
        raise BadRequest(f"option {_shown(command[at - 1])} needs a value")
    return command[at], at + 1


def _integer(command: Command, at: int) -> tuple[int, int]:
    word, after = _word(command, at)
    return read_integer(word), after


def _counted(command: Command, at: int) -> tuple[list[bytes], int]:
    name = _shown(command[at - 1])
    word, start = _word(command, at)
    try:
        count = read_integer(word)
    except NotAnInteger as error:
        raise BadRequest(f"option {name} begins with how many words it has: {name} count word ...") from error
    if not 0 <= count <= len(command) - start:
        raise BadRequest(f"option {name} announces {count} words and has {len(command) - start}")
    return command[start : start + count], start + count


def _shown(word: bytes) -> str:
    return word[:64].decode("utf-8", "replace")


_READERS: Final = {
    Kind.NOTHING: lambda _, at: (True, at),
    Kind.WORD: _word,
    Kind.INTEGER: _integer,
    Kind.COUNTED: _counted,
}
