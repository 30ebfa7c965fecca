"""`PN.*`: leases, tags, conditions, invalidation, deadlines; and tracking, which the near-cache stands on."""

from __future__ import annotations

import json

import pytest

from fakes import Bench
from lane_bench import LaneBench, Talk
from pannierd.config import Namespace

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def lane() -> LaneBench:
    return LaneBench()


@pytest.fixture
def say(lane: LaneBench) -> Talk:
    return lane.session()


def test_one_caller_fills_and_the_others_miss(lane: LaneBench, say: Talk) -> None:
    status, value, lease, ttl_ms, content_type = say("PN.FETCH", "k")
    assert (status, value, ttl_ms, content_type) == (b"miss", None, 0, b"")
    assert lane.session()("PN.FETCH", "k")[2] is None
    assert say("PN.STORE", "k", "v", "LEASE", lease, "TYPE", "text/plain", "PX", 5_000) == b"stored"
    assert lane.session()("PN.FETCH", "k") == [b"hit", b"v", None, 5_000, b"text/plain"]


def test_a_stale_value_comes_at_once_with_a_lease_for_one(lane: LaneBench, say: Talk) -> None:
    say("PN.STORE", "k", "v", "PX", 1_000, "STALE", 1_000)
    lane.clock.advance(1.5)
    status, value, lease, ttl_ms, _ = say("PN.FETCH", "k")
    assert (status, value, ttl_ms) == (b"stale", b"v", 0)
    assert lease is not None
    assert say("PN.FETCH", "k")[2] is None
    assert say("GET", "k") is None
    lane.clock.advance(1)
    assert say("PN.FETCH", "k")[:2] == [b"miss", None]


def test_a_lease_that_was_given_back_goes_to_the_next(say: Talk) -> None:
    lease = say("PN.FETCH", "k")[2]
    assert say("PN.RELEASE", "k", lease) == b"OK"
    assert say("PN.FETCH", "k")[2] not in {None, lease}
    assert say("PN.STORE", "k", "v", "LEASE", lease) == b"lease_lost"


def test_nolease_asks_and_takes_nothing(say: Talk) -> None:
    assert say("PN.FETCH", "k", "NOLEASE") == [b"miss", None, None, 0, b""]
    assert say("PN.FETCH", "k")[2] is not None


def test_a_command_may_name_another_namespace(say: Talk) -> None:
    say("PN.STORE", "k", "v", "NS", "users")
    assert say("GET", "k") is None
    assert say("PN.FETCH", "k", "NS", "users")[1] == b"v"
    assert json.loads(say("PN.EXPLAIN", "k", "NS", "users"))["namespace"] == "users"
    assert say("PN.INVALIDATE", "NS", "users", "KEYS", 1, "k") == b"OK"
    assert say("PN.FETCH", "k", "NS", "users", "NOLEASE")[0] == b"miss"
    assert say("PN.NS", "no good name").startswith("BAD_REQUEST a namespace is")


def test_store_has_conditions(say: Talk) -> None:
    assert say("PN.STORE", "k", "v", "XX") == b"not_stored"
    assert say("PN.STORE", "k", "v", "NX") == b"stored"
    assert say("PN.STORE", "k", "w", "NX") == b"not_stored"
    etag = json.loads(say("PN.EXPLAIN", "k"))["entry"]["etag"]
    assert say("PN.STORE", "k", "w", "IFMATCH", etag) == b"stored"
    assert say("PN.STORE", "k", "x", "IFMATCH", etag) == b"not_stored"
    assert say("GET", "k") == b"w"


def test_invalidation_reaches_keys_tags_patterns_and_all(say: Talk) -> None:
    for name in ("key", "tagged", "user:1", "other"):
        say("PN.STORE", name, "v", *(("TAGS", 2, "a", "b") if name == "tagged" else ()))
    assert say("PN.INVALIDATE", "KEYS", 1, "key", "TAGS", 1, "b", "PATTERNS", 1, "user:*") == b"OK"
    assert say("MGET", "key", "tagged", "user:1", "other") == [None, None, None, b"v"]
    assert say("PN.INVALIDATE", "ALL") == b"OK"
    assert say("GET", "other") is None


