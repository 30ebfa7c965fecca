"""F6: the hit ratio of the memory tier, replayed through a running sidecar's lane, beside libCacheSim's S3-FIFO.

Every trace is replayed in its order: a GET, and after a miss a SET, which travels with the next GET. More in flight
would be quicker, but would ask for a key before its miss was answered, and so change the order that decides who is
evicted.
A size is a part of the trace's distinct keys; all entries cost the same, so bytes here are objects there.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

import libcachesim  # type: ignore[import-untyped]  # it has no type information

from lane import Lane, packed
from pannierd.cache.entry import weight
from report import Figure, Row, at_most, run
from servers import sidecar
from traces import TRACES

if TYPE_CHECKING:
    from traces import Trace

PARTS: Final = (0.01, 0.05, 0.10, 0.25)
SEED: Final = 20_231_023
VALUE: Final = b"x" * 32
OURS: Final = "pannierd"
REFEREE: Final = "libCacheSim S3FIFO"


def measure(*, quick: bool) -> Figure:
    requests, parts = (2_000, PARTS[2:]) if quick else (30_000, PARTS)
    shapes = {"zipf 0.9": TRACES["zipf 0.9"]} if quick else TRACES
    figure = Figure(__doc__)
    for name, shape in shapes.items():
        trace = shape(requests, Random(SEED))
        for part in parts:
            objects = round(len(set(trace)) * part)
            sides = {OURS: [_replayed(trace, objects)], REFEREE: [_simulated(trace, objects)]}
            figure.rows.append(Row(f"{name}, room for {part:.0%} of {len(set(trace)):,} keys", "% hits", sides))
    apart = {row.what: abs(row.sides[OURS][0] - row.sides[REFEREE][0]) for row in figure.rows}
    worst = max(apart, key=apart.__getitem__)
    figure.targets.append(at_most(f"points apart, most of all: {worst}", apart[worst], 0.3))
    return figure


def _key(number: int) -> bytes:
    return b"object:%09d" % number


def _replayed(trace: Trace, objects: int) -> float:
    """Percent of hits in a sidecar with room for so many objects."""
    room = {
        "cache.memory.max_bytes": str(objects * weight(_key(0), VALUE, (), "")),
        "namespaces.default.ttl_ms": "3600000",
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        sidecar(Path(folder), room) as ours,
        Lane.connect(ours.lane_socket) as lane,
    ):
        hits, store = 0, b""
        for number in trace:
            key = _key(number)
            lane.send(store + packed("GET", key))
            if store:
                lane.receive()
            if lane.receive() is None:
                store = packed("SET", key, VALUE)
            else:
                hits, store = hits + 1, b""
    return hits / len(trace) * 100


def _simulated(trace: Trace, objects: int) -> float:
    """Percent of hits that the authors' own simulator counts, with its defaults."""
    cache, request = libcachesim.S3FIFO(cache_size=objects), libcachesim.Request()
    request.obj_size = 1
    hits = 0
    for number in trace:
        request.obj_id = number
        hits += cache.get(request)
    return hits / len(trace) * 100


if __name__ == "__main__":
    run(measure, __doc__)
