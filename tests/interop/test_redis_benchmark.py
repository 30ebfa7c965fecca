"""redis-benchmark, as it comes with Redis."""

from __future__ import annotations

import csv
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from daemon import Daemon

SECONDS = 60
TESTS = ["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "MSET (10 keys)"]


@pytest.fixture(params=["tcp", "socket"])
def door(request: pytest.FixtureRequest, sidecar: Daemon) -> list[str]:
    """Options that lead to the sidecar."""
    host, _, port = sidecar.lane.rpartition(":")
    return ["-h", host, "-p", port] if request.param == "tcp" else ["-s", str(sidecar.socket)]


def redis_benchmark(*options: str) -> dict[str, float]:
    """Requests a second, by test. It ends with an error at the first answer that is one."""
    command = ["redis-benchmark", *options, "-t", "ping,set,get,incr,mset", "-n", "5000", "-r", "1000", "-q", "--csv"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True)
    assert "rror" not in done.stdout + done.stderr
    return {row["test"]: float(row["rps"]) for row in csv.DictReader(done.stdout.splitlines())}


@pytest.mark.parametrize("pipeline", ["1", "16", "64"])
def test_redis_benchmark_runs_through(door: list[str], pipeline: str) -> None:
    rates = redis_benchmark(*door, "-c", "20", "-P", pipeline)
    assert list(rates) == TESTS
    assert min(rates.values()) > 0


def test_it_speaks_the_third_protocol_with_a_password(guarded: Daemon, token: str) -> None:
    assert list(redis_benchmark("-s", str(guarded.socket), "-3", "-a", token)) == TESTS
