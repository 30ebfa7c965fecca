"""A line: one blocking connection to the sidecar, used by one thread at a time.

Time-outs are the kernel's (SO_RCVTIMEO), because Python's own put a poll before every read.
"""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Any

from hiredis import ProtocolError, PushNotification, Reader, ReplyError

from pannier._commands import greeting, read_error
from pannier.errors import DeadlineExceeded, Disconnected, InternalError, PannierError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pannier._config import Endpoint, Settings

__all__ = ["Line", "dial"]

_BUFFER_BYTES = 32_768
_UNFINISHED = object()


class Line:
    """One connection. After any exception it is closed, for nobody knows what would be read next."""

    def __init__(
        self,
        connection: socket.socket,
        timeout: float,
        clock: Callable[[], float],
        pushed: Callable[[Any], None] | None = None,
    ) -> None:
        """Use a connected socket.

        Args:
            connection: The socket; the line closes it.
            timeout: Seconds that any one exchange may take.
            clock: Seconds.
            pushed: Called with the keys of an invalidation that the sidecar pushes, or None for all.
        """
        seconds, fraction = divmod(timeout, 1)
        limit = struct.pack("@ll", int(seconds), round(fraction * 1_000_000))
        connection.setblocking(True)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        self._socket = connection
        self._timeout = timeout
        self._clock = clock
        self._pushed = pushed
        self._buffer = bytearray(_BUFFER_BYTES)
        self._reader = Reader(notEnoughData=_UNFINISHED)
        # Bound once: looking them up costs as much as the work between two system calls.
        self._send = connection.sendall
        self._receive = connection.recv_into
        self._feed = self._reader.feed
        self._next = self._reader.gets

    def ask(self, command: bytes) -> Any:
        """One command, one reply; an error reply is returned, not raised. Hot: F3 guards it.

        Raises:
            DeadlineExceeded: No whole reply within the timeout.
            Unavailable: The connection broke.
        """
        deadline = self._clock() + self._timeout
        try:
            self._send(command)
            return self._read(deadline)
        except BaseException as error:
            self.close()
            raise self._explained(error) from error

    def ask_many(self, commands: Sequence[bytes]) -> list[Any]:
        """Many commands in one write, their replies in order; error replies among them. Raises as `ask` does."""
        deadline = self._clock() + self._timeout
        try:
            self._send(b"".join(commands))
            return [self._read(deadline) for _ in commands]
        except BaseException as error:
            self.close()
            raise self._explained(error) from error

    def drain(self) -> bool:
        """Take in what was pushed, without waiting; whether anything came. Raises as `ask` does."""
        heard = False
        try:
            while True:
                count = self._receive(self._buffer, 0, socket.MSG_DONTWAIT)
                self._take(count)
                heard = True
                while (reply := self._next()) is not _UNFINISHED:
                    self._take_push(reply)
        except BlockingIOError:
            return heard
        except BaseException as error:
            self.close()
            raise self._explained(error) from error

    def close(self) -> None:
        """Hang up. The sidecar gives the leases of this line to others."""
        self._socket.close()

    def _read(self, deadline: float) -> Any:
        reply = self._next()
        while reply is _UNFINISHED or type(reply) is PushNotification:
            if reply is not _UNFINISHED:
                self._take_push(reply)
                reply = self._next()
                continue
            self._take(self._receive(self._buffer))
            reply = self._next()
            if reply is _UNFINISHED and self._clock() > deadline:
                raise TimeoutError
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

    def _explained(self, error: BaseException) -> BaseException:
        if isinstance(error, (BlockingIOError, TimeoutError)):
            return DeadlineExceeded(f"no answer within {self._timeout:g} s")
        if isinstance(error, OSError):
            return Disconnected(f"the connection to the sidecar broke: {error}")
        if isinstance(error, ProtocolError):
            return Unavailable(f"what answers is no sidecar: {error}")
        return error


def dial(settings: Settings, clock: Callable[[], float], pushed: Callable[[Any], None] | None = None) -> Line:
    """Connect to the first place where a sidecar answers, and say who we are; with `pushed`, ask for pushes, too.

    Raises:
        Unavailable: None answers; the error names what was tried.
        DeadlineExceeded: One takes the connection, and no notice of what is said on it.
        PannierError: It does not want us.
    """
    tried = []
    for endpoint in settings.endpoints:
        try:
            line = Line(_connected(endpoint, settings.timeout), settings.timeout, clock, pushed)
        except OSError as error:
            tried.append(f"{endpoint} ({error.strerror or error})")
        else:
            _greet(line, settings, tracking=pushed is not None)
            return line
    raise Unavailable(f"no sidecar: tried {', '.join(tried)}")


def _greet(line: Line, settings: Settings, *, tracking: bool) -> None:
    try:
        for reply in line.ask_many(greeting(settings, tracking=tracking)):
            if isinstance(reply, ReplyError):
                raise read_error(reply)
    except PannierError:
        line.close()
        raise


def _connected(endpoint: Endpoint, timeout: float) -> socket.socket:
    if refusal := endpoint.refusal():
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
