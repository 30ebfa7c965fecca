"""F7: an HTTP GET of a memory hit over 16 connections, beside the smallest aiohttp handler on uvloop, by wrk."""

from __future__ import annotations

import re
import subprocess
import tempfile
import urllib.request
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

from measurement import interleave, ratio
from report import Figure, Row, at_least, run
from servers import HOST, bare_handler, sidecar, version_of

CONNECTIONS: Final = 16
VALUE: Final = b"x" * 100
OURS: Final = "pannierd"
BARE: Final = "bare aiohttp handler"


class Load:
    """wrk against one address. Remembers the p99 of each run."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.p99_ms: list[float] = []

    def rate(self, seconds: int) -> float:
        """Requests per second; every answer must be a 200."""
        command = ["wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", f"{seconds}s", "--latency", self._url]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert "Non-2xx" not in printed, printed
        assert "Socket errors" not in printed, printed
        self.p99_ms.append(_milliseconds(_found(r"\n +99% +(\S+)", printed)))
        return float(_found(r"Requests/sec:\s+(\S+)", printed))


def measure(*, quick: bool) -> Figure:
    rounds, seconds = (1, 1) if quick else (9, 2)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ours = stack.enter_context(sidecar(folder))
        bare = stack.enter_context(bare_handler(folder))
        value = f"http://{HOST}:{ours.web_port}/v1/cache/default/user:1"
        _put(value)
        loads = {OURS: Load(value), BARE: Load(f"http://{HOST}:{bare}/value")}
        rates = interleave(rounds, {side: partial(load.rate, seconds) for side, load in loads.items()})
    return Figure(
        __doc__,
        rows=[
            Row(f"GET of {len(VALUE)} B, {CONNECTIONS} connections", "requests/s", rates),
            Row("p99, closed loop", "ms", {side: load.p99_ms for side, load in loads.items()}),
        ],
        targets=[at_least("ours to the bare handler's", ratio(rates[OURS], rates[BARE]), 0.7)],
        programs={"wrk": version_of("wrk", "--version").partition(" Copyright")[0]},
    )


def _put(url: str) -> None:
    headers = {"Content-Type": "application/octet-stream", "X-Cache-TTL-Ms": "3600000"}
    with urllib.request.urlopen(urllib.request.Request(url, VALUE, headers, method="PUT")):  # noqa: S310 - our own URL
        pass


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match, text
    return match[1]


def _milliseconds(text: str) -> float:
    """wrk's way to write a time: 830.00us, 1.21ms, 1.02s."""
    number, unit = _found(r"([\d.]+)", text), _found(r"([a-z]+)", text)
    return float(number) * {"us": 0.001, "ms": 1.0, "s": 1_000.0}[unit]


if __name__ == "__main__":
    run(measure, __doc__)
