"""A token file: one token a line, read again when it changes, kept as hashes only."""

from __future__ import annotations

import hashlib
import os
import stat
from typing import TYPE_CHECKING, Final

from pannierd.config.mistakes import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["TokenFile", "token_hash"]

MAX_FILE_BYTES: Final = 65_536  # a token file is a few lines; this keeps a wrong path (a log, a device) out of memory
PRINTABLE: Final = frozenset(range(0x21, 0x7F))
MIN_TOKEN_BYTES: Final = 16  # fewer can be guessed; it is taken all the same
BY_OTHERS: Final = stat.S_IROTH | stat.S_IWOTH

Signature = tuple[int, int, int]  # mtime in ns, size, inode: some writers write in place, others rename a new file


def token_hash(token: bytes) -> bytes:
    """What is kept of a token. Comparing hashes makes every comparison equally long, whatever the token's length."""
    return hashlib.sha256(token).digest()


class TokenFile:
    """The tokens of one tenant. A change that cannot serve leaves the former tokens valid and says so in `refused`."""

    __slots__ = ("_signature", "doubts", "hashes", "path", "refused")

    def __init__(self, path: Path) -> None:
        self.path = path
        self.hashes: tuple[bytes, ...] = ()  # in the order of the file
        self.refused = ""  # why the file as it is now does not serve; "" when it does
        self.doubts: tuple[str, ...] = ()  # what is unsafe about the file that serves
        self._signature: Signature | None = None  # of what `hashes` or `refused` came from
        self.look(force=True)

    def look(self, *, force: bool = False) -> bool:
        """Read the file if it changed since the last look; True when it was read or has gone."""
        signature = self._sign()
        if signature == self._signature and not force:
            return False
        self._signature = signature
        try:
            self.hashes, self.doubts = _read(self.path)
            self.refused = ""
        except ConfigError as error:
            self.refused = str(error)
        return True

    def _sign(self) -> Signature | None:
        try:
            status = self.path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino

    def __repr__(self) -> str:
        return f"<TokenFile {self.path} {len(self.hashes)} tokens>"


def _read(path: Path) -> tuple[tuple[bytes, ...], tuple[str, ...]]:
    """The hashes of the tokens, and what is unsafe."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    if len(content) > MAX_FILE_BYTES:
        raise ConfigError(f"{path}: over {MAX_FILE_BYTES} bytes, this is no token file")
    lines = [(number, line.strip()) for number, line in enumerate(content.splitlines(), start=1)]
    tokens = [(number, line) for number, line in lines if line and not line.startswith(b"#")]
    if not tokens:
        raise ConfigError(f"{path}: no token in it; one token a line is expected")
    for number, token in tokens:
        if not PRINTABLE.issuperset(token):
            raise ConfigError(f"{path}:{number}: a token is printable ASCII without spaces")
    return tuple(token_hash(token) for _, token in tokens), tuple(_doubts(path, mode, tokens))


def _doubts(path: Path, mode: int, tokens: list[tuple[int, bytes]]) -> Iterator[str]:
    if mode & BY_OTHERS:
        yield f"{path}: its mode is {stat.S_IMODE(mode):04o}, so every user of this host can get at it: chmod o= {path}"
    for number, token in tokens:
        if len(token) < MIN_TOKEN_BYTES:
            yield f"{path}:{number}: a token of under {MIN_TOKEN_BYTES} characters can be guessed"