def test_a_soft_invalidation_leaves_a_stale_value(say: Talk) -> None:
    say("SET", "k", "v")
    say("PN.INVALIDATE", "KEYS", 1, "k", "SOFT")
    assert say("GET", "k") is None
    assert say("PN.FETCH", "k")[:2] == [b"stale", b"v"]


def test_a_result_that_is_nothing_is_kept_as_long_as_the_namespace_says() -> None:
    say = LaneBench(bench=Bench(namespaces={"remembers": Namespace(negative_ttl_ms=2_000)})).session()
    nothing = "application/vnd.pannier.none"
    assert say("PN.STORE", "k", "", "TYPE", nothing) == b"not_stored"
    assert say("PN.STORE", "k", "", "TYPE", nothing, "NS", "remembers") == b"stored"
    assert say("PN.FETCH", "k", "NS", "remembers") == [b"hit", b"", None, 2_000, nothing.encode()]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("PN.FETCH", "k", "NOPE"), "BAD_REQUEST unknown option NOPE"),
        (("PN.FETCH", "k", "WAIT"), "BAD_REQUEST option WAIT needs a value"),
        (("PN.FETCH", "k", "WAIT", "soon"), "BAD_REQUEST value is not an integer or out of range"),
        (("PN.FETCH", "k", "WAIT", -1), "BAD_REQUEST WAIT is 0 or more milliseconds"),
        (("PN.FETCH", "k", "NOLEASE", "nolease"), "BAD_REQUEST option NOLEASE is given twice"),
        (("PN.FETCH",), "BAD_REQUEST wrong number of arguments for 'pn.fetch' command"),
        (("PN.STORE", "k", "v", "TAGS", 3, "a"), "BAD_REQUEST option TAGS announces 3 words and has 1"),
        (("PN.STORE", "k", "v", "TAGS", -1), "BAD_REQUEST option TAGS announces -1 words and has 0"),
        (
            ("PN.INVALIDATE", "KEYS", "a"),
            "BAD_REQUEST option KEYS begins with how many words it has: KEYS count word ...",
        ),
        (("PN.INVALIDATE", "KEYS"), "BAD_REQUEST option KEYS needs a value"),
        (("PN.STORE", "k", "v", "NX", "XX"), "BAD_REQUEST NX and XX exclude each other"),
        (("PN.STORE", "k", "v", "PX", 0), "BAD_REQUEST a life is at least 1 ms and a stale time at least 0 ms"),
        (("PN.STORE", "", "v"), "BAD_REQUEST a key has 1 to 1024 bytes, this one has 0"),
        (("PN.INVALIDATE",), "BAD_REQUEST name what to invalidate: KEYS, TAGS, PATTERNS or ALL"),
        (("PN.INVALIDATE", "SOFT"), "BAD_REQUEST name what to invalidate: KEYS, TAGS, PATTERNS or ALL"),
        (("PN.CALL", 0, "-", "PING"), "DEADLINE_EXCEEDED the deadline had passed when the command arrived"),
        (("PN.CALL", 10, "-", "EXEC"), "BAD_REQUEST PN.CALL carries no EXEC"),
        (("PN.CALL", 10, "-", "pn.call", 10, "-", "PING"), "BAD_REQUEST PN.CALL carries no pn.call"),
        (("PN.CALL", "soon", "-", "PING"), "BAD_REQUEST value is not an integer or out of range"),
        (("PN.CALL", 10, "-", "pn.release", "k"), "BAD_REQUEST wrong number of arguments for 'pn.release' command"),
        (("PN.CALL", 10, "-", "GET"), "ERR wrong number of arguments for 'get' command"),
        (("PN.Nonsense", "k"), "BAD_REQUEST unknown command 'PN.Nonsense', with args beginning with: 'k' "),
        (("PN.CALL", 10, "-", "NONSENSE"), "ERR unknown command 'NONSENSE', with args beginning with: "),
        (("PN.Nonsense",), "BAD_REQUEST unknown command 'PN.Nonsense', with args beginning with: "),
    ],
)
def test_mistakes_are_named(say: Talk, words: tuple[str | int, ...], text: str) -> None:
    assert say(*words) == text


