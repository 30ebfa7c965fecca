import msgspec
import pytest

from fakes import NOON, Bench, Connection, lease_of, write


def test_a_key_that_never_was() -> None:
    assert Bench().view("users").explain(b"key") == {
        "namespace": "users",
        "key": "key",
        "state": "absent",
        "sidecar": "sidecar-1",
        "version": 0,
        "entry": None,
        "lease": None,
        "death": None,
        "rules": [],
    }


def test_a_living_key_tells_its_lives_its_cost_and_what_would_kill_it() -> None:
    bench = Bench()
    view = bench.view()
    view.invalidate(tags=["red"])
    lease = view.space.loads.lease(b"key", bench.clock(), None)
    bench.clock.advance(0.25)
    view.store(b"key", write(b"abc", ttl_ms=1_000, stale_ms=500, tags=("red",), content_type="text/plain", lease=lease))
    bench.clock.advance(0.4)
    told = view.explain(b"key")
    assert told["state"] == "fresh"
    assert told["entry"] == {
        "tier": "memory",
        "age_ms": 400,
        "ttl_ms": 600,
        "stale_ms": 500,
        "load_ms": 250.0,
        "content_type": "text/plain",
        "size_bytes": 3,
        "memory_bytes": view.space.entries[b"key"].cost,
        "etag": view.space.entries[b"key"].etag,
        "uses": 0,
        "tags": [{"tag": "red", "version": 1}],
    }
    bench.clock.advance(0.9)
    assert view.explain(b"key")["state"] == "stale"
    assert view.explain(b"key")["entry"]["stale_ms"] == 200


def test_a_load_in_progress_is_told_without_its_lease() -> None:
    """A lease is a right to write: whoever reads the explanation must not get it."""
    bench = Bench(tenants=("shop",))
    view = bench.view(tenant="shop")
    lease = lease_of(view)
    bench.clock.advance(4)
    told = view.explain(b"key")
    assert told["lease"] == {
        "holder": "shop#1",
        "client_id": None,
        "held_ms": 4_000,
        "ends_in_ms": 6_000,
        "waiting": 0,
    }
    assert lease not in str(told)


def test_a_load_of_a_connection_tells_which_one() -> None:
    view = Bench().view()
    lease_of(view, holder=Connection("shop#2"))
    told = view.explain(b"key")["lease"]
    assert (told["holder"], told["client_id"]) == ("shop#2", 7)


@pytest.mark.parametrize(
    ("how", "kind", "name"),
    [
        ({"keys": [b"user:1"]}, "key", ""),
        ({"tags": ["red"]}, "tag", "red"),
        ({"patterns": [b"user:*"]}, "pattern", "user:*"),
        ({"everything": True}, "namespace", ""),
    ],
)
def test_a_dead_key_tells_what_killed_it_when_and_who_asked(how: dict[str, object], kind: str, name: str) -> None:
    bench = Bench(tenants=("shop",))
    view = bench.view("users", "shop")
    view.store(b"user:1", write(tags=("red",), ttl_ms=3_600_000))
    bench.clock.advance(100)
    view.invalidate(**how)  # type: ignore[arg-type]  # one keyword at a time
    bench.clock.advance(50)
    told = view.explain(b"user:1")
    assert told["state"] == "absent"
    assert told["death"] == {
        "kind": kind,
        "name": name,
        "soft": False,
        "at": NOON + 100,
        "by": "shop#1",
        "sidecar": "sidecar-1",
    }


def test_what_expired_or_was_evicted_says_so() -> None:
    bench = Bench(max_bytes=10_000)
    view = bench.view()
    view.store(b"short", write(ttl_ms=1_000, stale_ms=0))
    bench.clock.advance(1)
    assert view.explain(b"short")["death"]["kind"] == "expired"
    for number in range(20):
        view.store(b"%d" % number, write())
    assert view.explain(b"0")["death"]["kind"] == "capacity"


def test_a_key_that_lives_again_has_no_death() -> None:
    view = Bench().view()
    view.store(b"key", write())
    view.delete(b"key")
    view.store(b"key", write())
    assert view.explain(b"key")["death"] is None


def test_rules_in_force_are_told() -> None:
    view = Bench().view()
    view.invalidate(patterns=[b"user:*"], soft=True)
    assert view.explain(b"any")["rules"] == [{"pattern": "user:*", "version": 1, "soft": True}]


def test_bytes_that_are_no_text_are_told_in_json_all_the_same() -> None:
    view = Bench().view()
    view.store(b"\xff", write(tags=(b"\xfe".decode("utf-8", "surrogateescape"),)))
    view.invalidate(patterns=[b"\xfd*"])
    told = msgspec.json.decode(msgspec.json.encode(view.explain(b"\xff")))
    assert told["key_base64"] == "/w=="
    assert told["entry"]["tags"][0]["tag"] == "\\xfe"
    assert told["rules"][0]["pattern"] == "\\xfd*"
    view.invalidate(tags=[b"\xfe".decode("utf-8", "surrogateescape")])
    assert msgspec.json.decode(msgspec.json.encode(view.explain(b"\xff")))["death"]["name"] == "\\xfe"
