r"""Replies in wire form, in both versions of the protocol. Pure: values in, bytes out.

What both versions write alike are plain functions and constants; what they write differently is asked of a `Dialect`,
of which a connection has one: `RESP2` until it says `HELLO 3`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

OK: Final = b"+OK\r\n"
PONG: Final = b"+PONG\r\n"
QUEUED: Final = b"+QUEUED\r\n"
ZERO: Final = b":0\r\n"
ONE: Final = b":1\r\n"
EMPTY_ARRAY: Final = b"*0\r\n"


class Status(str):
    """Text that is written as a simple string, inside a structure."""

    __slots__ = ()


def simple(text: str) -> bytes:
    """A simple string. The text holds no line end."""
    return f"+{text}\r\n".encode()


def error(text: str) -> bytes:
    """An error; the first word of the text is what clients act on. Line ends become spaces, as in Redis."""
    return b"-%b\r\n" % text.replace("\r", " ").replace("\n", " ").encode("utf-8", "backslashreplace")


def integer(number: int) -> bytes:
    """An integer."""
    return b":%d\r\n" % number


def bulk(value: bytes) -> bytes:
    """A string of any bytes."""
    return b"$%d\r\n%b\r\n" % (len(value), value)


def array(items: Sequence[bytes]) -> bytes:
    """An array of replies that are in wire form already."""
    return b"*%d\r\n%b" % (len(items), b"".join(items))


def strings(values: Sequence[bytes]) -> bytes:
    """An array of strings."""
    return array([bulk(value) for value in values])


def invalidation(keys: Iterable[bytes] | None) -> bytes:
    """The push that tells a tracking client which keys changed; None tells it to drop everything."""
    changed = b"_\r\n" if keys is None else strings(list(keys))
    return b">2\r\n$10\r\ninvalidate\r\n" + changed


class Dialect:
    """What the versions of the protocol write differently.

    Attributes:
        version: 2 or 3.
        null: no value.
        null_array: no array, the answer of a transaction that was not carried out.
    """

    def __init__(self, version: int) -> None:
        self.version = version
        self._is_new = version >= 3  # noqa: PLR2004 - the protocol's own version number
        self.null = b"_\r\n" if self._is_new else b"$-1\r\n"
        self.null_array = b"_\r\n" if self._is_new else b"*-1\r\n"
        self._set_sign = b"~" if self._is_new else b"*"
        self._encoders: dict[type, Callable[[Any], bytes]] = {
            type(None): lambda _: self.null,
            int: integer,
            bytes: bulk,
            str: lambda text: bulk(text.encode()),
            Status: simple,
            dict: self._encode_map,
            list: self._encode_list,
            frozenset: self._encode_set,
        }

    def text(self, text: str) -> bytes:
        """Text for people: a verbatim string, or an ordinary one."""
        value = text.encode()
        return b"=%d\r\ntxt:%b\r\n" % (len(value) + 4, value) if self._is_new else bulk(value)

    def optional(self, value: bytes | None) -> bytes:
        """A string, or null."""
        return self.null if value is None else bulk(value)

    def encode(self, value: Any) -> bytes:
        """A structure of dict, list, frozenset, int, str, bytes, Status and None."""
        return self._encoders[type(value)](value)

    def _encode_list(self, items: Sequence[Any]) -> bytes:
        return array([self.encode(item) for item in items])

    def _encode_set(self, items: frozenset[Any]) -> bytes:
        return self._set_sign + self._encode_list(sorted(items))[1:]

    def _encode_map(self, value: Mapping[Any, Any]) -> bytes:
        head = b"%%%d\r\n" % len(value) if self._is_new else b"*%d\r\n" % (2 * len(value))
        return head + b"".join(self.encode(key) + self.encode(item) for key, item in value.items())

    def __repr__(self) -> str:
        return f"<Dialect RESP{self.version}>"


RESP2: Final = Dialect(2)
RESP3: Final = Dialect(3)
DIALECTS: Final = {dialect.version: dialect for dialect in (RESP2, RESP3)}
