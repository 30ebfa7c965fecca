"""Reads on the bare path are counted exactly, and measured once in a while."""

from fakes import Clock
from pannierd.operations.durations import cache_duration
from pannierd.resp.tally import Tally
from pannierd.telemetry.metrics import Metrics


async def test_reads_of_one_millisecond_have_the_duration_of_the_first() -> None:
    metrics, clock = Metrics("1"), Clock(5.25)
    tally = Tally("GET", "get", metrics, clock)
    tally.add(2, 5.0)
    clock.advance(1)
    tally.add(3, 5.0005)
    assert repr(tally) == "<Tally GET: 5 to settle>"
    tally.settle()

    duration = cache_duration(metrics, "get", "memory")
    assert (duration.total, duration.seconds) == (5, 5 * 0.25)
    assert metrics.lane_commands["GET"] == 5

    tally.add(1, 6.25)
    tally.settle()
    assert (duration.total, duration.seconds) == (6, 5 * 0.25)
    assert metrics.lane_commands["GET"] == 6
