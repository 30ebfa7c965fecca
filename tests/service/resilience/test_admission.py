import asyncio

import pytest

from pannierd.errors import Overloaded
from pannierd.resilience import InFlight


def test_one_call_over_the_limit_is_refused_and_told_when_to_come_again() -> None:
    in_flight = InFlight(2)
    in_flight.enter()
    in_flight.enter()
    with pytest.raises(Overloaded) as refusal:
        in_flight.enter()
    assert refusal.value.retry_after_ms is not None
    assert refusal.value.retry_after_ms > 0
    assert in_flight.count == 2, "a refused call is not in flight"

    in_flight.leave()
    in_flight.enter()
    assert repr(in_flight) == "<InFlight 2 of 2>"


async def test_idle_ends_when_the_last_call_leaves() -> None:
    in_flight = InFlight(10)
    in_flight.enter()
    in_flight.enter()
    waits = [asyncio.create_task(in_flight.idle()) for _ in range(2)]
    await asyncio.sleep(0)
    in_flight.leave()
    await asyncio.sleep(0)
    assert not any(wait.done() for wait in waits)

    in_flight.leave()
    await asyncio.gather(*waits)


async def test_idle_goes_on_waiting_when_a_call_entered_in_between() -> None:
    in_flight = InFlight(10)
    in_flight.enter()
    wait = asyncio.create_task(in_flight.idle())
    await asyncio.sleep(0)
    in_flight.leave()
    in_flight.enter()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not wait.done()

    in_flight.leave()
    await wait


async def test_a_wait_that_is_given_up_harms_nobody() -> None:
    in_flight = InFlight(1)
    in_flight.enter()
    wait = asyncio.create_task(in_flight.idle())
    await asyncio.sleep(0)
    wait.cancel()
    in_flight.leave()
    await in_flight.idle()
    assert wait.cancelled() or await asyncio.wait({wait})
