r"""Bytes to commands, without I/O. Every count and size is checked before anything is kept for it.

A command is an array of bulk strings (`*2\r\n$3\r\nGET\r\n$1\r\nk\r\n`) or an inline line (`GET k\r\n`), as the Redis
serialization protocol has it. There are two parsers with one meaning. Chunks that are *plain* (see `plain_chunks`),
which nearly all are, go to hiredis whole. Whatever else arrives (inline commands, commands that two chunks share,
large values) goes to `Commands`, which is exact about every byte and limit, and speaks Redis' own error texts.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal

import hiredis

if TYPE_CHECKING:
    from collections.abc import Callable

Command = list[bytes]
"""A name and its arguments; never empty."""

MAX_HEADER_BYTES: Final = 32
"""Of `*n` and `$n`; the largest sensible number has 10 digits."""

MAX_INLINE_BYTES: Final = 65_536
"""Of an inline command, as in Redis."""

STRANGER_ARGUMENTS: Final = 10
STRANGER_BYTES: Final = 16_384
"""What one command of a client that has not authenticated may have, as in Redis."""

BULK: Final = ord("$")
ARRAY: Final = ord("*")
TILDE, GREATER, BAR, PLUS, EQUALS, PAREN = b"~>|+=("


class ProtocolError(Exception):
    """The client breaks the protocol: it is told the text, and the connection is closed."""


def plain_chunks(max_arguments: int, max_bytes: int) -> Callable[[bytes], bool]:
    r"""A function that says whether a chunk, at a command's begin, is plain: may go to hiredis as it is.

    It may when it begins with an array, when nothing in it can make hiredis reserve memory, and when hiredis can take
    only strings for strings. It reserves memory for as many members as the header of an array, set, push or attribute
    says. An array of too many is looked for as `*` and as many digits as the limit has; the pattern begins with a
    literal and repeats a simple class because that is several times faster than `\*\d{5}`. The other three have no
    place in a command, nor have statuses, verbatim texts and big numbers, which hiredis hands out as it does strings.
    The signs of all these are looked for first as bytes, which costs next to nothing. A value that happens to look like
    any of them costs the exact parser's time, nothing else.
    """
    digits = min(len(str(max_arguments)), 5)
    too_many = re.compile(rb"\*" + b"[0-9]" * digits).search
    foreign = re.compile(rb"\n[~>|+=(]").search

    def is_plain(chunk: bytes) -> bool:
        if chunk[0] != ARRAY or len(chunk) > max_bytes or too_many(chunk):
            return False
        is_doubtful = (
            TILDE in chunk or GREATER in chunk or BAR in chunk or PLUS in chunk or EQUALS in chunk or PAREN in chunk
        )
        return not (is_doubtful and foreign(chunk))

    return is_plain


def cut_command(chunk: bytes, taken: int) -> bytes:
    """The unfinished command at the end of a chunk from which hiredis took so many whole ones; b"" if that is doubtful.

    It is sought at the last place that looks like a command's begin. When that is inside a value, as in `GET *1`, there
    are fewer whole commands in front of it, and perhaps the begin of one.
    """
    begin = chunk.rindex(b"\r\n*") + 2
    reader = hiredis.Reader()
    reader.feed(chunk[:begin])
    whole = 0
    while reader.gets() is not False:
        whole += 1
    return chunk[begin:] if whole == taken and not reader.has_data() else b""


class Commands:
    """The exact parser: chunks of any size in, whole commands out.

    It holds at most one unfinished command, within `max_bytes`, and what was fed behind it.
    """

    def __init__(self, max_arguments: int, max_bytes: int) -> None:
        self._max_arguments = max_arguments
        self._max_bytes = max_bytes
        self._buffer = bytearray()
        self._at = 0  # where in the buffer the next byte to read is
        self._searched = 0  # up to where an inline command's line end was looked for in vain
        # The unfinished command: what it has, how many more it needs (0: between commands), the length of the bulk
        # string that comes next (-1: its header comes next), and how many bytes its arguments may still have.
        self._arguments: Command = []
        self._missing = 0
        self._length = -1
        self._room = 0
        self.is_trusted = False  # set by the owner once the client has authenticated

    @property
    def is_idle(self) -> bool:
        """Between two commands, with nothing fed that was not taken."""
        return not self._missing and self._at == len(self._buffer)

    @property
    def held_bytes(self) -> int:
        """What was fed and not taken yet."""
        return len(self._buffer) - self._at

    def feed(self, chunk: bytes) -> None:
        """Add what arrived."""
        self._buffer += chunk

    def gets(self) -> Command | Literal[False]:
        """The next whole command; False when there is none yet (hiredis' way of saying so).

        Raises:
            ProtocolError: nothing more can be read from this client.
        """
        while self._missing or self._begin():
            if not self._finish_arguments():
                break
            if self._arguments:
                command, self._arguments = self._arguments, []
                return command
        del self._buffer[: self._at]
        self._at = 0
        return False

    def take_rest(self) -> bytes:
        """What was fed behind the last command that was taken. Only between two commands."""
        rest = bytes(memoryview(self._buffer)[self._at :])
        self._buffer.clear()
        self._at = 0
        return rest

    def skip(self, count: int) -> None:
        """Pass over commands that were carried out already, having been read by hiredis."""
        for _ in range(count):
            self.gets()

    def _begin(self) -> bool:
        """Read the begin of a command. True when there was a whole line."""
        if self._at == len(self._buffer):
            return False
        if self._buffer[self._at] != ARRAY:
            return self._read_inline()
        header = self._read_header("too big mbulk count string")
        if header is None:
            return False
        count = _number(header)
        if count is None or count > self._max_arguments:
            raise ProtocolError("invalid multibulk length")
        if count > STRANGER_ARGUMENTS and not self.is_trusted:
            raise ProtocolError("unauthenticated multibulk length")
        self._missing = max(count, 0)
        self._room = self._max_bytes if self.is_trusted else STRANGER_BYTES
        return True

    def _finish_arguments(self) -> bool:
        """Read arguments until the command is whole, or False for want of bytes."""
        while self._missing:
            if self._length < 0 and not self._read_length():
                return False
            end = self._at + self._length
            if len(self._buffer) < end + 2:
                return False
            self._arguments.append(bytes(memoryview(self._buffer)[self._at : end]))
            self._at = end + 2
            self._length = -1
            self._missing -= 1
        return True

    def _read_length(self) -> bool:
        """Read the header of a bulk string."""
        if self._at == len(self._buffer):
            return False
        if self._buffer[self._at] != BULK:
            raise ProtocolError(f"expected '$', got '{chr(self._buffer[self._at])}'")
        header = self._read_header("too big bulk count string")
        if header is None:
            return False
        length = _number(header)
        if length is None or not 0 <= length <= self._room:
            raise ProtocolError("invalid bulk length" if self.is_trusted else "unauthenticated bulk length")
        self._room -= length
        self._length = length
        return True

    def _read_header(self, too_long: str) -> bytes | None:
        """The text between the type byte and the line end; None when it is not whole yet."""
        end = self._buffer.find(b"\r\n", self._at, self._at + MAX_HEADER_BYTES)
        if end < 0:
            if self.held_bytes >= MAX_HEADER_BYTES:
                raise ProtocolError(too_long)
            return None
        header = bytes(self._buffer[self._at + 1 : end])
        self._at = end + 2
        return header

    def _read_inline(self) -> bool:
        """Read a command as a person types it. True when there was a whole line, which may be an empty one."""
        end = self._buffer.find(b"\n", max(self._at, self._searched))
        if end < 0:
            if self.held_bytes > MAX_INLINE_BYTES:
                raise ProtocolError("too big inline request")
            self._searched = len(self._buffer) - self._at
            return False
        self._searched = 0
        line = bytes(self._buffer[self._at : end])
        self._at = end + 1
        arguments = split_words(line)
        if arguments is None:
            raise ProtocolError("unbalanced quotes in request")
        self._arguments = arguments
        return True

    def __repr__(self) -> str:
        return f"<Commands {self.held_bytes} bytes held, {self._missing} arguments missing>"


_DIGITS = re.compile(rb"-?[1-9][0-9]{0,9}|0")


def _number(text: bytes) -> int | None:
    """A decimal number as Redis writes it (no sign +, no leading zero), or None."""
    return int(text) if _DIGITS.fullmatch(text) else None


# One word of an inline command: plain characters, then at most one quoted part, which must end the word.
_WORD = re.compile(
    rb"""\s*+([^\s"']*)(?:"((?:\\x[0-9a-fA-F]{2}|\\.|[^"\\])*+)"|'((?:\\'|[^'])*+)')?(?=\s|$)""", re.DOTALL
)
_ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"a": b"\a"}


def split_words(line: bytes) -> Command | None:
    r"""The words of an inline command; None when its quotes do not balance.

    As Redis' sdssplitargs: "double quotes" know `\n \r \t \b \a \xHH`, 'single quotes' know only `\'`.
    """
    words: Command = []
    line = line.strip()
    at = 0
    while at < len(line):
        found = _WORD.match(line, at)
        if found is None:
            return None
        plain, double, single = found.groups(default=b"")
        words.append(plain + _ESCAPE.sub(_unescape, double) + single.replace(rb"\'", b"'"))
        at = found.end()
    return words


def _unescape(found: re.Match[bytes]) -> bytes:
    hexadecimal, other = found.groups()
    if hexadecimal is not None:
        return bytes.fromhex(hexadecimal.decode())
    return _ESCAPED.get(other, other)
