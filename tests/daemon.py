"""A real `pannierd` in a process of its own, on free ports and its own socket. It says when it serves: no polling."""

from __future__ import annotations

import http.client
import json
import os
import select
import socket
import subprocess
import sys
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from signal import Signals

PATIENCE_S = 20.0
"""Longer than anything here takes; what is not there by then does not come."""


def environment(**variables: str) -> dict[str, str]:
    """The test's environment without what would configure a sidecar or its clients."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PANNIER", "XDG_"))}
    return {**kept, **variables}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pannierd", *arguments]


def pannierd(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """One command, run to its end."""
    return subprocess.run(
        command(*arguments),
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


@contextmanager
def running(*arguments: str, **streams: Any) -> Iterator[subprocess.Popen[str]]:
    """One command while it runs; ended at the latest when the context is left."""
    with subprocess.Popen(command(*arguments), env=environment(), text=True, **streams) as process:
        try:
            yield process
        finally:
            process.kill()


class Daemon:
    """`pannierd serve`. Used as a context, which ends it at the latest when that is left.

    Attributes:
        logged: the log entries read so far.
        socket: the path of the lane's Unix socket.
    """

    def __init__(
        self, folder: Path, *settings: str, config: Path | None = None, variables: Mapping[str, str] | None = None
    ) -> None:
        self.socket = folder / "lane.sock"
        self.logged: list[dict[str, Any]] = []
        presets = (
            f"server.lane_socket={self.socket}",
            *(f"server.{name}_address=127.0.0.1:0" for name in ("web", "lane", "diagnostics")),
        )
        options = [option for setting in (*presets, *settings) for option in ("--set", setting)]
        if config is not None:
            options += ["--config", str(config)]
        self.process = subprocess.Popen(
            command("serve", *options),
            env=environment(**(variables or {})),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._lines = self._read_lines()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    @property
    def listeners(self) -> dict[str, str]:
        return next(entry for entry in self.logged if entry["event"] == "serving")

    @property
    def web(self) -> str:
        return self.listeners["web_address"]

    @property
    def lane(self) -> str:
        return self.listeners["lane_address"]

    @property
    def diagnostics(self) -> str:
        return self.listeners["diagnostics_address"]

    def until(self, event: str) -> dict[str, Any]:
        """Wait for a log entry; fails when the daemon ends or says nothing for too long."""
        for line in self._lines:
            entry: dict[str, Any] = json.loads(line)
            self.logged.append(entry)
            if entry["event"] == event:
                return entry
        message = f"no {event!r} in the log; code {self.process.poll()}"
        raise AssertionError(message)

    def send(self, number: Signals) -> None:
        self.process.send_signal(number)

    def ended(self) -> int:
        """Wait for the end; returns the exit code. What was left in the log is read."""
        for line in self._lines:
            self.logged.append(json.loads(line))
        return self.process.wait(PATIENCE_S)

    def stderr(self) -> str:
        assert self.process.stderr is not None
        return self.process.stderr.read()

    def status(self) -> dict[str, Any]:
        _, body = ask(self.web, "GET", "/v1/status")
        found: dict[str, Any] = json.loads(body)
        return found

    def _read_lines(self) -> Iterator[str]:
        """Lines of the log until it ends. Bytes are read past Python's buffer, so that waiting can be bounded."""
        assert self.process.stdout is not None
        handle, rest = self.process.stdout.fileno(), b""
        while select.select([handle], [], [], PATIENCE_S)[0]:
            chunk = os.read(handle, 65_536)
            *lines, rest = (rest + chunk).split(b"\n")
            yield from (line.decode() for line in lines)
            if not chunk:
                return


@contextmanager
def serving(folder: Path, *settings: str, **options: Any) -> Iterator[Daemon]:
    """A daemon that serves."""
    with Daemon(folder, *settings, **options) as daemon:
        daemon.until("serving")
        yield daemon


def ask(
    address: str, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> tuple[int, bytes]:
    """One HTTP request on a connection of its own."""
    with closing(http.client.HTTPConnection(address, timeout=PATIENCE_S)) as connection:
        connection.request(method, path, body=body, headers=dict(headers or {}))
        response = connection.getresponse()
        return response.status, response.read()


def lane_call(path: Path, *arguments: str) -> bytes:
    """One lane command on a connection of its own; the first bytes of the answer."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE_S)
        connection.connect(str(path))
        connection.sendall(encode(arguments))
        return connection.recv(65_536)


def encode(arguments: Sequence[str]) -> bytes:
    """A command as Redis clients send it."""
    parts = [argument.encode() for argument in arguments]
    return b"".join([b"*%d\r\n" % len(parts), *(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)])
