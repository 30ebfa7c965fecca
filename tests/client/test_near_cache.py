"""The near-cache (P10): what lets a value in, what drops it, and when a hit is no hit."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

import pannier
import pannier.aio
from both_kinds import made
from fakes import Clock
from pannier._config import NearCacheOptions
from pannier._near_cache import NearCache, NearEntry
from pannier._values import NOT_FOUND, codec_for
from patience import until, until_now
from scripted_lane import Connection, ScriptedLane, hit, invalidated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PREFIX = b"users\0"
JSON = codec_for(dict)


class Feed:
    """A feed whose proof lasts as long as the test says."""

    def __init__(self, until: float = 1e9) -> None:
        self.until = until
        self.asked = 0
        self.brings: Callable[[], None] = lambda: None

    def valid_until(self, now: float) -> float:
        self.asked += 1
        self.brings()
        return self.until


class Near:
    """A near-cache with its feed, and the way a fetch goes through it."""

    def __init__(self, max_bytes: int = 1_000_000, max_ttl: float = 60.0) -> None:
        self.clock = Clock(100.0)
        self.cache = NearCache(NearCacheOptions(max_bytes, max_ttl), self.clock)
        self.feed = Feed()
        self.cache.attach(self.feed)

    def keep(self, key: bytes, value: bytes = b'{"a":1}', life: float = 30.0, prefix: bytes = PREFIX) -> None:
        ticket = self.cache.expect(prefix, key)
        self.cache.settle(ticket, prefix + key, NearEntry(value, b"application/json", self.clock.now + life))

    def has(self, key: bytes, prefix: bytes = PREFIX) -> bool:
        return self.cache.value(prefix + key, JSON) is not NOT_FOUND


@pytest.fixture
def near() -> Near:
    return Near()


def test_a_value_is_kept_for_its_life_and_no_longer(near: Near) -> None:
    near.keep(b"7", life=30)
    near.clock.advance(29.9)
    assert near.has(b"7")
    near.clock.advance(0.1)
    assert not near.has(b"7")


def test_what_the_feed_brings_when_it_is_asked_counts_for_the_look_up_that_asked(near: Near) -> None:
    near.keep(b"7")
    near.feed.brings = lambda: near.cache.pushed([b"7"])
    assert not near.has(b"7")


def test_no_value_is_kept_longer_than_the_options_say() -> None:
    near = Near(max_ttl=5)
    near.keep(b"7", life=30)
    near.clock.advance(5)
    assert not near.has(b"7")


def test_a_push_drops_the_key_in_every_namespace(near: Near) -> None:
    near.keep(b"7")
    near.keep(b"7", prefix=b"other\0")
    near.keep(b"8")
    near.cache.pushed([b"7"])
    assert [near.has(b"7"), near.has(b"7", b"other\0"), near.has(b"8")] == [False, False, True]
    near.cache.pushed(None)
    assert not near.has(b"8")


def test_with_very_many_namespaces_it_begins_anew(near: Near) -> None:
    """So that a push, which is looked up in each of them, stays cheap."""
    for number in range(1_000):
        near.keep(b"7", prefix=b"%d\0" % number)
    assert near.has(b"7", b"0\0")
    near.keep(b"7", prefix=b"one-more\0")
    assert [near.has(b"7", b"0\0"), near.has(b"7", b"one-more\0")] == [False, True]
    near.cache.pushed([b"7"])
    assert not near.has(b"7", b"one-more\0")


def test_a_fetch_whose_key_was_pushed_while_it_was_on_its_way_keeps_nothing(near: Near) -> None:
    one, other = near.cache.expect(PREFIX, b"7"), near.cache.expect(PREFIX, b"7")
    near.cache.pushed([b"7"])
    later = near.cache.expect(PREFIX, b"7")
    entry = NearEntry(b"{}", b"application/json", 200)
    near.cache.settle(one, PREFIX + b"7", entry)
    near.cache.settle(other, PREFIX + b"7", entry)
    assert not near.has(b"7")
    near.cache.settle(later, PREFIX + b"7", entry)
    assert near.has(b"7")


def test_a_fetch_during_which_the_feed_was_lost_keeps_nothing(near: Near) -> None:
    ticket = near.cache.expect(PREFIX, b"7")
    near.cache.detach(near.feed)
    near.cache.attach(Feed())
    near.cache.settle(ticket, PREFIX + b"7", NearEntry(b"{}", b"application/json", 200))
    assert not near.has(b"7")


def test_a_hit_needs_proof_that_no_push_waits(near: Near) -> None:
    near.keep(b"7")
    near.feed.until = 100.05
    assert [near.has(b"7"), near.has(b"7"), near.feed.asked] == [True, True, 1]
    near.clock.advance(0.05)
    assert not near.has(b"7")
    near.feed.until = 100.10
    assert near.has(b"7")


def test_a_lost_feed_makes_every_value_doubtful(near: Near) -> None:
    near.keep(b"7")
    near.keep(b"8")
    near.cache.detach(near.feed)
    assert not near.has(b"7")
    assert near.cache.last_known(PREFIX + b"7")
    near.cache.drop(b"7")
    assert near.cache.last_known(PREFIX + b"7") is None
    near.cache.attach(near.feed)
    assert near.cache.last_known(PREFIX + b"8") is None


def test_the_last_known_value_is_known_for_a_bounded_time(near: Near) -> None:
    near.keep(b"7", life=30)
    near.clock.advance(629)
    assert near.cache.last_known(PREFIX + b"7")
    near.clock.advance(1)
    assert near.cache.last_known(PREFIX + b"7") is None


def test_another_feed_than_ours_is_no_reason_to_doubt(near: Near) -> None:
    near.keep(b"7")
    near.cache.detach(Feed())
    assert near.has(b"7")


def test_the_budget_holds_and_what_is_used_stays_longest() -> None:
    near = Near(max_bytes=5_000)
    near.keep(b"used")
    for number in range(100):
        assert near.has(b"used")
        near.keep(b"%d" % number, value=b'"%s"' % (b"x" * 100))
        assert near.cache.used_bytes <= 5_000
    assert near.has(b"used")
    assert near.cache.last_known(PREFIX + b"99")
    assert near.cache.last_known(PREFIX + b"50") is None


def test_a_value_over_the_budget_is_not_kept() -> None:
    near = Near(max_bytes=1_000)
    near.keep(b"7", value=b'"%s"' % (b"x" * 2_000))
    assert near.cache.used_bytes == 0


def test_what_can_be_changed_is_decoded_anew_and_what_cannot_is_shared(near: Near) -> None:
    near.keep(b"7", value=b'{"a":[1]}')
    first, second = near.cache.value(PREFIX + b"7", JSON), near.cache.value(PREFIX + b"7", JSON)
    assert first == second
    assert first is not second
    text = codec_for(bytes)
    assert near.cache.value(PREFIX + b"7", text) is near.cache.value(PREFIX + b"7", text)
    assert near.cache.value(PREFIX + b"7", JSON) == {"a": [1]}


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def client(kind: str, lane: ScriptedLane) -> Iterator[Any]:
    with made(kind, lane.url, timeout=1, near_cache=True) as client:
        yield client


def test_a_hit_asks_nobody(lane: ScriptedLane, client: Any) -> None:
    lane.answers["PN.FETCH"] = hit(b"7")
    assert [client.cache().get("key") for _ in range(10)] == [7] * 10
    assert len(lane.asked("PN.FETCH")) == 1
    assert [command[1:] for command in lane.asked("CLIENT")] == [[b"TRACKING", b"ON", b"NOLOOP"]]


def test_a_push_is_heard(kind: str, lane: ScriptedLane, client: Any) -> None:
    lane.answers["PN.FETCH"] = hit(b"7")
    assert client.cache().get("key") == 7
    lane.answers["PN.FETCH"] = hit(b"8")
    lane.connections[0].send(invalidated(b"key"))
    until_now(lambda: client.cache().get("key") == 8)


def test_the_first_look_behind_a_pause_sees_what_was_pushed_in_it(kind: str, lane: ScriptedLane) -> None:
    clock = Clock(100.0)
    lane.answers["PN.FETCH"] = hit(b"7")
    with made(kind, lane.url, near_cache=True, clock=clock) as client:
        assert client.cache().get("key") == 7
        lane.answers["PN.FETCH"] = hit(b"8")
        lane.connections[0].send(invalidated(b"key"))
        clock.advance(0.3)
        assert client.cache().get("key") == 8


def test_a_push_before_the_reply_keeps_the_reply_out(lane: ScriptedLane, client: Any) -> None:
    def overtaken(connection: Connection, command: list[bytes]) -> bytes:
        return invalidated(command[1]) + hit(b"7")

    lane.answers["PN.FETCH"] = overtaken
    assert client.cache().get("key") == 7
    lane.answers["PN.FETCH"] = hit(b"8")
    assert client.cache().get("key") == 8


def test_a_write_of_this_process_is_seen_by_its_next_look_up(lane: ScriptedLane, client: Any) -> None:
    lane.answers["PN.FETCH"] = hit(b"7")
    writes: list[tuple[str, list[Any], dict[str, Any]]] = [
        ("set", ["key", 8], {}),
        ("delete", ["key"], {}),
        ("invalidate", [], {"tags": ["t"]}),
    ]
    for write, args, kwargs in writes:
        assert client.cache().get("key") == client.cache().get("key") == 7
        asked = len(lane.asked("PN.FETCH"))
        getattr(client.cache(), write)(*args, **kwargs)
        client.cache().get("key")
        assert len(lane.asked("PN.FETCH")) == asked + 1


def test_a_lost_connection_empties_it(lane: ScriptedLane, client: Any) -> None:
    lane.answers["PN.FETCH"] = hit(b"7")
    assert client.cache().get("key") == 7
    lane.answers["PN.FETCH"] = hit(b"8")
    lane.connections[0].cut()
    until_now(lambda: client.cache().get("key") == 8)


def test_a_value_without_life_left_is_not_kept(lane: ScriptedLane, client: Any) -> None:
    lane.answers["PN.FETCH"] = hit(b"7", ttl_ms=0)
    assert [client.cache().get("key"), client.cache().get("key")] == [7, 7]
    assert len(lane.asked("PN.FETCH")) == 2


async def test_a_feed_that_is_silent_for_a_second_is_no_feed(lane: ScriptedLane) -> None:
    lane.answers["PN.FETCH"] = hit(b"7")
    lane.answers["PING"] = lambda *_: None
    async with pannier.aio.Client(lane.url, timeout=5, near_cache=True) as client:
        assert await client.cache().get("key") == 7
        near = client.near
        assert near is not None
        await until(lambda: not near.is_fed)
        lane.answers["PN.FETCH"] = hit(b"8")
        pending = asyncio.create_task(client.cache().get("key"))
        await asyncio.to_thread(lane.until_asked, "PN.FETCH", 2)
        pending.cancel()


def test_another_process_that_writes_is_heard_within_the_bound(kind: str, sidecar_url: str, namespace: str) -> None:
    """Against the real sidecar: whatever was acknowledged elsewhere is read here after 100 ms at the latest."""
    with (
        made(kind, sidecar_url, namespace=namespace, near_cache=True) as near,
        pannier.Client(sidecar_url, namespace=namespace) as writer,
    ):
        for number in range(20):
            writer.cache().set("key", number)
            until_now(lambda number=number: near.cache().get("key") == number)  # type: ignore[misc]  # bound now
            assert near.cache().get("key") == number
