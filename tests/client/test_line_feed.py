"""The sync client's feed: how long its proof holds, and what it asks for one. It has no thread, so time is ours."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from fakes import Clock
from pannier import Unavailable
from pannier._breaker import Breaker
from pannier._config import NearCacheOptions, Settings
from pannier._line_feed import LineFeed
from pannier._near_cache import NearCache
from pannier._transport import Transport
from pannier._wire import pack
from scripted_lane import Connection, ScriptedLane, hit, invalidated

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = b"users\0"
FETCH = pack("PN.FETCH", "key")


class Fed:
    """A near-cache with its feed, a pool beside it, and the time in hand."""

    def __init__(self, lane: ScriptedLane) -> None:
        self.clock = Clock(100.0)
        self.near = NearCache(NearCacheOptions(), self.clock)
        settings = Settings.resolve(lane.url, environment={})
        self.breaker = Breaker(self.clock, lambda: 1.0)
        self.transport = Transport(settings, self.breaker, self.clock)
        self.feed = LineFeed(self.transport, self.near, self.clock)

    def fetch(self) -> object:
        return self.feed.fetch(PREFIX, b"key", FETCH)


@pytest.fixture
def fed(lane: ScriptedLane) -> Iterator[Fed]:
    lane.answers["PN.FETCH"] = hit(b"7")
    fed = Fed(lane)
    yield fed
    fed.feed.close()
    fed.transport.close()


def test_a_look_at_a_quiet_socket_is_proof_for_a_moment(fed: Fed, lane: ScriptedLane) -> None:
    fed.fetch()
    fed.clock.advance(0.4)
    assert fed.feed.valid_until(fed.clock.now) == pytest.approx(100.45)
    assert lane.asked("PING") == []


def test_after_half_a_second_of_silence_the_sidecar_is_asked(fed: Fed, lane: ScriptedLane) -> None:
    fed.fetch()
    fed.clock.advance(0.6)
    assert fed.feed.valid_until(fed.clock.now) == pytest.approx(100.65)
    assert lane.asked("PING") == [[b"PING"]]


def test_what_was_pushed_is_taken_in_by_the_look(fed: Fed, lane: ScriptedLane) -> None:
    def push_first(connection: Connection, _: list[bytes]) -> bytes:
        return invalidated(b"key") + b"+PONG\r\n"

    lane.answers["PING"] = push_first
    fed.fetch()
    assert fed.near.last_known(PREFIX + b"key")
    fed.clock.advance(0.6)
    fed.feed.valid_until(fed.clock.now)
    assert fed.near.last_known(PREFIX + b"key") is None


def test_without_a_line_there_is_no_proof(fed: Fed, lane: ScriptedLane) -> None:
    assert fed.feed.valid_until(fed.clock.now) == 0
    fed.fetch()
    lane.stop()
    fed.clock.advance(0.6)
    assert fed.feed.valid_until(fed.clock.now) == 0
    assert not fed.near.is_fed
    with pytest.raises(Unavailable):
        fed.fetch()


def test_a_beat_asks_the_line_itself_even_while_the_breaker_is_open(fed: Fed, lane: ScriptedLane) -> None:
    """What the pool's calls ran into says nothing of this line."""
    fed.fetch()
    for _ in range(3):
        fed.breaker.unanswered()
    fed.feed.beat(fed.clock.now + 5)
    assert lane.asked("PING") == [[b"PING"]]
    assert fed.near.is_fed


def test_a_beat_that_has_no_time_left_does_not_wait(fed: Fed, lane: ScriptedLane) -> None:
    """A beat has one deadline for all that it says something on, so closing a client waits for one at most."""
    fed.fetch()
    fed.feed.beat(fed.clock.now)
    assert lane.asked("PING") == []
    assert not fed.near.is_fed


def test_a_thread_that_finds_the_feed_in_use_goes_by_the_pool_and_keeps_nothing(fed: Fed, lane: ScriptedLane) -> None:
    inside, gate = threading.Event(), threading.Event()

    def held(connection: Connection, _: list[bytes]) -> bytes:
        if not inside.is_set():
            inside.set()
            gate.wait()
        return hit(b"7")

    lane.answers["PN.FETCH"] = held
    first = threading.Thread(target=fed.fetch)
    first.start()
    inside.wait()
    assert fed.fetch() == [b"hit", b"7", None, 60_000, b"application/json"]
    assert fed.feed.valid_until(fed.clock.now) == 0
    assert fed.near.last_known(PREFIX + b"key") is None
    gate.set()
    first.join()
    assert fed.near.last_known(PREFIX + b"key")
    assert len(lane.connections) == 2
