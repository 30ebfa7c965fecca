"""What callers see while the sidecar is away, slow, or gone and back. Both clients keep each rule."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

import pannier
from both_kinds import decorated, loaded, made
from pannier import DeadlineExceeded, Forbidden, QuotaExceeded, Reach, Unavailable, cache, cache_invalidate
from patience import until_now
from scripted_lane import MISS, ScriptedLane, hit, miss, stale

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TIMEOUT_S = 0.15


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def client(kind: str, lane: ScriptedLane) -> Iterator[Any]:
    with made(kind, lane.url, timeout=TIMEOUT_S) as client:
        yield client


@pytest.fixture
def near(kind: str, lane: ScriptedLane) -> Iterator[Any]:
    with made(kind, lane.url, timeout=TIMEOUT_S, near_cache=True) as client:
        yield client


class Counted:
    """A cached function that says how often it ran."""

    def __init__(self, kind: str, client: Any, **options: Any) -> None:
        self.runs = 0
        self.fails = False

        def get(user_id: int) -> int:
            self.runs += 1
            if self.fails:
                raise LookupError
            return self.runs

        home = client if kind == "sync" else client.bare
        self.call = decorated(kind, client, cache(key="user:{user_id}", client=home, **options), get)


def silent(*_: object) -> None:
    """No answer."""


def test_without_a_sidecar_look_ups_find_nothing_and_functions_run(kind: str, tmp_path: Path) -> None:
    with made(kind, f"unix://{tmp_path}/none.sock") as client:
        assert client.cache().get("key", "default") == "default"
        assert client.cache().get_many(["key"]) == {}
        assert client.cache().set("key", 1) is False
        assert client.cache().get_or_set("key", loaded(kind, 7)) == 7
        counted = Counted(kind, client)
        assert [counted.call(1), counted.call(1)] == [1, 2]


def test_without_a_sidecar_the_policy_may_ask_for_an_error(kind: str, tmp_path: Path) -> None:
    with made(kind, f"unix://{tmp_path}/none.sock") as client:
        demanding = client.cache(on_unavailable="raise")
        for method, args in (("get", ["key"]), ("set", ["key", 1]), ("get_many", [["key"]])):
            with pytest.raises(Unavailable):
                getattr(demanding, method)(*args)
        counted = Counted(kind, client, on_unavailable="raise")
        with pytest.raises(Unavailable):
            counted.call(1)
        assert counted.runs == 0


@pytest.mark.parametrize("deaf", ["HELLO", "PN.FETCH"])
def test_a_call_takes_no_longer_than_the_timeout(kind: str, lane: ScriptedLane, client: Any, deaf: str) -> None:
    lane.answers[deaf] = silent
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        client.cache(on_unavailable="raise").get("key")
    assert TIMEOUT_S * 0.9 < time.monotonic() - started < TIMEOUT_S + 0.3


def test_once_the_breaker_is_open_a_call_costs_next_to_nothing(kind: str, lane: ScriptedLane, client: Any) -> None:
    lane.answers["PN.FETCH"] = silent
    lane.answers["HELLO"] = silent
    counted = Counted(kind, client)
    until_now(lambda: _seconds(counted.call) < TIMEOUT_S / 10)
    costs = sorted(_seconds(counted.call) for _ in range(50))
    assert costs[25] < 0.001


def _seconds(call: Any) -> float:
    started = time.perf_counter()
    call(1)
    return time.perf_counter() - started


def test_after_a_restart_things_are_normal_within_a_second(kind: str, lane: ScriptedLane, client: Any) -> None:
    lane.answers["PN.FETCH"] = hit(b"-7")
    counted = Counted(kind, client)
    assert counted.call(1) == -7
    lane.stop()
    assert [counted.call(1), counted.call(1), counted.call(1)] == [1, 2, 3]
    lane.listen()
    back = time.monotonic()
    until_now(lambda: counted.call(1) == -7)
    assert time.monotonic() - back < 1.0


def test_a_restart_between_two_calls_goes_unnoticed(kind: str, lane: ScriptedLane, client: Any) -> None:
    lane.answers["PN.FETCH"] = hit(b"-7")
    demanding = client.cache(on_unavailable="raise")
    assert demanding.get("key") == -7
    lane.stop()
    lane.listen()
    assert demanding.get("key") == -7


def test_what_answers_nonsense_is_no_sidecar(kind: str, lane: ScriptedLane, client: Any) -> None:
    lane.answers["PN.FETCH"] = b"?nonsense\r\n"
    with pytest.raises(Unavailable):
        client.cache(on_unavailable="raise").get("key")
    assert Counted(kind, client).call(1) == 1


@pytest.mark.parametrize("refusal", ["OVERLOADED busy", "QUOTA_EXCEEDED later", "UNAVAILABLE draining", "INTERNAL oh"])
def test_a_refusal_that_is_not_the_callers_fault_is_bypassed(
    kind: str, lane: ScriptedLane, client: Any, refusal: str
) -> None:
    lane.answers["PN.FETCH"] = b"-%b\r\n" % refusal.encode()
    assert client.cache().get("key", "default") == "default"
    assert Counted(kind, client).call(1) == 1


@pytest.mark.parametrize("read", ["call", "get", "get_many"])
@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        (b"-QUOTA_EXCEEDED later\r\n", "quota_exceeded: later"),
        (b"HTTP/1.1 400 Bad Request\r\n", "unavailable: "),
    ],
    ids=["quota", "another port"],
)
def test_the_log_hears_once_that_reads_are_bypassed_and_once_that_they_are_no_more(
    kind: str, lane: ScriptedLane, client: Any, caplog: pytest.LogCaptureFixture, read: str, trouble: bytes, why: str
) -> None:
    caplog.set_level("INFO", "pannier")
    reading = {
        "call": Counted(kind, client).call,
        "get": client.cache().get,
        "get_many": lambda key: client.cache().get_many([key]),
    }[read]
    lane.answers["PN.FETCH"] = trouble
    reading("1"), reading("1")
    (told,) = caplog.messages
    assert told.startswith(f"reads go on without the sidecar at {lane.url}: {why}")
    lane.answers["PN.FETCH"] = MISS
    until_now(lambda: (reading("1"), len(caplog.messages) > 1)[1])
    reading("1")
    assert caplog.messages[1:] == [f"the sidecar at {lane.url} answers reads again"]


def test_what_cannot_be_read_is_a_miss_and_told_once(
    kind: str, lane: ScriptedLane, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    lane.answers["PN.FETCH"] = hit(b"{bad")
    cache = client.cache()
    assert [cache.get("key", "nothing"), cache.get("key", "nothing")] == ["nothing", "nothing"]
    assert caplog.messages == ["a value in the namespace default is passed over: JSONDecodeError"]


def test_who_asked_for_errors_is_told_by_them_and_not_by_the_log(
    kind: str, lane: ScriptedLane, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    lane.answers["PN.FETCH"] = b"-QUOTA_EXCEEDED later\r\n"
    with pytest.raises(QuotaExceeded):
        client.cache(on_unavailable="raise").get("key")
    with pytest.raises(QuotaExceeded):
        Counted(kind, client, on_unavailable="raise").call(1)
    assert caplog.messages == []


def test_a_refusal_for_good_is_raised(kind: str, lane: ScriptedLane, client: Any) -> None:
    lane.answers["PN.FETCH"] = b"-FORBIDDEN no\r\n"
    with pytest.raises(Forbidden, match="no"):
        Counted(kind, client).call(1)


def test_the_one_with_the_lease_fills(kind: str, lane: ScriptedLane, client: Any) -> None:
    lane.answers["PN.FETCH"] = miss(b"lease-1")
    assert Counted(kind, client, ttl=60, stale=5, tags=["a", "user:{user_id}"]).call(1) == 1
    (store,) = lane.until_asked("PN.STORE")
    assert store[1:3] == [b"user:1", b"1"]
    assert b" ".join(store[3:]) == b"PX 60000 STALE 5000 TAGS 2 a user:1 LEASE lease-1 TYPE application/json"


def test_a_failed_fill_gives_the_lease_back(kind: str, lane: ScriptedLane, client: Any) -> None:
    lane.answers["PN.FETCH"] = miss(b"lease-1")
    counted = Counted(kind, client)
    counted.fails = True
    with pytest.raises(LookupError):
        counted.call(1)
    assert lane.until_asked("PN.RELEASE") == [[b"PN.RELEASE", b"user:1", b"lease-1"]]
    assert lane.asked("PN.STORE") == []


def test_a_lost_lease_loses_nothing_but_the_entry(kind: str, lane: ScriptedLane, client: Any) -> None:
    lane.answers["PN.FETCH"] = miss(b"lease-1")
    lane.answers["PN.STORE"] = b"+lease_lost\r\n"
    assert Counted(kind, client).call(1) == 1


@pytest.mark.parametrize("refusal", ["TOO_LARGE too big", "OVERLOADED busy"])
def test_a_refused_fill_gives_the_lease_back(kind: str, lane: ScriptedLane, client: Any, refusal: str) -> None:
    lane.answers["PN.FETCH"] = miss(b"lease-1")
    lane.answers["PN.STORE"] = b"-%b\r\n" % refusal.encode()
    assert Counted(kind, client).call(1) == 1
    client.close()
    assert lane.until_asked("PN.RELEASE") == [[b"PN.RELEASE", b"user:1", b"lease-1"]]


def test_a_call_without_value_and_lease_waits_and_then_does_not_store(
    kind: str, lane: ScriptedLane, client: Any
) -> None:
    lane.answers["PN.FETCH"] = MISS
    assert Counted(kind, client).call(1) == 1
    first, second = lane.asked("PN.FETCH")
    assert (first[2:], second[2:4], 100 < int(second[3]) <= 120) == ([], [b"WAIT", second[3]], True)
    assert lane.asked("PN.STORE") == []


def test_a_stale_value_with_a_lease_is_refreshed(kind: str, lane: ScriptedLane, client: Any) -> None:
    """A thread runs the function in its own call, a task in the background."""
    lane.answers["PN.FETCH"] = stale(b"-70", b"lease-1")
    counted = Counted(kind, client)
    assert counted.call(1) == (1 if kind == "sync" else -70)
    if kind == "async":
        client.run(_done(client.bare))
    (store,) = lane.until_asked("PN.STORE")
    assert (store[2], store[4]) == (b"1", b"lease-1")


async def _done(client: Any) -> None:
    while client.sidecar.background:
        await client.sidecar.background[0]


def test_a_stale_value_survives_a_failing_refresh(kind: str, lane: ScriptedLane, client: Any) -> None:
    lane.answers["PN.FETCH"] = stale(b"-70", b"lease-1")
    counted = Counted(kind, client)
    counted.fails = True
    assert counted.call(1) == -70
    if kind == "async":
        client.run(_done(client.bare))
    assert lane.until_asked("PN.RELEASE")[0][2] == b"lease-1"


def test_a_stale_value_without_a_lease_is_somebody_elses_to_refresh(kind: str, lane: ScriptedLane, client: Any) -> None:
    lane.answers["PN.FETCH"] = stale(b"-70")
    counted = Counted(kind, client)
    assert (counted.call(1), counted.runs) == (-70, 0)


def test_a_look_up_does_not_take_stale_values(kind: str, lane: ScriptedLane, client: Any) -> None:
    lane.answers["PN.FETCH"] = stale(b"-70")
    assert client.cache().get("key", "default") == "default"


def test_an_invalidation_that_was_not_acknowledged_is_bypassed_until_it_is(
    kind: str, lane: ScriptedLane, client: Any
) -> None:
    lane.answers["PN.FETCH"] = hit(b"-70")
    lane.answers["PN.INVALIDATE"] = b"-OVERLOADED busy\r\n"
    counted = Counted(kind, client)
    assert client.cache().invalidate(keys=["user:1"]) is Reach.QUEUED
    assert counted.call(1) == 1
    assert client.cache().get("user:1") is None
    assert counted.call(2) == -70
    lane.answers["PN.INVALIDATE"] = b"+OK\r\n"
    until_now(lambda: counted.call(1) == -70)


def test_an_unacknowledged_tag_may_concern_any_key(kind: str, lane: ScriptedLane, client: Any) -> None:
    lane.answers["PN.FETCH"] = hit(b"-70")
    lane.answers["PN.INVALIDATE"] = silent
    assert client.cache().invalidate(tags=["red"]) is Reach.QUEUED
    assert Counted(kind, client).call(2) == 1


def test_a_decorated_update_succeeds_without_a_sidecar(kind: str, lane: ScriptedLane, client: Any) -> None:
    home = client if kind == "sync" else client.bare
    lane.answers["PN.FETCH"] = hit(b"-70")
    counted = Counted(kind, client)
    assert counted.call(1) == -70
    lane.stop()
    update = decorated(kind, client, cache_invalidate(key="user:{user_id}", client=home), lambda user_id: user_id)
    assert update(1) == 1
    lane.listen()
    until_now(lambda: counted.call(1) == -70)
    assert lane.asked("PN.INVALIDATE")[-1][1:] == [b"NS", b"default", b"KEYS", b"1", b"user:1"]


def test_a_write_that_did_not_arrive_does_not_leave_the_older_value(kind: str, lane: ScriptedLane, client: Any) -> None:
    lane.answers["PN.FETCH"] = hit(b"-70")
    lane.answers["PN.STORE"] = b"-OVERLOADED busy\r\n"
    lane.answers["PN.INVALIDATE"] = b"-OVERLOADED busy\r\n"
    assert client.cache().set("key", 71) is False
    assert client.cache().get("key") is None
    lane.answers["PN.INVALIDATE"] = b"+OK\r\n"
    until_now(lambda: client.cache().get("key") == -70)


def test_what_waits_is_sent_by_a_client_that_only_writes(kind: str, lane: ScriptedLane, client: Any) -> None:
    lane.answers["PN.INVALIDATE"] = b"-OVERLOADED busy\r\n"
    assert client.cache().delete("key") is Reach.QUEUED
    lane.answers["PN.INVALIDATE"] = b"+OK\r\n"
    until_now(lambda: client.cache().set("other", 1) and len(lane.asked("PN.INVALIDATE")) > 1)
    assert lane.asked("PN.INVALIDATE")[1][4:] == [b"1", b"key"]


@pytest.mark.parametrize("refusal", ["OVERLOADED busy", "INTERNAL oh"])
def test_an_invalidation_that_the_sidecar_fails_at_is_queued(
    kind: str, lane: ScriptedLane, client: Any, refusal: str
) -> None:
    lane.answers["PN.INVALIDATE"] = b"-%b\r\n" % refusal.encode()
    assert client.cache().delete("key") is Reach.QUEUED
    lane.answers["PN.STORE"] = b"-%b\r\n" % refusal.encode()
    assert client.cache().set("key", 1) is False
    until_now(lambda: client.cache().get("other") or len(lane.asked("PN.INVALIDATE")) > 2)
    assert client.cache().get("key", "bypassed") == "bypassed"
    assert lane.asked("PN.FETCH")[-1][1] == b"other"


def test_what_waits_is_sent_when_the_client_is_closed(kind: str, lane: ScriptedLane, client: Any) -> None:
    """At once: there is no later time."""
    lane.answers["PN.INVALIDATE"] = b"-OVERLOADED busy\r\n"
    assert client.cache().delete("key") is Reach.QUEUED
    assert client.cache().delete("other") is Reach.QUEUED
    lane.answers["PN.INVALIDATE"] = b"+OK\r\n"
    client.close()
    assert {command[5] for command in lane.asked("PN.INVALIDATE")[-2:]} == {b"key", b"other"}


def test_what_is_lost_when_the_client_is_closed_is_said(
    kind: str, lane: ScriptedLane, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    lane.answers["PN.INVALIDATE"] = b"-OVERLOADED busy\r\n"
    client.cache().delete("key")
    client.close()
    client.close()
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "invalidations that the sidecar has not acknowledged are lost: 1"
    ]


@pytest.mark.parametrize("is_used", [False, True])
def test_a_closed_client_takes_no_invalidations(
    kind: str, lane: ScriptedLane, client: Any, caplog: pytest.LogCaptureFixture, *, is_used: bool
) -> None:
    """It would never send them: it says so to its caller, and in the log."""
    if is_used:
        assert client.cache().get("key") is None
    client.close()
    with pytest.raises(Unavailable, match="closed"):
        client.cache().delete("key")
    assert client.cache().set("key", 1) is False
    client.close()
    assert lane.asked("PN.INVALIDATE") == []
    assert len(lane.connections) == is_used
    assert caplog.messages.count("invalidations that the sidecar has not acknowledged are lost: 1") == 2
    if kind == "async":
        assert client.bare.sidecar.background == []


def test_a_closed_client_still_runs_functions(kind: str, client: Any) -> None:
    client.close()
    assert Counted(kind, client).call(1) == 1


def test_an_invalidation_whose_thread_is_interrupted_waits(lane: ScriptedLane) -> None:
    is_interrupted = False

    def clock() -> float:
        if is_interrupted:
            raise KeyboardInterrupt
        return time.monotonic()

    with pannier.Client(lane.url, clock=clock) as client:
        assert client.cache().get("key") is None
        is_interrupted = True
        with pytest.raises(KeyboardInterrupt):
            client.cache().delete("key")
        is_interrupted = False
        assert lane.asked("PN.INVALIDATE") == []
    assert lane.asked("PN.INVALIDATE")[0][5] == b"key"


def test_a_tag_of_a_full_outbox_concerns_namespaces_that_are_only_read(
    kind: str, lane: ScriptedLane, client: Any
) -> None:
    lane.answers["PN.FETCH"] = hit(b"-70")
    lane.answers["PN.INVALIDATE"] = b"-OVERLOADED busy\r\n"
    assert client.cache("read").get("key") == -70
    client.cache().invalidate(tags=[f"tag{number}" for number in range(1_001)])
    assert client.cache("read").get("key") is None


def test_a_sidecar_that_is_back_is_told_when_the_client_is_closed(lane: ScriptedLane) -> None:
    """A thread's client has nobody to notice it before."""
    client = pannier.Client(lane.url)
    assert client.cache().set("key", 1)
    lane.stop()
    assert client.cache().delete("key") is Reach.QUEUED
    lane.listen()
    client.close()
    assert lane.asked("PN.INVALIDATE")[-1][5] == b"key"


def test_without_a_sidecar_the_last_known_value_serves_who_asked_for_stale(
    kind: str, lane: ScriptedLane, near: Any
) -> None:
    lane.answers["PN.FETCH"] = hit(b"-70")
    patient = Counted(kind, near, on_unavailable="stale")
    hasty = Counted(kind, near)
    assert (patient.call(1), hasty.call(1)) == (-70, -70)
    lane.stop()
    until_now(lambda: hasty.call(1) != -70)
    assert patient.call(1) == -70
    assert near.cache(on_unavailable="stale").get("user:1") == -70
    assert patient.call(2) == 1
    near.cache().delete("user:1")
    assert patient.call(1) == 2
