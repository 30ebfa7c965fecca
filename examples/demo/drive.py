"""Driving the application: some users, each of whom asks for the next page as soon as the last one is there."""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

USERS = 4


class Ask(Protocol):
    """Fetches the page of a product."""

    def __call__(self, product_id: int) -> Awaitable[None]: ...


class Measured:
    """What one drive took.

    Attributes:
        seconds: that each answer took.
        elapsed: seconds from the first request to the last answer.
    """

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.elapsed = 0.0

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return len(self.seconds) / self.elapsed

    def percentile(self, part: float) -> float:
        """The time that this part of the answers did not exceed."""
        ordered = sorted(self.seconds)
        return ordered[min(int(part * len(ordered)), len(ordered) - 1)]


async def drive(
    ask: Ask, requests: Iterator[int], progress: Callable[[Measured], None], seconds: float = math.inf
) -> Measured:
    """A closed loop over the requests, until there are no more or the time is over."""
    measured, begin = Measured(), time.perf_counter()

    async def user() -> None:
        while (asked := time.perf_counter()) - begin < seconds and (product_id := next(requests, None)) is not None:
            await ask(product_id)
            measured.seconds.append(time.perf_counter() - asked)
            progress(measured)

    async with asyncio.TaskGroup() as group:
        for _ in range(USERS):
            group.create_task(user())
    measured.elapsed = time.perf_counter() - begin
    return measured
