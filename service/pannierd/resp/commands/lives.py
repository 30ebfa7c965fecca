"""Lives as Redis writes them: `EX PX EXAT PXAT` and their commands, as milliseconds from now and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pannierd.resp.commands.options import MAX_INTEGER, Kind
from pannierd.resp.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Milliseconds = int


def _seconds_from_now(number: int, _: float) -> Milliseconds:
    return number * 1000


def _milliseconds_from_now(number: int, _: float) -> Milliseconds:
    return number


def _at_second(number: int, wall_seconds: float) -> Milliseconds:
    return number * 1000 - round(wall_seconds * 1000)


def _at_millisecond(number: int, wall_seconds: float) -> Milliseconds:
    return number - round(wall_seconds * 1000)


UNITS: Final[Mapping[bytes, Callable[[int, float], Milliseconds]]] = {
    b"EX": _seconds_from_now,
    b"PX": _milliseconds_from_now,
    b"EXAT": _at_second,
    b"PXAT": _at_millisecond,
}
LIFE_OPTIONS: Final = dict.fromkeys(UNITS, Kind.INTEGER)
ONE_LIFE: Final = frozenset(UNITS)


def life_of(given: Mapping[bytes, Any], wall_seconds: float, command: str) -> Milliseconds | None:
    """The life that the options ask for; None when they ask for none. It may be over already: 0 or less.

    Raises:
        Refusal: a number that cannot be a life.
    """
    for unit in UNITS.keys() & given.keys():
        if given[unit] <= 0:
            raise Refusal(f"ERR invalid expire time in '{command}' command")
        return life(unit, given[unit], wall_seconds, command)
    return None


def life(unit: bytes, number: int, wall_seconds: float, command: str) -> Milliseconds:
    """Milliseconds from now; 0 or less: it is over.

    Raises:
        Refusal: more than 64 bits can say.
    """
    milliseconds = UNITS[unit](number, wall_seconds)
    if abs(milliseconds) > MAX_INTEGER:
        raise Refusal(f"ERR invalid expire time in '{command}' command")
    return milliseconds
