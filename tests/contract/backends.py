"""The two that must behave alike, each with its time in the test's hand: the fake, and the sidecar's own two lanes."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from both_lanes import BothLanes
from fakes import Bench
from pannier.testing import FakePannier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Backend(NamedTuple):
    """A sidecar to be held to the contract.

    Attributes:
        clock: for its clients; it runs ahead with the sidecar's time.
        advance: lets seconds pass.
    """

    url: str
    clock: Callable[[], float]
    advance: Callable[[float], None]


@contextmanager
def backend(name: str, folder: Path) -> Iterator[Backend]:
    if name == "fake":
        with FakePannier() as fake:
            yield Backend(fake.url, fake.clock, fake.advance)
        return
    bench = Bench()
    with BothLanes(bench, folder) as lanes:

        def advance(seconds: float) -> None:
            lanes.run(lambda: bench.clock.advance(seconds))

        yield Backend(lanes.lane_url, lambda: time.monotonic() + bench.clock.now, advance)
