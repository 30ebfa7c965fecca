"""Redis globs: `*`, `?`, `[a-z]`, `[^a]`, and a backslash before what is meant as it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["glob"]


def glob(pattern: bytes) -> re.Pattern[bytes]:
    """The pattern, for `fullmatch`."""
    return re.compile(b"".join(_parts(pattern)), re.DOTALL)


def _parts(pattern: bytes) -> Iterator[bytes]:
    for found in re.finditer(rb"\\(.)|\[(\^?)((?:\\.|[^\]\\]|\\\Z)*)\]?|(\*)|(\?)|(.)", pattern, re.DOTALL):
        escaped, negated, members, star, mark, plain = found.groups()
        if star:
            yield b".*"
        elif mark:
            yield b"."
        elif members is not None:
            yield _set(members, b"^" if negated else b"")
        else:
            yield re.escape(escaped or plain)


def _set(members: bytes, negation: bytes) -> bytes:
    ranges = []
    for first, last in re.findall(rb"(\\.|[^\\]|\\\Z)(?:-(\\.|[^\\]|\\\Z))?", members, re.DOTALL):
        ends = sorted((first[-1:], last[-1:] or first[-1:]))
        ranges.append(re.escape(ends[0]) + b"-" + re.escape(ends[1]))
    if not ranges:
        return b"." if negation else b"(?!)"
    return b"[" + negation + b"".join(ranges) + b"]"
