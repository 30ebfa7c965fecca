"""Steady traffic of decorated calls, from threads or from tasks, with a record of every call."""

from __future__ import annotations

import asyncio
import itertools
import math
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import pannier
import pannier.aio
from daemon import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

CALLS_A_SECOND = 200
THREADS = 4
KEYS = 20


class Call(NamedTuple):
    """One call.

    Attributes:
        started_at: seconds, monotonic.
        seconds: how long it took.
        is_hit: whether it was answered with a value that was there before it.
    """

    started_at: float
    seconds: float
    is_hit: bool


class Traffic:
    """What the calls came to. The function that is cached counts its own runs, so a value tells how old it is."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.errors: list[BaseException] = []
        self.is_over = threading.Event()
        self._runs = 0
        self._news = threading.Condition()

    def run(self, key: int) -> int:
        """The cached function: as good as free, so that what a call takes is what the client adds."""
        self._runs += 1
        return self._runs

    @contextmanager
    def recorded(self) -> Iterator[list[int]]:
        """Time one call, whose value is put into the list."""
        value: list[int] = []
        runs, started = self._runs, time.monotonic()
        try:
            yield value
        except Exception as error:  # noqa: BLE001 - any error is a broken promise, and is told by the test
            self.errors.append(error)
        else:
            call = Call(started, time.monotonic() - started, value[0] <= runs)
            with self._news:
                self.calls.append(call)
                self._news.notify_all()

    def more(self, count: int) -> list[Call]:
        """The next so many calls."""
        begin = len(self.calls)
        with self._news:
            assert self._news.wait_for(lambda: len(self.calls) >= begin + count, PATIENCE_S), self.errors
        return self.calls[begin : begin + count]

    def until(self, is_wanted: Callable[[Call], bool]) -> Call:
        """The next call like this."""
        begin = len(self.calls)

        def found() -> Call | None:
            return next(filter(is_wanted, self.calls[begin:]), None)

        with self._news:
            call = self._news.wait_for(found, PATIENCE_S)
        assert call is not None, self.errors
        return call


@contextmanager
def flowing(kind: str, url: str) -> Iterator[Traffic]:
    """Traffic while the context lasts."""
    traffic = Traffic()
    count, source = {"sync": (THREADS, _threads), "async": (1, _tasks)}[kind]
    work = source(traffic, url)
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield traffic
    finally:
        traffic.is_over.set()
        for thread in threads:
            thread.join(PATIENCE_S)


def _threads(traffic: Traffic, url: str) -> Callable[[], None]:
    """What each of a few threads does, with a client that they share."""
    client = pannier.Client(url)
    cached = pannier.cache(key="run:{key}", client=client)(traffic.run)

    def source() -> None:
        for key in itertools.cycle(range(KEYS)):
            with traffic.recorded() as value:
                value.append(cached(key))
            if traffic.is_over.wait(THREADS / CALLS_A_SECOND):
                break
        client.close()

    return source


def _tasks(traffic: Traffic, url: str) -> Callable[[], None]:
    """What one thread with an event loop does: a task for each call."""

    async def run(key: int) -> int:
        return traffic.run(key)

    async def main() -> None:
        async with pannier.aio.Client(url) as client, asyncio.TaskGroup() as group:
            cached = pannier.cache(key="run:{key}", client=client)(run)

            async def call(key: int) -> None:
                with traffic.recorded() as value:
                    value.append(await cached(key))

            for key in itertools.cycle(range(KEYS)):
                group.create_task(call(key))
                await asyncio.sleep(1 / CALLS_A_SECOND)
                if traffic.is_over.is_set():
                    return

    return lambda: asyncio.run(main())


def quantile(calls: Sequence[Call], share: float) -> float:
    """Milliseconds that this share of the calls did not exceed."""
    ordered = sorted(call.seconds for call in calls)
    return 1000 * ordered[math.ceil(share * len(ordered)) - 1]
