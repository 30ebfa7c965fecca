"""A line: one blocking connection to the sidecar, used by one thread at a time.

A call brings its deadline, and hands it along: to dialling, greeting and each read. It is the kernel that watches it
(SO_RCVTIMEO), because Python's own time-outs put a poll before every read.
"""

from __future__ import annotations

import os
import socket
import struct
from typing import TYPE_CHECKING, Any, NoReturn

from hiredis import ProtocolError, PushNotification, Reader, ReplyError

from pannier._commands import greeting, read_error
from pannier.errors import DeadlineExceeded, Disconnected, InternalError, PannierError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pannier._config import Endpoint, Settings

__all__ = ["Line", "dial"]

_BUFFER_BYTES = 32_768
_PIECE_BYTES = 32_768  # sent at once: the kernel waits for room with a new limit for each so many
_LEAST_SECONDS = 0.001  # for which a place is tried: with none at all, it would not be named for what it is
_UNFINISHED = object()


class Line:
    """One connection. After any exception it is closed, for nobody knows what would be read next."""

    def __init__(
        self,
        connection: socket.socket,
        clock: Callable[[], float],
        pushed: Callable[[Any], None] | None = None,
    ) -> None:
        """Use a connected socket.

        Args:
            connection: The socket; the line closes it.
            clock: Seconds.
            pushed: Called with the keys of an invalidation that the sidecar pushes, or None for all.
        """
        connection.setblocking(True)
        self._socket = connection
        self._clock = clock
        self._pushed = pushed
        # Seconds for which the kernel waits, at present.
        self._limit = 0.0
        self._buffer = bytearray(_BUFFER_BYTES)
        self._reader = Reader(notEnoughData=_UNFINISHED)
        # Bound once: looking them up costs as much as the work between two system calls.
        self._send = connection.sendall
        self._send_piece = connection.send
        self._receive = connection.recv_into
        self._feed = self._reader.feed
        self._next = self._reader.gets

    def ask(self, command: bytes, deadline: float) -> Any:
        """One command, one reply; an error reply is returned, not raised. Hot: F3 guards it.

        Raises:
            DeadlineExceeded: No whole reply until then, by the clock; to within a tenth of the time that was left.
            Unavailable: The connection broke.
        """
        try:
            self._allow(deadline)
            if len(command) > _PIECE_BYTES:
                self._send_in_pieces(command, deadline)
            else:  # there is room for it: nothing is on its way
                self._send(command)
            self._take(self._receive(self._buffer))
            return self._read(deadline)
        except BaseException as error:  # noqa: BLE001 - raised again
            self._fail(error)

    def ask_many(self, commands: Sequence[bytes], deadline: float) -> list[Any]:
        """Many commands in one write, their replies in order; error replies among them. Raises as `ask` does."""
        try:
            self._send_in_pieces(b"".join(commands), deadline)
            return [self._read(deadline) for _ in commands]
        except BaseException as error:  # noqa: BLE001 - raised again
            self._fail(error)

    def drain(self) -> bool:
        """Take in what was pushed, without waiting; whether anything came. Raises as `ask` does."""
        heard = False
        try:
            while True:
                while (reply := self._next()) is not _UNFINISHED:  # some came with the last reply
                    self._take_push(reply)
                self._take(self._receive(self._buffer, 0, socket.MSG_DONTWAIT))
                heard = True
        except BlockingIOError:
            return heard
        except BaseException as error:  # noqa: BLE001 - raised again
            self._fail(error)

    def close(self) -> None:
        """Hang up. The sidecar gives the leases of this line to others."""
        self._socket.close()

    def _allow(self, deadline: float) -> None:
        """Let the kernel wait for as long as there is time left."""
        left = deadline - self._clock()
        if 0.9 * self._limit < left < 1.1 * self._limit:
            return
        if left <= 0:
            raise TimeoutError
        limit = struct.pack("@ll", *divmod(max(1, int(left * 1_000_000)), 1_000_000))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        self._limit = left

    def _send_in_pieces(self, command: bytes, deadline: float) -> None:
        """For what may have to wait until it is read; the time that is left then is the reply's."""
        rest = memoryview(command)
        while rest:
            self._allow(deadline)
            rest = rest[self._send_piece(rest[:_PIECE_BYTES]) :]
        self._allow(deadline)

    def _read(self, deadline: float) -> Any:
        while True:
            reply = self._next()
            if reply is _UNFINISHED:
                self._allow(deadline)
                self._take(self._receive(self._buffer))
            elif type(reply) is PushNotification:
                self._take_push(reply)
            else:
                return reply

    def _take(self, count: int) -> None:
        if not count:
            raise ConnectionResetError("the sidecar hung up")
        self._feed(self._buffer, 0, count)  # type: ignore[arg-type]  # its stub forgets buffers

    def _take_push(self, push: Any) -> None:
        if type(push) is not PushNotification:
            raise InternalError(f"the sidecar answered what was not asked: {push!r:.80}")
        if self._pushed and push[0] == b"invalidate":
            self._pushed(push[1])

    def _fail(self, error: BaseException) -> NoReturn:
        """Hang up, and raise what happened in this library's words."""
        self.close()
        if isinstance(error, (BlockingIOError, TimeoutError)):
            raise DeadlineExceeded(f"no answer within {self._limit:.2g} s") from error
        if isinstance(error, OSError):
            raise Disconnected(f"the connection to the sidecar broke: {error}") from error
        if isinstance(error, ProtocolError):
            raise Unavailable(f"what answers is no sidecar: {error}") from error
        raise error


def dial(
    settings: Settings, clock: Callable[[], float], deadline: float, pushed: Callable[[Any], None] | None = None
) -> Line:
    """Connect to the first place where a sidecar answers, and say who we are; with `pushed`, ask for pushes, too.

    Raises:
        Unavailable: None answers; the error names what was tried.
        DeadlineExceeded: One takes the connection, and no notice of what is said on it.
        PannierError: It does not want us.
    """
    tried = []
    for endpoint in settings.endpoints:
        try:
            line = Line(_connected(endpoint, max(deadline - clock(), _LEAST_SECONDS)), clock, pushed)
        except OSError as error:
            tried.append(f"{endpoint} ({error.strerror or error})")
        else:
            try:
                _greet(line, settings, deadline, tracking=pushed is not None)
            except DeadlineExceeded as error:
                tried.append(f"{endpoint} (it takes no notice)")
                raise DeadlineExceeded(f"no answer within {settings.timeout:g} s: tried {', '.join(tried)}") from error
            return line
    raise Unavailable(f"no sidecar: tried {', '.join(tried)}")


def _greet(line: Line, settings: Settings, deadline: float, *, tracking: bool) -> None:
    try:
        for reply in line.ask_many(greeting(settings, tracking=tracking), deadline):
            if isinstance(reply, ReplyError):
                raise read_error(reply)
    except PannierError:
        line.close()
        raise


def _connected(endpoint: Endpoint, timeout: float) -> socket.socket:
    if refusal := endpoint.refusal(os.getuid()):
        raise PermissionError(1, refusal)
    if not endpoint.path:
        connection = socket.create_connection((endpoint.host, endpoint.port), timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout)
        connection.connect(endpoint.path)
    except BaseException:
        connection.close()
        raise
    return connection
