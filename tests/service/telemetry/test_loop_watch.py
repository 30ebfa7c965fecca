import asyncio
from collections.abc import Iterator

import pytest

from pannierd.telemetry.loop_watch import LoopWatch
from pannierd.telemetry.metrics import Metrics


class Bench:
    def __init__(self) -> None:
        self.now = 100.0
        self.metrics = Metrics("1")
        self.watch = LoopWatch(self.metrics, lambda: self.now)

    def wake_late_by(self, seconds: float) -> None:
        self.now += 0.5 + seconds
        self.watch.wake()


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.watch.close()
    bench.watch.close()


async def test_the_lag_is_how_late_the_loop_came(bench: Bench) -> None:
    bench.watch.start()
    bench.wake_late_by(0.25)
    assert bench.metrics.loop_lag_seconds == 0.25
    bench.wake_late_by(0)
    assert bench.metrics.loop_lag_seconds == 0


async def test_one_long_pause_is_no_death_but_a_loop_that_is_always_late_is(bench: Bench) -> None:
    bench.watch.start()
    bench.wake_late_by(60)
    assert bench.watch.is_live
    for _ in range(9):
        bench.wake_late_by(1.5)
    assert not bench.watch.is_live

    bench.wake_late_by(0)
    assert bench.watch.is_live


async def test_it_is_the_loop_that_wakes_it(bench: Bench) -> None:
    woken = asyncio.Event()
    bench.watch.wake = woken.set  # type: ignore[method-assign]  # the gate
    bench.watch.start()
    await asyncio.wait_for(woken.wait(), 5)
