"""The request target: from the bytes on the wire to segments, each percent-decoded exactly once.

A key may be any bytes, so nothing on the way may decode, normalise or rewrite it: `%FF` and `%25FF` are two keys, and
`a/b` within a key is written `a%2Fb`.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from pannierd.errors import BadRequest

__all__ = ["Target", "decode", "decode_key", "decode_name"]

BROKEN_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
ABSOLUTE_FORM: Final = re.compile(r"https?://([^/?#]*)", re.IGNORECASE)

DOT_SEGMENTS: Final = frozenset({b".", b".."})


class Target(NamedTuple):
    """A request target in its parts, none of them decoded."""

    authority: str | None  # only of an absolute-form target, where it overrules the Host header (RFC 9112, 3.2.2)
    path: str
    query: str

    @classmethod
    def of(cls, raw: str) -> Target:
        """Take a target apart.

        Raises:
            BadRequest: it is neither origin-form nor absolute-form, or has a fragment, which has no place on the wire.
        """
        authority = None
        if not raw.startswith("/"):
            absolute = ABSOLUTE_FORM.match(raw)
            if absolute is None:
                raise BadRequest("the request target must begin with a slash")
            authority = absolute[1]
            raw = raw[absolute.end() :] or "/"
        if "#" in raw:
            raise BadRequest("the request target holds a '#': within a key it is written %23")
        path, _, query = raw.partition("?")
        return cls(authority, path, query)


def decode(segment: str) -> bytes:
    """Undo percent-encoding, once.

    Raises:
        BadRequest: a % without two hexadecimal digits after it.
    """
    if "%" not in segment:
        return segment.encode("utf-8", "surrogateescape")
    if BROKEN_ESCAPE.search(segment):
        raise BadRequest("a '%' in the path must be followed by two hexadecimal digits; the character itself is %25")
    return unquote_to_bytes(segment.encode("utf-8", "surrogateescape"))


def decode_key(segment: str) -> bytes:
    """The key that a path segment stands for; how long it may be is for the operations to say.

    Raises:
        BadRequest: it is badly escaped, or one of the segments that URL libraries rewrite.
    """
    key = decode(segment)
    if key in DOT_SEGMENTS:
        raise BadRequest("URL libraries rewrite the keys '.' and '..': send them through POST /v1/cache:batch")
    return key


def decode_name(segment: str) -> str:
    """The name that a path segment stands for; bytes that are not UTF-8 become U+FFFD, which no name may hold."""
    return segment if "%" not in segment and segment.isascii() else decode(segment).decode("utf-8", "replace")