def test_a_value_that_is_refused_gives_its_lease_back(say: Talk) -> None:
    lease = say("PN.FETCH", "k")[2]
    assert say("PN.STORE", "k", "v" * 8_388_609, "LEASE", lease).startswith("TOO_LARGE")
    assert say("PN.FETCH", "k")[2] is not None


def test_call_carries_a_command_with_room_for_a_trace(say: Talk) -> None:
    assert say("PN.CALL", 1_000, TRACEPARENT, "SET", "k", "v") == b"OK"
    assert say("PN.CALL", 1_000, "-", "GET", "k") == b"v"


@pytest.mark.parametrize(("traceparent", "trace_id"), [(TRACEPARENT, TRACEPARENT[3:35]), ("-", None), ("x" * 55, None)])
def test_the_log_names_whose_command_failed_and_its_trace(
    lane: LaneBench, say: Talk, traceparent: str, trace_id: str | None
) -> None:
    lane.clock.now = float("nan")  # what no command reckons with
    told = say("PN.CALL", 1_000, traceparent, "SET", "k", "v", "EXAT", 1)
    assert told == "ERR a fault in the sidecar; its log has it"
    (line,) = lane.log.calls
    named = {"command": "SET", "client_id": 1, "tenant": "default", "trace_id": trace_id}
    assert line.kwargs.items() >= named.items()


def tracking(lane: LaneBench, *words: str) -> Talk:
    """A session that tracks."""
    talk = lane.session()
    talk("HELLO", 3)
    assert talk("CLIENT", "TRACKING", "ON", *words) == b"OK"
    return talk


def test_what_was_read_is_pushed_once_when_it_changes(lane: LaneBench, say: Talk) -> None:
    tracker = tracking(lane)
    for read in (("GET", "a"), ("MGET", "b", "c"), ("PN.FETCH", "d", "NOLEASE"), ("EXISTS", "e")):
        tracker(*read)
    for key in "abcde":
        say("SET", key, "v")
    assert tracker.pushed() == [b"invalidate", [b"a", b"b", b"c", b"d", b"e"]]
    say("SET", "a", "w")
    assert tracker.pushed() is None
    assert tracker.wakes == 1


def test_without_noloop_its_own_writes_are_pushed_too(lane: LaneBench) -> None:
    loud, quiet = tracking(lane), tracking(lane, "NOLOOP")
    for talk in (loud, quiet):
        talk("GET", "k")
        talk("SET", "k", "v")
    assert loud.pushed() == [b"invalidate", [b"k"]]
    assert quiet.pushed() is None


def test_with_noloop_what_it_wrote_is_known_to_it(lane: LaneBench, say: Talk) -> None:
    tracker = tracking(lane, "NOLOOP")
    tracker("SET", "a", "mine")
    tracker("PN.STORE", "b", "mine")
    say("DEL", "a", "b")
    assert tracker.pushed() == [b"invalidate", [b"a", b"b"]]


def test_a_broadcast_names_every_change_under_its_prefixes(lane: LaneBench, say: Talk) -> None:
    tracker = tracking(lane, "BCAST", "PREFIX", "user:", "PREFIX", "order:")
    for key in ("user:1", "order:2", "other"):
        say("SET", key, "v")
    assert tracker.pushed() == [b"invalidate", [b"user:1", b"order:2"]]


