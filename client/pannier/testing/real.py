"""RealPannier: the real sidecar for tests, on a socket and ports of its own, for as long as it is used as a context."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Self

from pannier import aio
from pannier.client import Client
from pannier.errors import Unavailable
from pannier.testing.defaults import default_clients

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

__all__ = ["RealPannier"]

# `pannierd run` starts its command when the sidecar serves, and ends with it. This one says where, and then stays until
# its standard input is closed: by us, or by our end, however that comes.
_SAY_WHERE_AND_STAY = ("sh", "-c", 'echo "$PANNIER_URL"; exec cat >/dev/null')
_END_SECONDS = 20.0


class RealPannier:
    """A real sidecar, while it is used as a context. Needs the distribution `pannierd`.

    Attributes:
        url: Where it listens, once it serves.
    """

    def __init__(self, *settings: str) -> None:
        """Take settings as `pannierd serve --set` does, such as `namespaces.default.ttl_ms=1000`."""
        self._settings = settings
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    @staticmethod
    def is_installed() -> bool:
        """Whether there is a `pannierd` to start."""
        return bool(_pannierd())

    @contextmanager
    def default_clients(self, namespace: str) -> Iterator[None]:
        """Within this, the default clients, sync and async, use this sidecar and this namespace."""
        where = partial(Client, self.url, namespace=namespace), partial(aio.Client, self.url, namespace=namespace)
        with default_clients(*where):
            yield

    def __enter__(self) -> Self:
        """Start it, and wait until it serves.

        Raises:
            Unavailable: It is not installed, or does not start; what it said about that is on standard error.
        """
        if not (pannierd := _pannierd()):
            raise Unavailable("there is no pannierd to start: pip install pannierd")
        options = [word for setting in self._settings for word in ("--set", setting)]
        self._process = subprocess.Popen(  # noqa: S603 - the command is ours, the settings are the test's
            [*pannierd, "run", *options, "--", *_SAY_WHERE_AND_STAY],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl+C is for the tests, which then end it
        )
        self.url = self._process.stdout.readline().strip() if self._process.stdout else ""
        if not self.url:
            self._end()
            raise Unavailable("pannierd did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self._end()

    def _end(self) -> None:
        if self._process is not None:
            try:
                self._process.communicate(timeout=_END_SECONDS)
            finally:
                self._process.kill()
            self._process = None

    def __repr__(self) -> str:
        """Where it is."""
        return f"<RealPannier {self.url or 'not started'}>"


def _pannierd() -> Sequence[str]:
    """The command, beside this interpreter or on the path."""
    if importlib.util.find_spec("pannierd") is not None:
        return (sys.executable, "-m", "pannierd")
    found = shutil.which("pannierd")
    return (found,) if found else ()
