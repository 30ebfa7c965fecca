"""F2: the async client's GET from the sidecar's memory over the Unix socket, beside redis-py's async cluster client.

Closed loop, 64 tasks: the rates of both clients, each in a process of its own on uvloop, in turn. Open loop: latencies
at 20,000 GETs a second, counted from when each was due (see async_load.py). redis-py talks to a Redis Cluster of three
masters without replicas; nearly all of its time goes to the client, so the number of masters matters little.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

from redis.cluster import RedisCluster

import pannier
from async_load import KEYS, VALUE
from measurement import interleave, median, ratio
from report import Figure, Row, at_least, at_most, run
from servers import HOST, Sidecar, redis_cluster, sidecar, version_of

TASKS: Final = 64
MASTERS: Final = 3
OFFERED: Final = 20_000
LESS_OFFERED: Final = 2_000  # to redis-py, which cannot keep up with the other
OURS: Final = "pannier.aio"
REDIS: Final = "redis.asyncio.cluster"
LATENCIES: Final = ("p50_ms", "p99_ms", "p99.9_ms", "max_ms")


class Loader:
    """Runs async_load.py against one side."""

    def __init__(self, client: str, url: str) -> None:
        self._command = [sys.executable, str(Path(__file__).with_name("async_load.py")), client, url]

    def closed(self, seconds: float) -> float:
        """Requests per second."""
        return self._run("closed", TASKS, seconds)["rate"]

    def offered(self, rate: int, seconds: float) -> dict[str, float]:
        """Latencies in milliseconds, by name."""
        return self._run("open", rate, seconds)

    def _run(self, loop: str, amount: int, seconds: float) -> dict[str, float]:
        command = [*self._command, loop, str(amount), str(seconds)]
        printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
        return {name: float(value) for name, value in json.loads(printed).items()}


def measure(*, quick: bool) -> Figure:
    rounds, seconds, offered_seconds = (1, 0.1, 0.1) if quick else (7, 1.0, 3.0)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ours = stack.enter_context(sidecar(folder, {"namespaces.default.ttl_ms": "3600000"}))
        nodes = stack.enter_context(redis_cluster(folder, MASTERS))
        cluster_url = f"redis://{HOST}:{nodes[0].port}"
        _preload(ours, cluster_url)
        sides = {OURS: Loader("pannier", ours.url), REDIS: Loader("redis", cluster_url)}
        rates = interleave(rounds, {side: partial(loader.closed, seconds) for side, loader in sides.items()})
        offers = [sides[OURS].offered(OFFERED, offered_seconds) for _ in range(min(rounds, 5))]
        offers_to_redis = [sides[REDIS].offered(LESS_OFFERED, offered_seconds)]
    tails = {f"{OURS} at {OFFERED:,}/s": offers, f"{REDIS} at {LESS_OFFERED:,}/s": offers_to_redis}
    rows = [
        Row(
            f"open loop, {name.partition('_')[0]}",
            "ms",
            {side: [offer[name] for offer in runs] for side, runs in tails.items()},
        )
        for name in LATENCIES
    ]
    targets = [
        at_least(f"{TASKS} tasks, ours to redis-py's", ratio(rates[OURS], rates[REDIS]), 8),
        at_least(f"{TASKS} tasks, requests/s", median(rates[OURS]), 100_000),
        at_most(f"p99 at {OFFERED:,}/s offered, ms", median(offer["p99_ms"] for offer in offers), 1.0),
    ]
    programs = {"redis-server": version_of("redis-server", "--version")}
    closed = Row(f"closed loop, {TASKS} tasks", "requests/s", rates)
    return Figure(__doc__, [closed, *rows], targets, programs=programs)


def _preload(ours: Sidecar, url: str) -> None:
    """The same values on both sides."""
    values = dict.fromkeys(KEYS, VALUE)
    with pannier.Client(ours.url) as client:
        client.cache("default").set_many(values)
    with RedisCluster.from_url(url) as cluster:
        cluster.mset_nonatomic(values)


if __name__ == "__main__":
    run(measure, __doc__)
