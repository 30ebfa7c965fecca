import asyncio

import pytest

from pannierd.errors import Overloaded
from pannierd.resilience import Places


def test_one_too_many_is_refused_and_told_why_and_when_to_come_again() -> None:
    places = Places(2, "both are taken")
    places.enter()
    places.enter()
    with pytest.raises(Overloaded, match="both are taken") as refusal:
        places.enter()
    assert refusal.value.retry_after_ms is not None
    assert refusal.value.retry_after_ms > 0
    assert places.count == 2, "who was refused has none"

    places.leave()
    places.enter()
    assert repr(places) == "<Places 2 of 2 taken>"


async def test_idle_ends_when_the_last_one_leaves() -> None:
    places = Places(10, "all are taken")
    places.enter()
    places.enter()
    waits = [asyncio.create_task(places.idle()) for _ in range(2)]
    await asyncio.sleep(0)
    places.leave()
    await asyncio.sleep(0)
    assert not any(wait.done() for wait in waits)

    places.leave()
    await asyncio.gather(*waits)


async def test_idle_goes_on_waiting_when_one_entered_in_between() -> None:
    places = Places(10, "all are taken")
    places.enter()
    wait = asyncio.create_task(places.idle())
    await asyncio.sleep(0)
    places.leave()
    places.enter()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not wait.done()

    places.leave()
    await wait


async def test_a_wait_that_is_given_up_harms_nobody() -> None:
    places = Places(1, "it is taken")
    places.enter()
    wait = asyncio.create_task(places.idle())
    await asyncio.sleep(0)
    wait.cancel()
    places.leave()
    await places.idle()
    assert wait.cancelled() or await asyncio.wait({wait})