@pytest.mark.parametrize(
    "words", [("PN.INVALIDATE", "TAGS", "1", "t"), ("PN.INVALIDATE", "PATTERNS", "1", "x*"), ("FLUSHALL",)]
)
def test_what_changes_more_than_can_be_named_is_pushed_as_null(
    lane: LaneBench, say: Talk, words: tuple[str, ...]
) -> None:
    tracker = tracking(lane)
    tracker("GET", "a")
    say(*words)
    assert tracker.pushed() == [b"invalidate", None]


def test_the_bare_path_follows_the_session_and_ends_while_it_tracks(lane: LaneBench, say: Talk) -> None:
    say("PN.NS", "other")
    assert say.session.bare_space is lane.bench.space("other")
    tracker = tracking(lane)
    tracker("PN.NS", "other")
    assert tracker.session.bare_space is None
    tracker("RESET")
    assert tracker.session.bare_space is lane.bench.space()


def test_tracking_ends_when_it_is_switched_off_and_when_the_session_is_reset(lane: LaneBench, say: Talk) -> None:
    for end in (("CLIENT", "TRACKING", "OFF"), ("RESET",)):
        tracker = tracking(lane)
        tracker("GET", "k")
        tracker(*end)
        say("SET", "k", "v")
        assert tracker.pushed() is None


def test_tracking_ends_with_the_protocol_that_has_pushes(lane: LaneBench, say: Talk) -> None:
    tracker = tracking(lane)
    tracker("MGET", "a", "b")
    say("SET", "a", "v")
    assert tracker("HELLO", 2)[:2] == [b"server", b"redis"]
    say("SET", "b", "v")
    assert tracker.pushed() is None
    tracker("HELLO", 3)
    assert tracker("CLIENT", "TRACKING", "ON", "BCAST") == b"OK"
    say("SET", "c", "v")
    assert tracker.pushed() == [b"invalidate", [b"c"]]


def test_a_tracker_that_moves_to_another_namespace_drops_what_it_knew(lane: LaneBench, say: Talk) -> None:
    tracker = tracking(lane, "BCAST")
    tracker("PN.NS", "other")
    assert tracker.pushed() == [b"invalidate", None]
    say("SET", "here", "v")
    assert tracker.pushed() is None
    say("PN.NS", "other")
    say("SET", "there", "v")
    assert tracker.pushed() == [b"invalidate", [b"there"]]


@pytest.mark.parametrize(
    ("version", "words", "text"),
    [
        (2, ("ON",), "ERR Client tracking pushes invalidations, which takes RESP3: say HELLO 3 first"),
        (3, ("MAYBE",), "ERR syntax error"),
        (3, ("ON", "OPTIN"), "ERR syntax error"),
        (3, ("ON", "BCAST", "PREFIX"), "ERR syntax error"),
        (3, ("ON", "PREFIX", "x"), "ERR PREFIX option requires BCAST mode to be enabled"),
    ],
)
def test_tracking_refuses_what_it_cannot_do(say: Talk, version: int, words: tuple[str, ...], text: str) -> None:
    say("HELLO", version)
    assert say("CLIENT", "TRACKING", *words) == text


def test_client_list_shows_who_does_what(lane: LaneBench, say: Talk) -> None:
    tracker = tracking(lane)
    say("CLIENT", "SETNAME", "worker")
    say("CLIENT", "SETINFO", "LIB-NAME", "redis-py")
    say("MULTI")
    lane.clock.advance(3)
    lines = [
        dict(word.split("=", 1) for word in line.split()) for line in tracker("CLIENT", "LIST").decode().splitlines()
    ]
    assert [(line["id"], line["flags"], line["resp"]) for line in lines] == [("1", "x", "2"), ("2", "t", "3")]
    assert (lines[0]["name"], lines[0]["lib-name"], lines[0]["age"], lines[0]["multi"]) == (
        "worker",
        "redis-py",
        "3",
        "0",
    )
    assert say("CLIENT", "SETNAME", "a b") == b"QUEUED"
    assert say("EXEC") == ["ERR Client names cannot contain spaces, newlines or special characters."]
