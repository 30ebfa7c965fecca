"""redis-benchmark, as it comes with Redis."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from daemon import Daemon


@pytest.mark.parametrize("pipeline", ["1", "16", "64"])
def test_redis_benchmark_runs_through(sidecar: Daemon, pipeline: str) -> None:
    host, port = sidecar.lane.split(":")
    command = ["redis-benchmark", "-h", host, "-p", port, "-t", "ping,set,get,incr,mset", "-P", pipeline]
    done = subprocess.run(
        [*command, "-n", "5000", "-r", "1000", "-c", "20", "-q", "--csv"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    tests = [line.split(",")[0].strip('"') for line in done.stdout.splitlines()[1:]]
    assert tests == ["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "MSET (10 keys)"]
    assert "rror" not in done.stdout + done.stderr
