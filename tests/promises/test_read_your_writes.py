"""P1: what starts after an acknowledged write or invalidation sees it: across lanes, and pipelined."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from both_lanes import BothLanes
    from callers import Site


def test_each_write_is_seen_by_the_next_read_of_anybody(site: Site) -> None:
    """T30: by every pair of ways."""
    for number in range(20):
        value = b"v%d" % number
        assert site.writer.store(b"key", value) == "stored"
        assert site.loader.get(b"key") == site.writer.get(b"key") == value
        assert site.loader.fetch(b"key").value == value
    site.writer.delete(b"key")
    assert site.loader.get(b"key") is None


def test_in_one_pipeline_each_read_sees_the_write_before_it(sidecar: BothLanes) -> None:
    """T30: sent in one write, so that the sidecar finds all of it in one chunk."""
    lane = sidecar.dial()
    rounds = range(200)
    lane.send(*(command for number in rounds for command in (("SET", "key", number), ("GET", "key"))))
    replies = [lane.read() for _ in range(2 * len(rounds))]
    assert replies == [reply for number in rounds for reply in (b"OK", b"%d" % number)]


@pytest.mark.parametrize(
    "invalidation",
    [
        ("DEL", "key"),
        ("PN.INVALIDATE", "KEYS", 1, "key"),
        ("PN.INVALIDATE", "TAGS", 1, "red"),
        ("PN.INVALIDATE", "PATTERNS", 1, "k*"),
        ("PN.INVALIDATE", "ALL"),
        ("PN.INVALIDATE", "TAGS", 1, "red", "SOFT"),
        ("FLUSHDB",),
        ("PEXPIRE", "key", 0),
        ("GETDEL", "key"),
    ],
    ids=lambda words: " ".join(map(str, words)),
)
def test_in_one_pipeline_a_read_behind_an_invalidation_sees_nothing(
    sidecar: BothLanes, invalidation: tuple[str | int, ...]
) -> None:
    lane = sidecar.dial()
    read = ("GET", "key")
    round_of = [("PN.STORE", "key", "value", "TAGS", 1, "red"), read, invalidation, read, read]
    lane.send(*(round_of * 20))
    replies = [[lane.read() for _ in round_of] for _ in range(20)]
    assert {before for _, before, _, _, _ in replies} == {b"value"}
    assert {after for *_, one, other in replies for after in (one, other)} == {None}


def test_a_transaction_reads_what_it_wrote(sidecar: BothLanes) -> None:
    lane = sidecar.dial()
    lane.send(
        ("SET", "key", "old"),
        ("MULTI",),
        ("SET", "key", "new"),
        ("GET", "key"),
        ("DEL", "key"),
        ("GET", "key"),
        ("EXEC",),
    )
    *_, executed = [lane.read() for _ in range(7)]
    assert executed == [b"OK", b"new", 1, None]


def test_a_batch_over_http_reads_what_it_wrote_and_so_does_the_lane_behind_it(sidecar: BothLanes) -> None:
    """T30: HTTP, then the lane."""
    web, lane = sidecar.web(), sidecar.lane()
    operations = (
        b'{"op": "set", "key": "key", "value": "one"}, {"op": "get", "key": "key"}, '
        b'{"op": "delete", "key": "key"}, {"op": "get", "key": "key"}, {"op": "set", "key": "key", "value": "two"}'
    )
    body = b'{"namespace": "default", "operations": [%s]}' % operations
    status, _, _ = web.ask("POST", "/v1/cache:batch", body, {"Content-Type": "application/json"})
    assert status == 200
    assert lane.get(b"key") == b"two"


def test_both_lanes_see_one_entry_with_the_same_life_type_and_etag(sidecar: BothLanes) -> None:
    web, lane, raw = sidecar.web(), sidecar.lane(), sidecar.dial()
    lane.store(b"key", b"value", ttl_ms=60_000, content_type="text/plain")
    _, by_http, body = web.ask("GET", web.path(b"key"))
    assert body == b"value"
    assert by_http["Content-Type"] == "text/plain"
    assert int(by_http["X-Cache-TTL-Ms"]) == raw.call("PTTL", "key") == 60_000
    assert raw.call("PN.STORE", "key", "other", "IFMATCH", by_http["ETag"].strip('"')) == b"stored"
    assert web.get(b"key") == b"other"


def test_a_tracking_reader_is_told_of_a_write_by_the_other_lane(sidecar: BothLanes) -> None:
    reader, web = sidecar.dial(), sidecar.web()
    reader.call("HELLO", 3)
    assert reader.call("CLIENT", "TRACKING", "ON") == b"OK"
    web.store(b"key", b"old")
    assert reader.call("GET", "key") == b"old"
    web.store(b"key", b"new")
    assert reader.read() == [b"invalidate", [b"key"]]
    assert reader.call("GET", "key") == b"new"
    web.invalidate(tags=["red"])
    assert reader.read() == [b"invalidate", None]
