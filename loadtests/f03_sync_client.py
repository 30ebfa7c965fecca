"""F3: one GET of the sync client over the Unix socket, beside redis-py on redis-server's Unix socket.

One call at a time, in short blocks of each client in turn; every call is timed. Both clients parse with hiredis.

Client and server take turns in working, and a core that has to be woken costs several times what they do. Whether one
has to be is the scheduler's choice, and it changes from second to second. So both choices are made for it, and measured
apart: everything on one core, and the servers on the other.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack, contextmanager
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
    from collections.abc import Callable, Iterator

KEY: Final = "user:1"
VALUE: Final = b"x" * 100
BLOCK: Final = 500  # calls of one side before the other has its turn
OURS: Final = "pannier"
REDIS: Final = "redis-py"
CORES: Final = sorted(os.sched_getaffinity(0))
PLACES: Final = {"on one core": CORES[0], "servers on the other core": CORES[-1]}


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


@contextmanager
def settled(core: int, server_pids: list[int]) -> Iterator[None]:
    """This process on the first core, the servers on that one."""
    os.sched_setaffinity(0, CORES[:1])
    for pid in server_pids:
        os.sched_setaffinity(pid, [core])
    try:
        yield
    finally:
        for pid in (0, *server_pids):
            os.sched_setaffinity(pid, CORES)


def measure(*, quick: bool) -> Figure:
    blocks = 2 if quick else 100
    medians, rows = {}, []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server, daemon = stack.enter_context(redis_server(folder)), stack.enter_context(sidecar(folder))
        ours = stack.enter_context(pannier.Client(daemon.url)).cache("default")
        theirs = stack.enter_context(redis.Redis(unix_socket_path=str(server.socket_path)))
        ours.set(KEY, VALUE)
        theirs.set(KEY, VALUE)
        for place, core in PLACES.items():
            timers = {OURS: Timer(ours.get), REDIS: Timer(theirs.get)}
            with settled(core, [server.pid, daemon.pid]):
                medians[place] = interleave(blocks, {side: partial(t.block, BLOCK) for side, t in timers.items()})
            tail = {side: [percentile(timer.microseconds, 0.99)] for side, timer in timers.items()}
            rows += [
                Row(f"one GET, {place}, median of a block", "µs", medians[place]),
                Row(f"one GET, {place}, p99 of all", "µs", tail),
            ]
    targets = [
        at_most(f"median {place}, ours to redis-py's", ratio(sides[OURS], sides[REDIS]), 0.8)
        for place, sides in medians.items()
    ]
    return Figure(__doc__, rows, targets, programs={"redis-server": version_of("redis-server", "--version")})


if __name__ == "__main__":
    run(measure, __doc__)
