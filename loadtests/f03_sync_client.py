"""F3: one GET of the sync client over the Unix socket, beside redis-py on redis-server's Unix socket.

One call at a time, in short blocks of each client in turn; every call is timed. Both clients parse with hiredis.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from time import perf_counter_ns
from typing import TYPE_CHECKING, Final

import redis

import pannier
from measurement import interleave, median, percentile, ratio
from report import Figure, Row, at_most, run
from servers import redis_server, sidecar, version_of

if TYPE_CHECKING:
    from collections.abc import Callable

KEY: Final = "user:1"
VALUE: Final = b"x" * 100
BLOCK: Final = 500  # calls of one side before the other has its turn
OURS: Final = "pannier"
REDIS: Final = "redis-py"


class Timer:
    """Times calls of one side, and remembers all of them."""

    def __init__(self, get: Callable[[str], object]) -> None:
        self._get = get
        self.microseconds: list[float] = []

    def block(self, calls: int) -> float:
        """The median of some calls, in microseconds."""
        get, times = self._get, []
        for _ in range(calls):
            started = perf_counter_ns()
            value = get(KEY)
            times.append((perf_counter_ns() - started) / 1_000)
            assert value == VALUE
        self.microseconds += times
        return median(times)


def measure(*, quick: bool) -> Figure:
    blocks = 2 if quick else 150
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(redis_server(folder))
        ours = stack.enter_context(pannier.Client(stack.enter_context(sidecar(folder)).url)).cache("default")
        theirs = stack.enter_context(redis.Redis(unix_socket_path=str(server.socket_path)))
        ours.set(KEY, VALUE)
        theirs.set(KEY, VALUE)
        timers = {OURS: Timer(ours.get), REDIS: Timer(theirs.get)}
        medians = interleave(blocks, {side: partial(timer.block, BLOCK) for side, timer in timers.items()})
    tail = {side: [percentile(timer.microseconds, 0.99)] for side, timer in timers.items()}
    return Figure(
        __doc__,
        rows=[Row("one GET, median of a block", "µs", medians), Row("one GET, p99 of all", "µs", tail)],
        targets=[at_most("median, ours to redis-py's", ratio(medians[OURS], medians[REDIS]), 0.8)],
        programs={"redis-server": version_of("redis-server", "--version")},
    )


if __name__ == "__main__":
    run(measure, __doc__)
