"""P2: a load that began before an invalidation is never served after it. The gate is the test: it lets the fill go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from callers import Answer, Site

KEY = b"user:1"
HOUR = 3_600_000

INVALIDATIONS: dict[str, dict[str, Any]] = {
    "key": {"keys": [KEY]},
    "tag": {"tags": ["red"]},
    "pattern": {"patterns": [b"user:*"]},
    "all": {"everything": True},
}


def foreground(site: Site) -> Answer:
    """There is nothing yet."""
    return site.loader.fetch(KEY)


def background(site: Site) -> Answer:
    """A stale value is being refreshed."""
    site.loader.store(KEY, b"v0", ttl_ms=1_000, stale_ms=HOUR, tags=["red"])
    site.bench.clock.advance(1)
    return site.loader.fetch(KEY)


def ahead(site: Site) -> Answer:
    """A fresh value is being refreshed shortly before its end."""
    lease = site.loader.fetch(KEY).lease
    site.bench.clock.advance(1)
    site.loader.store(KEY, b"v0", ttl_ms=2_000, lease=lease, tags=["red"])
    site.bench.clock.advance(1.9)
    site.bench.draw.value = 0.9
    return site.loader.fetch(KEY)


LOADS = {"foreground": (foreground, "miss"), "background": (background, "stale"), "ahead of time": (ahead, "hit")}


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("invalidation", INVALIDATIONS)
@pytest.mark.parametrize("soft", [False, True], ids=["hard", "soft"])
def test_a_load_that_an_invalidation_overtook_is_never_served(
    site: Site,
    load: str,
    invalidation: str,
    soft: bool,  # noqa: FBT001
) -> None:
    """T1, T2: the tag is known only from the result, so nobody could name it when the load began."""
    begin, status = LOADS[load]
    loading = begin(site)
    assert loading.status == status
    assert loading.lease is not None
    site.bench.draw.value = 0.0

    site.writer.invalidate(**INVALIDATIONS[invalidation], soft=soft)

    assert site.loader.store(KEY, b"v1", lease=loading.lease, tags=["red"]) == "lease_lost"
    for caller in (site.loader, site.writer):
        assert caller.get(KEY) is None
        assert caller.fetch(KEY).value in ({None} if status == "miss" or not soft else {b"v0"})


@pytest.mark.parametrize("invalidation", INVALIDATIONS)
def test_a_load_that_began_after_the_invalidation_is_kept(site: Site, invalidation: str) -> None:
    overtaken = site.loader.fetch(KEY)
    site.writer.invalidate(**INVALIDATIONS[invalidation])
    if invalidation == "tag":  # nobody knows that the key has it, so the first load still stands
        site.loader.store(KEY, b"v1", lease=overtaken.lease, tags=["red"])
    following = site.writer.fetch(KEY)
    assert following.lease not in {None, overtaken.lease}
    assert site.writer.store(KEY, b"v2", lease=following.lease, tags=["red"]) == "stored"
    assert site.loader.store(KEY, b"v1", lease=overtaken.lease, tags=["red"]) == "lease_lost"
    assert site.loader.get(KEY) == site.writer.get(KEY) == b"v2"


def test_a_deleted_key_is_not_brought_back_by_a_load_that_read_the_old_value(site: Site) -> None:
    """T1: also by a plain delete."""
    loading = site.loader.fetch(KEY)
    site.writer.delete(KEY)
    assert site.loader.store(KEY, b"v1", lease=loading.lease) == "lease_lost"
    assert site.loader.get(KEY) is None


def test_a_plain_write_is_the_last_word_over_a_load_in_progress(site: Site) -> None:
    loading = site.loader.fetch(KEY)
    site.writer.store(KEY, b"v2")
    assert site.loader.store(KEY, b"v1", lease=loading.lease) == "lease_lost"
    assert site.loader.get(KEY) == site.writer.get(KEY) == b"v2"


def test_an_invalidation_of_something_else_does_not_disturb_a_load(site: Site) -> None:
    loading = site.loader.fetch(KEY)
    site.writer.invalidate(keys=[b"user:2"], tags=["blue"], patterns=[b"cart:*"])
    site.elsewhere.invalidate(everything=True, patterns=[b"*"])
    assert site.loader.store(KEY, b"v1", lease=loading.lease, tags=["red"]) == "stored"
    assert site.writer.get(KEY) == b"v1"


def test_a_tag_invalidated_in_another_namespace_overtakes_a_load_too(site: Site) -> None:
    """T2: tags are the tenant's, across its namespaces."""
    loading = site.loader.fetch(KEY)
    site.elsewhere.invalidate(tags=["red"])
    assert site.loader.store(KEY, b"v1", lease=loading.lease, tags=["red"]) == "lease_lost"
    assert site.loader.get(KEY) is None


@pytest.mark.parametrize("invalidation", INVALIDATIONS)
def test_invalidate_hard_then_fail_serves_nothing(site: Site, invalidation: str) -> None:
    """T5: hard forbids what soft allows."""
    site.loader.store(KEY, b"v1", stale_ms=HOUR, tags=["red"])
    site.writer.invalidate(**INVALIDATIONS[invalidation])
    for _ in range(2):
        loading = site.loader.fetch(KEY)
        assert (loading.status, loading.value) == ("miss", None)
        assert loading.lease is not None
        site.loader.release(KEY, loading.lease)


@pytest.mark.parametrize("invalidation", INVALIDATIONS)
def test_invalidate_softly_then_fail_serves_the_stale_value_and_says_so(site: Site, invalidation: str) -> None:
    """T5: soft allows what hard forbids."""
    site.loader.store(KEY, b"v1", stale_ms=HOUR, tags=["red"])
    site.writer.invalidate(**INVALIDATIONS[invalidation], soft=True)
    for _ in range(2):
        loading = site.loader.fetch(KEY)
        assert (loading.status, loading.value) == ("stale", b"v1")
        assert loading.lease is not None
        site.loader.release(KEY, loading.lease)
    assert site.loader.get(KEY) is None, "a plain read never serves stale"


@pytest.mark.parametrize("invalidation", INVALIDATIONS)
def test_write_invalidate_and_write_in_one_instant(site: Site, invalidation: str) -> None:
    """T9: the order is that of the calls; the clock does not move here at all."""
    site.loader.store(KEY, b"v1", tags=["red"])
    site.writer.invalidate(**INVALIDATIONS[invalidation])
    assert site.loader.get(KEY) is None
    site.writer.store(KEY, b"v2", tags=["red"])
    assert site.loader.get(KEY) == b"v2"
    site.upkeep()
    assert site.loader.get(KEY) == b"v2"


def test_an_invalidation_outlives_whatever_it_killed(site: Site) -> None:
    """T7: however long the entry would have lived, and however many tags were invalidated since."""
    site.loader.store(KEY, b"v1", ttl_ms=29 * 24 * HOUR, tags=["red"])
    site.writer.invalidate(tags=["red"])
    for start in range(0, 2_000, 100):
        site.writer.invalidate(tags=[f"tag-{number}" for number in range(start, start + 100)])
    site.bench.clock.advance(28 * 24 * 3_600)
    assert site.loader.get(KEY) is None
    assert site.loader.fetch(KEY).status == "miss"


def test_what_is_stored_after_marks_were_forgotten_lives(site: Site) -> None:
    for start in range(0, 2_000, 100):
        site.writer.invalidate(tags=[f"tag-{number}" for number in range(start, start + 100)])
    site.loader.store(KEY, b"v1", tags=["red", "tag-3"])
    site.upkeep()
    assert site.writer.get(KEY) == b"v1"
