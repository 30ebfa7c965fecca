"""A sidecar for one page: `pannierd serve` on free ports, with a socket and a data folder of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path

USUAL_PORTS = {"7480": "web_address", "7481": "lane_address", "7482": "diagnostics_address"}
STARTS_WITHIN_S = 20
ENDS_WITHIN_S = 20


class Sidecar:
    """Serves inside the with block.

    Attributes:
        ports: the port that stands in for each usual one.
        lane_url: of the Unix socket.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.ports = dict(zip(USUAL_PORTS, free_ports(len(USUAL_PORTS)), strict=True))
        self.lane_url = f"unix://{folder}/lane.sock"
        addresses = {knob: f"127.0.0.1:{self.ports[usual]}" for usual, knob in USUAL_PORTS.items()}
        settings = {**addresses, "lane_socket": f"{folder}/lane.sock", "data_dir": str(folder)}
        self._options = [word for key, value in settings.items() for word in ("--set", f"server.{key}={value}")]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        pannierd = [sys.executable, "-m", "pannierd"]
        self._process = subprocess.Popen([*pannierd, "serve", *self._options], stdout=subprocess.DEVNULL)
        try:
            wait = [*pannierd, "wait", "--max", f"{STARTS_WITHIN_S}s", *self._options]
            subprocess.run(wait, check=True, timeout=2 * STARTS_WITHIN_S)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(ENDS_WITHIN_S)


def free_ports(count: int) -> list[str]:
    """Ports that nobody listens on."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [str(listener.getsockname()[1]) for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports
