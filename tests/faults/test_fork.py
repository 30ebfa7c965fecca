"""A process forks in mid-traffic. Parent and child go on with the same client, and nobody reads another's reply."""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import os
import signal
import threading
import time
import warnings
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

import pannier
import pannier.aio
from daemon import PATIENCE_S, serving
from pannier._default import Default

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KEYS = 50
READS = 2_000  # by each thread, and by each process of tasks
THREADS = 3
PROCESSES = 2
GATHERED = 100
VALUE_BYTES = 200


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with serving(tmp_path) as daemon, pannier.Client(f"unix://{daemon.socket}") as client:
        for key in range(KEYS):
            assert client.cache().set(str(key), value_of(key))
        yield f"unix://{daemon.socket}"


def value_of(key: int) -> str:
    """Long enough that a reply which is shared shows."""
    return f"value of {key}".ljust(VALUE_BYTES)


def read_on(client: pannier.Client, is_over: Callable[[], bool]) -> int:
    """Read until it is over; how often. Raises at the first value that is another key's."""
    cache = client.cache(of=str, on_unavailable="raise")
    for count in itertools.count():
        key = count % KEYS
        assert cache.get(str(key)) == value_of(key)
        if is_over():
            return count
    raise AssertionError


def read_by_threads(client: pannier.Client) -> None:
    """So many reads by each of a few threads, which begin together."""
    faults: list[BaseException] = []
    together = threading.Barrier(THREADS)

    def read() -> None:
        together.wait(PATIENCE_S)
        reads = itertools.count()
        try:
            read_on(client, lambda: next(reads) >= READS)
        except BaseException as error:  # noqa: BLE001 - raised below, by the thread that asked
            faults.append(error)

    threads = [threading.Thread(target=read) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(2 * PATIENCE_S)
    if faults:
        raise faults[0]


def forked(work: Callable[[], object]) -> int:
    """Do it in a child; its process id. The child says by its exit code whether it went well."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # newer interpreters warn of what is tested here
        child = os.fork()
    if child:
        return child
    try:
        work()
    except BaseException:  # noqa: BLE001 - nothing may leave the child but its exit code
        os._exit(1)
    os._exit(0)


def exit_code(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def exit_code_in_time(child: int) -> int:
    """The same; a child that waits for ever is killed."""
    mercy = threading.Timer(PATIENCE_S, os.kill, (child, signal.SIGKILL))
    mercy.start()
    try:
        return exit_code(child)
    finally:
        mercy.cancel()
        mercy.join()


@pytest.mark.parametrize("near_cache", [False, True])
def test_threads_read_on_while_their_process_forks(url: str, *, near_cache: bool) -> None:
    """Whichever moment the fork hits, in whichever thread: several forks, each at its own."""
    with pannier.Client(url, near_cache=near_cache) as client:
        is_over = threading.Event()
        reads: list[int] = []
        threads = [
            threading.Thread(target=lambda: reads.append(read_on(client, is_over.is_set))) for _ in range(THREADS)
        ]
        for thread in threads:
            thread.start()
        started = time.monotonic()
        codes = [exit_code(forked(lambda: read_by_threads(client))) for _ in range(PROCESSES)]
        read_by_threads(client)
        is_over.set()
        for thread in threads:
            thread.join(PATIENCE_S)
    print(f"\n{sum(reads) + READS * THREADS} reads by the parent, {time.monotonic() - started:.1f} s")
    assert codes == [0] * PROCESSES
    assert len(reads) == THREADS, "no thread stopped at a wrong value"
    assert min(reads) > 0


def write(client: pannier.Client) -> None:
    cache = client.cache(on_unavailable="raise")
    assert cache.set("written", 7)
    assert cache.get_or_set("loaded", lambda: 8) == 8
    assert cache.get("written") == 7


def test_a_child_whose_first_act_is_a_write_waits_for_no_lock_of_its_parents(url: str) -> None:
    """Any of them may have been held, at the fork, by another thread: here all are."""
    with pannier.Client(url, near_cache=True) as client, ExitStack() as held:
        assert client.cache().get("0") == value_of(0)
        parts = vars(client.sidecar).values()
        locks = [lock for part in parts if (lock := getattr(part, "_lock", None)) is not None]
        assert len(locks) == 4, "of the near-cache, its feed, the outbox and the heartbeat"
        for lock in locks:
            held.enter_context(lock)
        assert exit_code_in_time(forked(lambda: write(client))) == 0


def test_a_child_waits_for_no_client_that_its_parent_was_making(url: str) -> None:
    default = Default(lambda: pannier.Client(url))
    with default._lock:
        child = forked(lambda: write(default.get()))
    assert exit_code_in_time(child) == 0


async def read_by_tasks(client: pannier.aio.Client) -> None:
    cache = client.cache(of=str, on_unavailable="raise")
    for begin in range(0, READS, GATHERED):
        keys = [number % KEYS for number in range(begin, begin + GATHERED)]
        values = await asyncio.gather(*(cache.get(str(key)) for key in keys))
        assert values == [value_of(key) for key in keys]


def read_in_a_new_loop(client: pannier.aio.Client) -> None:
    asyncio.run(read_by_tasks(client))


@pytest.mark.parametrize("near_cache", [False, True])
async def test_children_inherit_an_async_client(url: str, *, near_cache: bool) -> None:
    """With the start method `fork`, while the parent's tasks have calls in flight on the shared line."""
    context = multiprocessing.get_context("fork")
    async with pannier.aio.Client(url, near_cache=near_cache) as client:
        in_flight = asyncio.create_task(read_by_tasks(client))
        await asyncio.sleep(0)
        await client.cache().get("0")
        children = [context.Process(target=read_in_a_new_loop, args=(client,)) for _ in range(PROCESSES)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            for child in children:
                child.start()
        await in_flight
        await read_by_tasks(client)
        for child in children:
            await asyncio.to_thread(child.join, 2 * PATIENCE_S)
        assert [child.exitcode for child in children] == [0] * PROCESSES
        await read_by_tasks(client)
