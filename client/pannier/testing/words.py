"""The lane's words as the fake reads and writes them: options after the fixed arguments, and replies in RESP3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pannier.errors import BadRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pannier._commands import Fetched
    from pannier.errors import PannierError

__all__ = ["OK", "bulk", "invalidated", "read_options", "refused", "simple", "told"]

OK = b"+OK\r\n"
_NULL = b"_\r\n"

_COUNTED = -1
# How many words follow each option; a counted one says so itself.
_OPTIONS = {
    **dict.fromkeys((b"NS", b"WAIT", b"PX", b"STALE", b"LEASE", b"TYPE"), 1),
    **dict.fromkeys((b"NOLEASE", b"ALL", b"SOFT"), 0),
    **dict.fromkeys((b"KEYS", b"TAGS", b"PATTERNS"), _COUNTED),
}


def read_options(words: Sequence[bytes]) -> dict[bytes, Any]:
    """Options by name: a word, a list of words where they are counted, True where nothing follows.

    Raises:
        BadRequest: One is unknown or cut short.
    """
    found: dict[bytes, Any] = {}
    rest = iter(words)
    try:
        for word in rest:
            length = _OPTIONS[word]
            if length == _COUNTED:
                found[word] = [next(rest) for _ in range(int(next(rest)))]
            else:
                found[word] = next(rest) if length else True
    except (KeyError, ValueError, RuntimeError, StopIteration) as error:
        raise BadRequest(f"the fake does not understand {b' '.join(words)!r:.200}") from error
    return found


def simple(text: bytes) -> bytes:
    """A status."""
    return b"+%b\r\n" % text


def bulk(text: bytes | None) -> bytes:
    """Bytes, or nothing."""
    return _NULL if text is None else b"$%d\r\n%b\r\n" % (len(text), text)


def told(fetched: Fetched) -> bytes:
    """The answer to a fetch."""
    status, value, lease, ttl_ms, content_type = fetched
    return b"*5\r\n%b%b%b:%d\r\n%b" % (simple(status), bulk(value), bulk(lease), ttl_ms, bulk(content_type))


def invalidated(keys: Iterable[bytes] | None) -> bytes:
    """A push: these keys changed; none: anything may have."""
    named = list(map(bulk, keys)) if keys is not None else None
    listed = _NULL if named is None else b"*%d\r\n%b" % (len(named), b"".join(named))
    return b">2\r\n" + bulk(b"invalidate") + listed


def refused(error: PannierError) -> bytes:
    """An error."""
    return f"-{error.code.upper()} {error.detail}\r\n".encode()
