"""F1: the lane's GET of a 100 B value from memory, beside redis-server and twemproxy, by redis-benchmark.

The sidecar walks its full path: a tenant with a token, values with tags and lives, metrics. Twemproxy stands in front
of that same redis-server. Every key is there before the first round, and that every GET was a hit is checked.
"""

from __future__ import annotations

import csv
import subprocess
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lane import Lane
from measurement import interleave, median, ratio
from report import Figure, Row, Target, at_least, run
from servers import HOST, Sidecar, nutcracker, redis_server, sidecar, version_of

if TYPE_CHECKING:
    from collections.abc import Iterator

KEYS: Final = 100_000
VALUE: Final = b"x" * 100
CONNECTIONS: Final = 50
WRITERS: Final = 5
DEPTHS: Final = (1, 16, 64)
TOKEN: Final = "a-token-for-the-benchmark"  # noqa: S105 - opens a sidecar that lives for a minute on loopback
OURS: Final = "pannierd"
REDIS: Final = "redis-server"
PROXY: Final = "nutcracker"


@dataclass(frozen=True)
class Effort:
    """How much is measured."""

    rounds: int
    seconds: float  # of one side in one round
    first_guess: int  # requests of the run that finds out how many fit


@dataclass(frozen=True)
class Bench:
    """redis-benchmark against one side."""

    port: int
    password: str = ""

    def command(self, test: str, depth: int, connections: int) -> list[str]:
        password = ["-a", self.password] if self.password else []
        shape = ["-c", str(connections), "-r", str(KEYS), "-d", str(len(VALUE)), "-P", str(depth)]
        return ["redis-benchmark", "-h", HOST, "-p", str(self.port), *password, "-t", test, *shape]

    def rate(self, test: str, depth: int, requests: int) -> float:
        """Requests per second."""
        command = [*self.command(test, depth, CONNECTIONS), "-n", str(requests), "--csv"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        rows = list(csv.reader(line for line in done.stdout.splitlines() if line.startswith('"')))
        return float(rows[-1][1])

    def rate_beside_writers(self, depth: int, requests: int) -> float:
        """GETs per second while further connections do nothing but SET."""
        writing = [*self.command("set", depth, WRITERS), "-l", "-q"]
        with subprocess.Popen(writing, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as writers:
            try:
                return self.rate("get", depth, requests)
            finally:
                writers.kill()


def measure(*, quick: bool) -> Figure:
    effort = Effort(1, 0.05, 2_000) if quick else Effort(5, 0.8, 20_000)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ours = stack.enter_context(sidecar(folder, {**_tenant(folder), "namespaces.default.ttl_ms": "3600000"}))
        redis = stack.enter_context(redis_server(folder))
        proxy = stack.enter_context(nutcracker(folder, redis.port))
        _preload(ours, redis.port)
        sides = {OURS: Bench(ours.lane_port, TOKEN), REDIS: Bench(redis.port), PROXY: Bench(proxy)}
        gets = {depth: _rounds(sides, "get", depth, effort) for depth in DEPTHS}
        notes = [_hits(ours)]
        others = list(_for_information(sides, effort))
    rows = [Row(f"GET, pipeline {depth}", "requests/s", rates) for depth, rates in gets.items()]
    return Figure(__doc__, [*rows, *others], _targets(gets), notes, _programs())


def _tenant(folder: Path) -> dict[str, str]:
    tokens = folder / "bench.token"
    tokens.write_text(TOKEN + "\n")
    tokens.chmod(0o600)
    return {"tenants.bench.token_file": str(tokens)}


def _preload(ours: Sidecar, redis_port: int) -> None:
    """Every key that redis-benchmark may ask for; ours with tags, so that they are there to be checked."""
    keys = [b"key:%012d" % number for number in range(KEYS)]
    with Lane.connect((HOST, ours.lane_port)) as lane:
        lane.call("AUTH", TOKEN)
        lane.pipeline(("PN.STORE", key, VALUE, "TAGS", 2, "user", b"shelf:%d" % (int(key[4:]) % 100)) for key in keys)
    with Lane.connect((HOST, redis_port)) as lane:
        lane.pipeline(("SET", key, VALUE) for key in keys)


def _rounds(sides: dict[str, Bench], test: str, depth: int, effort: Effort) -> dict[str, list[float]]:
    """Rates of all rounds. A first run of each side warms it up and tells how many requests fill the time."""
    runs = {}
    for side, bench in sides.items():
        rate = bench.rate(test, depth, effort.first_guess)
        runs[side] = partial(bench.rate, test, depth, max(round(rate * effort.seconds), CONNECTIONS * depth))
    return interleave(effort.rounds, runs)


def _for_information(sides: dict[str, Bench], effort: Effort) -> Iterator[Row]:
    effort = Effort(min(effort.rounds, 3), effort.seconds / 2, effort.first_guess)
    yield Row("SET, pipeline 16", "requests/s", _rounds(sides, "set", 16, effort))
    requests = round(200_000 * effort.seconds)
    beside = {side: partial(bench.rate_beside_writers, 16, requests) for side, bench in sides.items()}
    yield Row(f"GET, pipeline 16, while {WRITERS} connections SET", "requests/s", interleave(effort.rounds, beside))


def _hits(ours: Sidecar) -> str:
    counted = {out: ours.counted("pannier_cache_requests_total", outcome=out) for out in ("hit", "miss")}
    if counted["miss"] or not counted["hit"]:
        raise AssertionError(f"not every GET was a hit: {counted}")
    return f"Every GET of the sidecar was a hit ({counted['hit']:,.0f} of them)."


def _targets(gets: dict[int, dict[str, list[float]]]) -> list[Target]:
    by_proxy = [
        at_least(f"pipeline {depth}, ours to nutcracker's", ratio(rates[OURS], rates[PROXY]), 1.0)
        for depth, rates in gets.items()
    ]
    deep = gets[16]
    return [
        *by_proxy,
        at_least("pipeline 16, ours to redis-server's", ratio(deep[OURS], deep[REDIS]), 0.5),
        at_least("pipeline 16, requests/s", median(deep[OURS]), 100_000),
    ]


def _programs() -> dict[str, str]:
    return {REDIS: version_of("redis-server", "--version"), PROXY: version_of("nutcracker", "--version")}


if __name__ == "__main__":
    run(measure, __doc__)
