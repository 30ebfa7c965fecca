"""F15: an idle daemon's memory, the time until it is ready, and the processor time of an idle minute.

redis-server, with nothing in it either, is measured beside it for orientation. Ready means that the start-up probe says
yes (/startupz) and that Redis answers PING, both counted from the start of the process.
"""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from measurement import interleave, median
from report import Figure, Row, at_most, run
from servers import redis_server, sidecar, version_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from servers import Redis, Sidecar

    Server = Callable[[Path], AbstractContextManager[Redis | Sidecar]]

OURS: Final = "pannierd"
REDIS: Final = "redis-server"
SERVERS: Final[dict[str, Server]] = {OURS: sidecar, REDIS: redis_server}
MIB: Final = 1 << 20


def measure(*, quick: bool) -> Figure:
    starts, idle_seconds = (1, 1.0) if quick else (7, 40.0)
    ready = interleave(starts, {side: partial(_start, side) for side in SERVERS})
    with ExitStack() as stack:
        pids = {side: _server(stack, side).pid for side in SERVERS}
        before = {side: _cpu_seconds(pid) for side, pid in pids.items()}
        time.sleep(idle_seconds)
        busy = {side: [(_cpu_seconds(pid) - before[side]) / idle_seconds * 60_000] for side, pid in pids.items()}
        memory = {side: [_resident_bytes(pid) / MIB] for side, pid in pids.items()}
        workers = len(_children(pids[OURS]))
    return Figure(
        __doc__,
        rows=[
            Row("resident while idle", "MiB", memory),
            Row("from start to ready", "s", ready),
            Row("processor time of an idle minute", "ms", busy),
        ],
        targets=[
            at_most("resident while idle, MiB", memory[OURS][0], 90),
            at_most("from start to ready, s", median(ready[OURS]), 1.0),
            at_most("worker processes", workers, 0),
        ],
        programs={REDIS: version_of("redis-server", "--version")},
    )


def _start(side: str) -> float:
    with ExitStack() as stack:
        return _server(stack, side).started_in


def _server(stack: ExitStack, side: str) -> Redis | Sidecar:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    return stack.enter_context(SERVERS[side](folder))


def _cpu_seconds(pid: int) -> float:
    """Processor time so far, by all threads, in user and system mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _children(pid: int) -> list[str]:
    return [child for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]


if __name__ == "__main__":
    run(measure, __doc__)
