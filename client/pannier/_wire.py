"""The words of the lane as this library speaks them: names, statuses, media types, limits, and how a command is packed.

The sidecar has the same words on its side; a contract test holds the two together.
"""

from __future__ import annotations

from typing import Final

from hiredis import pack_command

__all__ = [
    "BYTES",
    "JSON",
    "MAX_KEY_BYTES",
    "MAX_TAGS",
    "MAX_TAG_BYTES",
    "NOTHING",
    "PING",
    "TEXT",
    "Argument",
    "pack",
]

Argument = str | bytes | int

JSON: Final = b"application/json"
BYTES: Final = b"application/octet-stream"
TEXT: Final = b"text/plain; charset=utf-8"
NOTHING: Final = b"application/vnd.pannier.none"  # the value is empty and means None

MAX_KEY_BYTES: Final = 1_024
MAX_TAG_BYTES: Final = 256
MAX_TAGS: Final = 64


def pack(*arguments: Argument) -> bytes:
    """One command, ready to be sent."""
    packed: bytes = pack_command(arguments)  # type: ignore[arg-type]  # its stub knows one argument only
    return packed


PING: Final = pack("PING")
