"""A Unix socket's place in the file system: made private, taken over from a dead owner, removed at the end.

The folder must be ours or root's, or somebody else could put a socket of their own in our place. A socket file that
nobody answers on is a dead process's and is replaced; one that somebody answers on is left alone. The folder is locked
meanwhile, or two daemons that start together could each take the other's file for a dead one.
"""

from __future__ import annotations

import contextlib
import fcntl
import grp
import os
import socket
import stat
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

ROOT: Final = 0
FOLDER_MODE: Final = 0o700
PRIVATE: Final = 0o600
BACKLOG: Final = 4_096
ANSWER_SECONDS: Final = 1.0
"""How long the owner of a socket file may take to accept before it counts as stopped, which is not dead."""


class PlaceRefused(OSError):
    """The socket cannot be where it is to be. The text is complete: it names the file, the folder or the group."""


class SocketFile:
    """A listening Unix socket and its file.

    Args:
        path: of the file.
        mode: of the file.
        group: of the file; "" leaves it.
    """

    def __init__(self, path: Path, mode: int, group: str) -> None:
        self.path = path
        self._mode = mode
        self._group = group
        # Held open while the file is ours, so that nobody else's can get its inode's number.
        self._handle: int | None = None

    def bind(self) -> socket.socket:
        """The socket, listening.

        Raises:
            PlaceRefused: it is taken, foreign or unusable; the text says which.
            OSError: the system says no.
        """
        make_folder(self.path.parent, {os.geteuid(), ROOT})
        group = _group_id(self._group)
        with _locked(self.path.parent):
            _clear(self.path)
            listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            try:
                self._place(listening, group)
            except OSError:
                listening.close()
                raise
        return listening

    def remove(self) -> None:
        """Remove the file, if it is still ours. May be called twice."""
        if self._handle is None:
            return
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(self._handle), self.path.lstat()):
                self.path.unlink()
        os.close(self._handle)
        self._handle = None

    def _place(self, listening: socket.socket, group: int) -> None:
        # Nobody else may connect before mode and group are right, so the file is born private.
        os.fchmod(listening.fileno(), PRIVATE)
        try:
            listening.bind(str(self.path))
        except OSError as error:
            raise PlaceRefused(f"{self.path}: {error.strerror or error}") from error
        self._handle = os.open(self.path, os.O_PATH | os.O_NOFOLLOW)
        if group >= 0:
            os.chown(self.path, -1, group)
        self.path.chmod(self._mode)
        listening.listen(BACKLOG)

    def __repr__(self) -> str:
        return f"<SocketFile {self.path}>"


def make_folder(folder: Path, trusted: Collection[int]) -> None:
    """See that the folder is there, and belongs to one of these users.

    Raises:
        PlaceRefused: it is a stranger's.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=FOLDER_MODE)
    owner = folder.lstat().st_uid  # of the link, if it is one: whoever made it decides where it leads
    if owner not in trusted:
        raise PlaceRefused(f"{folder} belongs to user {owner}; the socket's folder must be your own")


def _clear(path: Path) -> None:
    """Remove the file of a dead process."""
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(kind):
        raise PlaceRefused(f"{path} is there, and is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(ANSWER_SECONDS)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except TimeoutError:
            pass
    raise PlaceRefused(f"{path}: another process answers there")


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _group_id(name: str) -> int:
    """-1 for no name: the group is left as it is."""
    if not name:
        return -1
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError as error:
        raise PlaceRefused(f"there is no group {name}") from error
