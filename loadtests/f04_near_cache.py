"""F4: hits of the near-cache in the application's process, while another process changes 100 of the keys every second.

Beside them redis-py's client-side cache, on the same sidecar and under the same changes (it asks for a newer server
than Debian's Redis). A pass reads each of 1,000 keys once, in a tight loop; what a change dropped is fetched again
within the pass, and its time counts. Every value tells of which change it is, so that after the run each read can be
judged: one that began more than 100 ms after a newer value was acknowledged is older than promise P10 allows.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import redis
import uvloop
from redis.cache import CacheConfig

import pannier
import pannier.aio
from changes import KEYS, Changes
from invalidator import key_of, value_of
from lane import Lane
from measurement import median
from readings import Readings
from report import Figure, Row, at_least, at_most, run
from servers import Sidecar, sidecar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    Pass = Callable[
        [], tuple[int, list[Any], int]
    ]  # nanoseconds when it began, what was read, nanoseconds when it ended

CHANGES_PER_SECOND: Final = 100
ALLOWED_MS: Final = 100
NUMBERS: Final = range(KEYS)
NAMES: Final = [key_of(number) for number in NUMBERS]
clock: Final = time.monotonic_ns


@dataclass(frozen=True)
class Reader:
    """One way to read, and how what it reads is changed: `set` to another value, or `invalidate`d."""

    what: str
    manner: str
    open: Callable[[ExitStack, Sidecar, Changes], Pass]
    change_of: Callable[[Any], int]
    least: int = 0  # reads per second that the figure asks for


def cached_bytes(stack: ExitStack, ours: Sidecar, _: Changes) -> Pass:
    get = stack.enter_context(pannier.Client(ours.url, near_cache=True)).cache("default").get
    return lambda: (clock(), [get(name) for name in NAMES], clock())


def client_side_cache(stack: ExitStack, ours: Sidecar, _: Changes) -> Pass:
    client = redis.Redis(unix_socket_path=str(ours.lane_socket), protocol=3, cache_config=CacheConfig())
    get = stack.enter_context(client).get
    return lambda: (clock(), [get(name) for name in NAMES], clock())


def decorated_bytes(stack: ExitStack, ours: Sidecar, changes: Changes) -> Pass:
    @pannier.cache(key="user:{number}", ttl=3600, client=stack.enter_context(pannier.Client(ours.url, near_cache=True)))
    def get_user(number: int) -> bytes:
        return value_of(changes.current[number])

    return lambda: (clock(), [get_user(number) for number in NUMBERS], clock())


def decorated_async_bytes(stack: ExitStack, ours: Sidecar, changes: Changes) -> Pass:
    client = pannier.aio.Client(ours.url, near_cache=True)

    @pannier.cache(key="user:{number}", ttl=3600, client=client)
    async def get_user(number: int) -> bytes:
        return value_of(changes.current[number])

    return _passes_of(stack, client, get_user)


def decorated_async_number(stack: ExitStack, ours: Sidecar, changes: Changes) -> Pass:
    client = pannier.aio.Client(ours.url, near_cache=True)

    @pannier.cache(key="user:{number}", ttl=3600, client=client)
    async def get_user(number: int) -> int:
        return changes.current[number]

    return _passes_of(stack, client, get_user)


def decorated_async_dict(stack: ExitStack, ours: Sidecar, changes: Changes) -> Pass:
    client = pannier.aio.Client(ours.url, near_cache=True)

    @pannier.cache(key="user:{number}", ttl=3600, client=client)
    async def get_user(number: int) -> dict[str, Any]:
        return {"change": changes.current[number], "name": "Ada", "email": "ada@example.org", "active": True}

    return _passes_of(stack, client, get_user)


def _passes_of(stack: ExitStack, client: pannier.aio.Client, get_user: Callable[[int], Awaitable[Any]]) -> Pass:
    """Passes of an async function. The loop turns once before each: an application that never lets it has no I/O."""
    runner = stack.enter_context(asyncio.Runner(loop_factory=uvloop.new_event_loop))
    stack.callback(lambda: runner.run(client.close()))

    async def read() -> tuple[int, list[Any], int]:
        began = clock()
        await asyncio.sleep(0)
        return began, [await get_user(number) for number in NUMBERS], clock()

    return lambda: runner.run(read())


def change_of_bytes(value: bytes) -> int:
    return int(value[:16])


READERS: Final = [
    Reader("client.cache().get, bytes", "set", cached_bytes, change_of_bytes, 1_000_000),
    Reader("decorated function, bytes", "invalidate", decorated_bytes, change_of_bytes, 1_000_000),
    Reader("decorated async function, bytes", "invalidate", decorated_async_bytes, change_of_bytes, 1_000_000),
    Reader("decorated async function, int", "invalidate", decorated_async_number, int, 1_000_000),
    Reader("decorated async function, dict", "invalidate", decorated_async_dict, itemgetter("change"), 400_000),
    Reader("redis-py client-side cache", "set", client_side_cache, change_of_bytes),
]


def measure(*, quick: bool) -> Figure:
    rounds, seconds = (1, 0.3) if quick else (7, 1.0)
    figure = Figure(__doc__)
    rates, lags = {}, {}
    with tempfile.TemporaryDirectory() as folder, sidecar(Path(folder)) as ours:
        for reader in READERS:
            rates[reader.what], lags[reader.what] = _watched(ours, reader, rounds, seconds)
    for reader in READERS:
        if reader.least:
            figure.targets.append(at_least(f"{reader.what}, reads/s", median(rates[reader.what]), reader.least))
        if reader.open is not client_side_cache:
            figure.targets.append(at_most(f"{reader.what}, worst lag, ms", lags[reader.what], ALLOWED_MS))
    figure.rows.append(Row(f"hits while {CHANGES_PER_SECOND} keys/s change", "reads/s", rates))
    figure.rows.append(
        Row("read after a newer value was acknowledged, at most", "ms", {side: [lag] for side, lag in lags.items()})
    )
    return figure


def _watched(ours: Sidecar, reader: Reader, rounds: int, seconds: float) -> tuple[list[float], float]:
    """The rates of the rounds, and the worst lag of a read in them."""
    with ExitStack() as stack:
        file = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "changes"
        changes, readings = Changes(file), Readings()
        _fill(ours, reader.manner)
        one_pass = reader.open(stack, ours, changes)
        one_pass()
        with _changing(ours.url, file, reader.manner):
            while not any(changes.current):
                one_pass()
            rates = [_round(one_pass, reader, readings, seconds) for _ in range(rounds)]
        return rates, readings.worst_lag_ms(changes.history())


def _fill(ours: Sidecar, manner: str) -> None:
    """Begin with nothing, or with values of no change where nobody loads them."""
    with Lane.connect(ours.lane_socket) as lane:
        lane.call("FLUSHDB")
    with pannier.Client(ours.url) as client:
        client.cache("default").set_many(dict.fromkeys(NAMES, value_of(0)) if manner == "set" else {})


def _round(one_pass: Pass, reader: Reader, readings: Readings, seconds: float) -> float:
    """Reads per second; what was read is noted outside of the time that counts."""
    until, spent, reads = clock() + seconds * 1e9, 0, 0
    while clock() < until:
        began, values, ended = one_pass()
        spent += ended - began
        reads += len(values)
        readings.note([reader.change_of(value) for value in values], began)
    return reads / spent * 1e9


@contextmanager
def _changing(url: str, file: Path, manner: str) -> Iterator[None]:
    script = Path(__file__).with_name("invalidator.py")
    command = [sys.executable, str(script), url, str(file), manner, str(CHANGES_PER_SECOND)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        try:
            yield
        finally:
            process.communicate()
    assert process.returncode == 0, command


if __name__ == "__main__":
    run(measure, __doc__)
