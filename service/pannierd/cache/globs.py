r"""Redis' glob patterns over keys: `*`, `?`, `[a-c]`, `[^a]`, and `\` before a character that is meant as itself.

A pattern is cut at its stars. The piece before the first star must begin the key and the piece after the last one must
end it; each piece between is found at the leftmost place after the one before it, and no other place is tried
(an atomic group): with globs a later place can never help. So no pattern makes a match slow.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

Matches = Callable[[bytes], bool]


@lru_cache(maxsize=1024)
def matcher(pattern: bytes) -> Matches:
    """A function that says whether a key matches the whole pattern."""
    first, *others = _pieces(pattern)
    if not others:
        whole = re.compile(b"".join(first), re.DOTALL)
        return lambda key: whole.fullmatch(key) is not None
    *between, last = others
    leftmost = b"".join(b"(?>.*?" + b"".join(piece) + b")" for piece in between if piece)
    head = re.compile(b"".join(first) + leftmost, re.DOTALL)
    tail = re.compile(b"".join(last), re.DOTALL)
    tail_length = len(last)

    def matches(key: bytes) -> bool:
        cut = len(key) - tail_length
        return cut >= 0 and head.match(key, 0, cut) is not None and tail.fullmatch(key, cut) is not None

    return matches


def _pieces(pattern: bytes) -> list[list[bytes]]:
    """The pattern cut at its stars; each piece a list of expressions that match one byte."""
    pieces: list[list[bytes]] = [[]]
    at = 0
    while at < len(pattern):
        byte = pattern[at : at + 1]
        if byte == b"*":
            pieces.append([])
            at += 1
        elif byte == b"?":
            pieces[-1].append(b".")
            at += 1
        elif byte == b"[":
            expression, at = _set(pattern, at + 1)
            pieces[-1].append(expression)
        else:
            at += byte == b"\\" and at + 1 < len(pattern)
            pieces[-1].append(re.escape(pattern[at : at + 1]))
            at += 1
    return pieces


def _set(pattern: bytes, at: int) -> tuple[bytes, int]:
    """The set that begins behind a `[`, and where it ends. Like Redis: an open set ends with the pattern."""
    negated = pattern[at : at + 1] == b"^"
    at += negated
    spans: list[tuple[int, int]] = []
    while at < len(pattern) and pattern[at : at + 1] != b"]":
        if pattern[at : at + 1] == b"\\" and at + 1 < len(pattern):
            spans.append((pattern[at + 1], pattern[at + 1]))
            at += 2
        elif pattern[at + 1 : at + 2] == b"-" and at + 2 < len(pattern):
            low, high = sorted((pattern[at], pattern[at + 2]))
            spans.append((low, high))
            at += 3
        else:
            spans.append((pattern[at], pattern[at]))
            at += 1
    if not spans:
        return b"." if negated else b"(?!)", at + 1
    return b"[" + b"^" * negated + b"".join(b"\\x%02x-\\x%02x" % span for span in spans) + b"]", at + 1
