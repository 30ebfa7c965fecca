import tracemalloc

from fakes import Connection
from pannierd.cache.tracking import Tracking

HERE, ELSEWHERE = "here", "elsewhere"


def test_a_watcher_is_told_once_and_then_forgotten_until_it_reads_again() -> None:
    tracking, reader = Tracking(10), Connection()
    tracking.watch(reader, HERE, b"key")
    tracking.changed(HERE, b"key", None)
    tracking.changed(HERE, b"key", None)
    assert reader.pushed == [[b"key"]]
    tracking.watch(reader, HERE, b"key")
    tracking.changed(HERE, b"key", None)
    assert reader.pushed == [[b"key"]] * 2


def test_a_watcher_hears_of_its_key_in_its_namespace_only() -> None:
    tracking, reader = Tracking(10), Connection()
    tracking.watch(reader, HERE, b"key")
    tracking.changed(ELSEWHERE, b"key", None)
    tracking.changed(HERE, b"other", None)
    assert reader.pushed == []


def test_every_watcher_is_told_but_not_the_one_who_asked_not_to_hear_of_its_own_changes() -> None:
    tracking, one, other = Tracking(10), Connection(), Connection()
    for reader in (one, other):
        tracking.watch(reader, HERE, b"key")
    tracking.changed(HERE, b"key", one)
    assert (one.pushed, other.pushed) == ([], [[b"key"]])


def test_a_broadcast_is_told_of_every_change_under_its_prefixes() -> None:
    tracking, reader = Tracking(10), Connection()
    tracking.broadcast(reader, HERE, [b"user:", b"user:1", b"shop:"])
    for key in (b"user:1", b"cart:1", b"shop:1", b"user:1"):
        tracking.changed(HERE, key, None)
    tracking.changed(ELSEWHERE, b"user:1", None)
    tracking.changed(HERE, b"user:1", reader)
    assert reader.pushed == [[b"user:1"], [b"shop:1"], [b"user:1"]]


def test_a_broadcast_without_prefixes_hears_of_every_key() -> None:
    tracking, reader = Tracking(10), Connection()
    tracking.broadcast(reader, HERE, [])
    tracking.changed(HERE, b"any", None)
    assert reader.pushed == [[b"any"]]


def test_when_more_changed_than_can_be_named_everybody_drops_everything() -> None:
    tracking, watcher, broadcast = Tracking(10), Connection(), Connection()
    tracking.watch(watcher, HERE, b"key")
    tracking.broadcast(broadcast, HERE, [b"user:"])
    tracking.everything_changed()
    tracking.changed(HERE, b"key", None)
    assert watcher.pushed == broadcast.pushed == [None]


def test_who_went_away_hears_nothing_more() -> None:
    tracking, watcher, broadcast = Tracking(10), Connection(), Connection()
    tracking.watch(watcher, HERE, b"key")
    tracking.broadcast(broadcast, HERE, [])
    for reader in (watcher, broadcast, broadcast):
        tracking.forget(reader)
    tracking.changed(HERE, b"key", None)
    tracking.everything_changed()
    assert watcher.pushed == broadcast.pushed == []
    assert repr(tracking) == "<Tracking 0 trackers, 0 keys>"


def test_beyond_the_bound_the_longest_watched_key_is_told_as_changed() -> None:
    tracking, reader = Tracking(2), Connection()
    for key in (b"first", b"second", b"third"):
        tracking.watch(reader, HERE, key)
    assert reader.pushed == [[b"first"]]
    assert repr(tracking) == "<Tracking 1 trackers, 2 keys>"


def test_the_bound_counts_the_readers_of_a_key_those_gone_included() -> None:
    """A popular key read by one short connection after the other."""
    tracking, patient = Tracking(100), Connection()
    for _ in range(100):
        tracking.watch(patient, HERE, b"popular")
        reader = Connection()
        tracking.watch(reader, HERE, b"popular")
        tracking.forget(reader)
    assert patient.pushed == [[b"popular"]], "the table was full once"


def test_a_watched_key_costs_what_the_configuration_says_of_it() -> None:
    """`limits.max_tracked_keys` times this is what a tenant's readers may take."""
    tracking, reader = Tracking(20_000), Connection()
    tracemalloc.start()
    try:
        for number in range(20_000):
            tracking.watch(reader, HERE, b"%020d" % number)
        truth, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert truth / 20_000 < 300


def test_watching_twice_counts_once() -> None:
    tracking, reader = Tracking(2), Connection()
    for _ in range(5):
        tracking.watch(reader, HERE, b"key")
        tracking.watch(reader, HERE, b"other")
    assert reader.pushed == []


def test_room_is_made_when_keys_change_and_when_everything_does() -> None:
    tracking, reader = Tracking(2), Connection()
    tracking.watch(reader, HERE, b"a")
    tracking.changed(HERE, b"a", None)
    tracking.watch(reader, HERE, b"a")
    tracking.everything_changed()
    reader.pushed.clear()
    tracking.watch(reader, HERE, b"b")
    tracking.watch(reader, HERE, b"c")
    assert reader.pushed == []
