"""FakePannier: a sidecar in memory, for tests that decide about its time and its presence.

It listens on a Unix socket in a temporary folder and runs in a thread of its own, so that clients of every kind, in
this process and in others, meet it through the code that meets a real sidecar.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from pannier import aio
from pannier.client import Client
from pannier.errors import Misconfigured
from pannier.testing.defaults import default_clients
from pannier.testing.session import Lane, Session

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from pannier.testing.asked import Asked

__all__ = ["FakePannier"]

T = TypeVar("T")

_LONGER_THAN_ANY_PAUSE = 1.0  # seconds; clients that found nobody ask again after half of one at the latest


class FakePannier:
    """A sidecar in memory, while it is used as a context; meanwhile the default clients are clients of it.

    It behaves as a sidecar with the default configuration, with three differences that make tests repeatable: its time
    stands still until `advance`, it refreshes nothing ahead of its time, and it evicts nothing.
    """

    def __init__(self) -> None:
        """Prepare an empty cache; nobody listens yet."""
        # The fake's own thread, in which everything of these four happens.
        self._lane = Lane()
        self._server: asyncio.Server | None = None
        self._loop: asyncio.AbstractEventLoop
        self._thread: threading.Thread

        self._path = ""
        self._is_up = False
        # How much further the clocks of its clients are than the machine's.
        self._ahead = 0.0
        self._aio_clients: list[aio.Client] = []
        self._stack = ExitStack()

    @property
    def asked(self) -> list[Asked]:
        """What clients asked, in order. Clear it where a test begins to count."""
        return self._lane.asked

    @property
    def connections(self) -> int:
        """How many there are now."""
        return len(self._lane.sessions)

    @property
    def url(self) -> str:
        """Where it listens: for clients of other processes, as PANNIER_URL.

        Raises:
            Misconfigured: It is not used as a context.
        """
        if not self._path:
            raise Misconfigured("a FakePannier is used in a with statement")
        return f"unix://{self._path}"

    def clock(self) -> float:
        """The time of its clients: the machine's, and ahead of it by whatever the test made pass."""
        return time.monotonic() + self._ahead

    def client(self, **options: Any) -> Client:
        """Another client of the fake, with the options of `pannier.Client`. Its time is moved by `advance`, too."""
        return Client(self.url, clock=self.clock, **options)

    def aio_client(self, **options: Any) -> aio.Client:
        """Another client of the fake, with the options of `pannier.aio.Client`."""
        client = aio.Client(self.url, clock=self.clock, **options)
        self._aio_clients.append(client)
        return client

    def advance(self, seconds: float) -> None:
        """Let time pass. Values grow stale and die by it; time-outs of calls take no notice."""
        self._ahead += seconds
        self._do(lambda: self._grow_older(seconds))

    def down(self) -> None:
        """Go away, as a sidecar that is killed: connections break, nobody listens. May be called twice."""
        self._is_up = False
        self._do(self._stop_listening)

    def up(self) -> None:
        """Come back, with an empty cache, as a sidecar that was restarted. Clients find it with their next call."""
        if self._is_up:
            return
        self._do(self._lane.memory.clear)
        self._listen()
        self._ahead += _LONGER_THAN_ANY_PAUSE
        for client in self._aio_clients:
            client.sidecar.leave()

    def __enter__(self) -> Self:
        """Listen, and take the place of the default clients' sidecar."""
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="pannier-"))
            self._path = str(Path(folder) / "lane.sock")
            self._start()
            stack.callback(self._end)
            self._listen()
            stack.enter_context(default_clients(self.client, self.aio_client))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the default clients back, and end."""
        self._stack.close()

    def _grow_older(self, seconds: float) -> None:
        ended = [key for _, key in self._lane.memory.advance(seconds)]
        for session in self._lane.sessions if ended else ():
            session.push(ended)

    def _start(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="FakePannier", daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        listening = self._loop.create_unix_server(lambda: Session(self._lane), self._path)
        self._server = asyncio.run_coroutine_threadsafe(listening, self._loop).result()
        self._is_up = True

    def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
            Path(self._path).unlink(missing_ok=True)
        for session in list(self._lane.sessions):
            session.hang_up()

    def _end(self) -> None:
        self.down()
        self._do(lambda: None)  # the loop closes the sockets in its next turn
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Callable[[], T]) -> T:
        """Do it in the fake's thread, between two turns of its loop."""

        async def alone() -> T:
            return work()

        return asyncio.run_coroutine_threadsafe(alone(), self._loop).result()

    def __repr__(self) -> str:
        """Up or down, and what it holds."""
        return f"<FakePannier {'up' if self._is_up else 'down'}, {self._lane.memory!r}>"
