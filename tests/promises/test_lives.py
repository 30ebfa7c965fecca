"""A life is what was asked for, never longer, and the same by every way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import hiredis
import pytest

from fakes import Bench
from pannierd.cache.outcomes import NONE_TYPE
from pannierd.config import Namespace

if TYPE_CHECKING:
    from both_lanes import BothLanes
    from callers import Site

DAY = 24 * 3_600


def test_a_value_lives_until_its_time_and_not_an_instant_longer(site: Site) -> None:
    """T28: fresh, stale and gone each begin on time."""
    site.writer.store(b"key", b"v", ttl_ms=1_500, stale_ms=500)
    seen = []
    for _ in range(5):
        seen.append((site.loader.get(b"key"), site.writer.fetch(b"key").status))
        site.bench.clock.advance(0.5)
    assert seen == [(b"v", "hit"), (b"v", "hit"), (b"v", "hit"), (None, "stale"), (None, "miss")]


SOFT_INVALIDATIONS: dict[str, dict[str, Any]] = {
    "key": {"keys": [b"key"]},
    "tag": {"tags": ["red"]},
    "pattern": {"patterns": [b"k*"]},
    "all": {"everything": True},
}


@pytest.mark.parametrize("what", SOFT_INVALIDATIONS)
@pytest.mark.parametrize("is_met", [True, False], ids=["met meanwhile", "met by nobody"])
def test_what_died_softly_is_stale_from_that_moment_for_its_stale_time(site: Site, what: str, *, is_met: bool) -> None:
    """However long it would have been fresh, whether or not anybody looked, and whatever dies softly once more."""
    site.writer.store(b"key", b"v", ttl_ms=3_600_000, stale_ms=5_000, tags=["red"])
    for seconds in (10, 3):
        site.bench.clock.advance(seconds)
        site.writer.invalidate(**SOFT_INVALIDATIONS[what], soft=True)
        if is_met:
            assert site.loader.fetch(b"key").status == "stale"
    site.bench.clock.advance(1.75)
    if is_met:
        assert site.loader.fetch(b"key").status == "stale"
    site.bench.clock.advance(0.25)
    assert site.loader.fetch(b"key").status == "miss"


def test_what_died_softly_after_its_life_is_stale_no_longer_for_it(site: Site) -> None:
    site.writer.store(b"key", b"v", ttl_ms=1_000, stale_ms=5_000)
    site.bench.clock.advance(4)
    site.writer.invalidate(keys=[b"key"], soft=True)
    site.bench.clock.advance(2)
    assert site.loader.fetch(b"key").status == "miss"


def test_what_died_softly_leaves_the_memory_with_its_stale_time(site: Site) -> None:
    for key, tags in ((b"by key", []), (b"by tag", ["red"])):
        site.writer.store(key, b"v", ttl_ms=3_600_000, stale_ms=5_000, tags=tags)
    site.writer.invalidate(keys=[b"by key"], tags=["red"], soft=True)
    assert site.loader.fetch(b"by tag").status == "stale"
    site.bench.clock.advance(7)
    site.upkeep()
    assert site.bench.space().entries == {}


def test_reading_does_not_lengthen_a_life(site: Site) -> None:
    site.writer.store(b"key", b"v", ttl_ms=1_000, stale_ms=0)
    for _ in range(7):
        site.bench.clock.advance(0.125)
        assert site.loader.get(b"key") == b"v"
    site.bench.clock.advance(0.125)
    assert site.loader.get(b"key") is None


def test_a_life_longer_than_a_timer_can_count_ends_when_it_should(site: Site) -> None:
    """T28: 2^31 ms are 24.8 days."""
    site.writer.store(b"key", b"v", ttl_ms=29 * DAY * 1_000, stale_ms=0)
    site.bench.clock.advance(29 * DAY - 1)
    assert site.loader.get(b"key") == b"v"
    site.bench.clock.advance(1)
    assert site.loader.get(b"key") is None


def test_no_life_is_longer_than_the_namespace_allows(site: Site) -> None:
    site.writer.store(b"key", b"v", ttl_ms=300 * DAY * 1_000)
    site.bench.clock.advance(30 * DAY)
    assert site.loader.fetch(b"key").status == "miss"


@pytest.mark.parametrize("draw", [0.0, 0.5, 0.999])
def test_jitter_shortens_a_fills_life_once_and_never_lengthens_it(site: Site, draw: float) -> None:
    """T28: within the bound that the namespace states."""
    site.bench.draw.value = draw
    lease = site.loader.fetch(b"key").lease
    site.loader.store(b"key", b"v", lease=lease, ttl_ms=100_000)
    site.bench.draw.value = 0.0
    site.bench.clock.advance(100 * (1 - 0.05 * draw) - 0.001)
    assert site.writer.get(b"key") == b"v"
    site.bench.clock.advance(0.002)
    assert site.writer.get(b"key") is None


@pytest.mark.parametrize("milliseconds", [0, -1])
def test_a_life_of_nothing_is_refused_and_leaves_what_was_there(sidecar: BothLanes, milliseconds: int) -> None:
    """T28: 0 and less are no lives."""
    lane, web, raw = sidecar.lane(), sidecar.web(), sidecar.dial()
    lane.store(b"key", b"v")
    for words in (
        ("SET", "key", "w", "PX", milliseconds),
        ("PN.STORE", "key", "w", "PX", milliseconds),
        ("PSETEX", "key", milliseconds, "w"),
    ):
        assert isinstance(raw.call(*words), hiredis.ReplyError)
    status, _, _ = web.ask("PUT", web.path(b"key"), b"w", {"X-Cache-TTL-Ms": str(milliseconds)})
    assert status == 400
    assert lane.get(b"key") == b"v"


def test_a_read_behind_a_wait_knows_how_late_it_is(sidecar: BothLanes) -> None:
    """It was sent while the value lived, and is carried out when the value is over."""
    holder, waiter = sidecar.dial(), sidecar.dial()
    holder.call("PSETEX", "short", 1_000, "v")
    lease = holder.call("PN.FETCH", "slow")[2]
    waiter.send(("PN.FETCH", "slow", "WAIT", 60_000), ("GET", "short"))
    waiter_waits(sidecar)
    sidecar.bench.clock.advance(2)
    holder.call("PN.STORE", "slow", "loaded", "LEASE", lease)
    assert waiter.read()[1] == b"loaded"
    assert waiter.read() is None


def test_a_fill_starts_its_life_when_it_is_stored(site: Site) -> None:
    lease = site.loader.fetch(b"key").lease
    site.bench.clock.advance(5)
    site.loader.store(b"key", b"v", lease=lease, ttl_ms=1_000)
    site.bench.clock.advance(0.9)
    assert site.writer.get(b"key") == b"v"


class TestNothing:
    """A result that is nothing: a value like any other, where the namespace keeps it."""

    @pytest.fixture
    def bench(self) -> Bench:
        return Bench(namespaces={"default": Namespace(negative_ttl_ms=2_000)})

    def test_it_is_kept_for_its_own_time(self, site: Site) -> None:
        """T29: its life is not that of a value."""
        lease = site.loader.fetch(b"key").lease
        assert site.loader.store(b"key", b"", lease=lease, content_type=NONE_TYPE) == "stored"
        site.bench.clock.advance(1.9)
        assert site.writer.fetch(b"key") == ("hit", b"", None)
        site.bench.clock.advance(0.1)
        assert site.writer.get(b"key") is None

    def test_it_is_cleared_when_the_thing_is_made(self, site: Site) -> None:
        """T29: an invalidation of the key clears it."""
        site.loader.store(b"key", b"", content_type=NONE_TYPE)
        site.writer.invalidate(keys=[b"key"])
        loading = site.loader.fetch(b"key")
        assert loading.status == "miss"
        assert site.loader.store(b"key", b"made", lease=loading.lease) == "stored"
        assert site.writer.get(b"key") == b"made"


def test_nothing_is_not_kept_where_the_namespace_keeps_none_and_neither_is_what_was_there_before(site: Site) -> None:
    """Read your writes: the newest result is that there is nothing."""
    site.loader.store(b"key", b"old", ttl_ms=1_000)
    site.bench.clock.advance(1)
    refreshing = site.loader.fetch(b"key")
    assert refreshing.status == "stale"
    assert site.loader.store(b"key", b"", lease=refreshing.lease, content_type=NONE_TYPE) == "not_stored"
    assert site.writer.fetch(b"key").status == "miss"
    site.writer.store(b"other", b"old")
    assert site.writer.store(b"other", b"", content_type=NONE_TYPE) == "not_stored"
    assert site.loader.get(b"other") is None


def waiter_waits(sidecar: BothLanes, count: int = 1, key: bytes = b"slow") -> None:
    """Returns when so many wait for the key."""
    flight = sidecar.bench.space().loads.get
    sidecar.until(lambda: (found := flight(key)) is not None and len(found.waiters) == count)
