"""Leases of functions that run for long in threads: something is said on the connections meanwhile, and only then."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

import pannier
from pannier import cache
from pannier._heartbeat import Heartbeat
from patience import until_now
from scripted_lane import ScriptedLane, miss

if TYPE_CHECKING:
    from collections.abc import Iterator


class Beats:
    """Counts beats, and wakes who waits for one."""

    def __init__(self) -> None:
        self._beat = threading.Semaphore(0)

    def __call__(self) -> None:
        self._beat.release()

    def wait(self, count: int = 1) -> None:
        for _ in range(count):
            assert self._beat.acquire(timeout=10)


@pytest.fixture
def beats() -> Beats:
    return Beats()


@pytest.fixture
def heartbeat(beats: Beats) -> Iterator[Heartbeat]:
    heartbeat = Heartbeat(beats, seconds=0.001)
    yield heartbeat
    heartbeat.close()


def beating() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "pannier-heartbeat"]


def test_it_beats_while_a_load_is_under_way_and_its_thread_ends_with_the_last_one(
    heartbeat: Heartbeat, beats: Beats
) -> None:
    assert not beating()
    first, second = heartbeat.hold(), heartbeat.hold()
    heartbeat.let_go(first)
    beats.wait(3)
    assert len(beating()) == 1
    heartbeat.let_go(second)
    until_now(lambda: not beating())


def test_the_next_load_begins_it_again(heartbeat: Heartbeat, beats: Beats) -> None:
    for _ in range(2):
        load = heartbeat.hold()
        beats.wait()
        heartbeat.let_go(load)
        until_now(lambda: not beating())


def test_closing_ends_it_at_once() -> None:
    heartbeat = Heartbeat(Beats(), seconds=3_600)
    heartbeat.hold()
    heartbeat.close()
    heartbeat.close()
    assert not beating()


def test_a_load_may_end_in_a_child_that_does_not_know_it(heartbeat: Heartbeat, beats: Beats) -> None:
    load = heartbeat.hold()
    beats.wait()
    heartbeat.close()
    heartbeat.begin_anew()
    heartbeat.let_go(load)
    heartbeat.hold()
    beats.wait()


@pytest.mark.parametrize("near_cache", [False, True])
def test_a_connection_that_holds_a_lease_is_kept_talking(lane: ScriptedLane, *, near_cache: bool) -> None:
    lane.answers["PN.FETCH"] = miss(b"lease-1")
    with pannier.Client(lane.url, near_cache=near_cache) as client:

        @cache(key="key", client=client)
        def get() -> int:
            lane.until_asked("PING")
            return 7

        assert get() == 7
    assert lane.asked("PN.STORE")
    assert not beating()
