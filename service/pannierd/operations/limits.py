"""What callers may send: names of things, sizes, lives. One place says no, and why."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pannierd.config.names import MAX_CONTENT_TYPE, MAX_KEY_BYTES, MAX_TAG_BYTES, MAX_TAGS, NAMESPACE_PATTERN
from pannierd.errors import BadRequest, TooLarge

if TYPE_CHECKING:
    from collections.abc import Collection

    from pannierd.cache.write import Write

MAX_NAMESPACES: Final = 1_000
"""Namespaces of one tenant."""

NAMESPACE: Final = re.compile(NAMESPACE_PATTERN)


def check_key(key: bytes) -> None:
    """Raises BadRequest unless the key has 1 to 1,024 bytes."""
    if not 0 < len(key) <= MAX_KEY_BYTES:
        raise BadRequest(f"a key has 1 to {MAX_KEY_BYTES} bytes, this one has {len(key)}")


def check_namespace(name: str) -> None:
    """Raises BadRequest unless the name is well formed."""
    if not NAMESPACE.fullmatch(name):
        raise BadRequest("a namespace is 1 to 64 of the characters A-Z a-z 0-9 _ . : -")


def check_tags(tags: Collection[str]) -> None:
    """Raises BadRequest when a tag is empty or too long."""
    for tag in tags:
        if not 0 < len(tag.encode("utf-8", "surrogateescape")) <= MAX_TAG_BYTES:
            raise BadRequest(f"a tag has 1 to {MAX_TAG_BYTES} bytes")


def check_write(write: Write, max_value_bytes: int) -> None:
    """Everything about a write but its key.

    Raises:
        BadRequest: a tag or a life is out of range.
        TooLarge: the value is.
    """
    if len(write.value) > max_value_bytes:
        raise TooLarge(f"the value has {len(write.value)} bytes, and max_value_bytes is {max_value_bytes}")
    if (write.ttl_ms is not None and write.ttl_ms <= 0) or (write.stale_ms is not None and write.stale_ms < 0):
        raise BadRequest("a life is at least 1 ms and a stale time at least 0 ms")
    if len(write.tags) > MAX_TAGS:
        raise BadRequest(f"an entry has at most {MAX_TAGS} tags, this one has {len(write.tags)}")
    if len(write.content_type) > MAX_CONTENT_TYPE or not write.content_type.isprintable():
        raise BadRequest(f"a content type is at most {MAX_CONTENT_TYPE} printable characters")
    check_tags(write.tags)


def check_pattern(pattern: bytes) -> str:
    """The pattern as the engine's rules name it.

    Raises:
        BadRequest: it is empty or longer than a key can be.
    """
    if not 0 < len(pattern) <= MAX_KEY_BYTES:
        raise BadRequest(f"a pattern has 1 to {MAX_KEY_BYTES} bytes, this one has {len(pattern)}")
    return pattern.decode("utf-8", "surrogateescape")
