"""What a client may expect of a sidecar: of the real one, and of the fake that stands in for it in users' tests."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

import pannier
from both_kinds import decorated, loaded, made
from contract.backends import Backend, backend
from pannier import Reach, cache, cache_invalidate, cache_refresh
from pannier._commands import Space
from patience import until_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SPACE = Space("default", is_bound=True)


@pytest.fixture(params=["fake", "real"])
def sidecar(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    with backend(request.param, tmp_path) as started:
        yield started


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make(sidecar: Backend) -> Callable[..., Any]:
    return lambda kind, **options: made(kind, sidecar.url, clock=sidecar.clock, **options)


@pytest.fixture
def client(kind: str, make: Callable[..., Any]) -> Iterator[Any]:
    with make(kind) as made_one:
        yield made_one


@pytest.fixture
def values(client: Any) -> Any:
    return client.cache()


@pytest.mark.parametrize("value", [b"\xff", "ü", 7, True, None, [1, {"a": None}]], ids=repr)
def test_a_value_comes_back_as_it_was(values: Any, value: Any) -> None:
    assert values.set("key", value, ttl=60)
    assert values.get("key", "nothing") == value


def test_a_value_dies_when_its_life_is_over(values: Any, sidecar: Backend) -> None:
    values.set("key", 7, ttl=60, stale=0)
    sidecar.advance(59)
    assert values.get("key") == 7
    sidecar.advance(1)
    assert values.get("key") is None
    assert values.explain("key")["state"] == "absent"


def test_a_value_without_a_life_of_its_own_has_the_namespaces(values: Any, sidecar: Backend) -> None:
    values.set("key", 7)
    sidecar.advance(299)
    assert values.get("key") == 7
    sidecar.advance(1)
    assert values.get("key") is None
    assert values.explain("key")["state"] == "stale"
    sidecar.advance(600)
    assert values.explain("key")["state"] == "absent"


def test_nothing_without_a_life_of_its_own_is_not_kept_and_takes_the_old_value_with_it(values: Any) -> None:
    values.set("key", 7)
    assert not values.set("key", None)
    assert values.get("key", "nothing") == "nothing"


def test_a_value_that_is_too_large_is_refused(values: Any) -> None:
    with pytest.raises(pannier.TooLarge):
        values.set("key", bytes(8_388_609))


def test_namespaces_are_apart(client: Any) -> None:
    client.cache("one").set("key", 1)
    client.cache("two").set("key", 2)
    client.cache("one").invalidate(everything=True)
    assert client.cache("one").get("key") is None
    assert client.cache("two").get("key") == 2


@pytest.mark.parametrize(
    ("named", "forgotten"),
    [
        ({"keys": ["user:1"]}, {"user:1"}),
        ({"tags": ["odd"]}, {"user:1", "team:3"}),
        ({"tags": ["odd", "even"]}, {"user:1", "user:2", "team:3"}),
        ({"patterns": ["user:*"]}, {"user:1", "user:2", "user:x"}),
        ({"patterns": ["*:[1-2]"]}, {"user:1", "user:2"}),
        ({"patterns": ["user:?", "team:[^4]"]}, {"user:1", "user:2", "user:x", "team:3"}),
        ({"patterns": [r"user:\*"]}, set()),
        ({"everything": True}, {"user:1", "user:2", "user:x", "team:3"}),
        ({"keys": ["user:x"], "tags": ["even"]}, {"user:x", "user:2"}),
    ],
    ids=repr,
)
def test_an_invalidation_reaches_what_it_names(values: Any, named: dict[str, Any], forgotten: set[str]) -> None:
    tags = {"user:1": ["odd"], "user:2": ["even"], "user:x": [], "team:3": ["odd"]}
    for key, its_tags in tags.items():
        values.set(key, key, tags=its_tags)
    assert values.invalidate(**named) is Reach.ACKNOWLEDGED
    assert set(values.get_many(list(tags))) == set(tags) - forgotten


def test_a_tag_reaches_into_every_namespace(client: Any) -> None:
    client.cache("one").set("key", 1, tags=["shared"])
    client.cache("two").invalidate(tags=["shared"])
    assert client.cache("one").get("key") is None


def test_a_soft_invalidation_leaves_the_value_for_its_refresher(kind: str, values: Any) -> None:
    values.set("key", "old")
    values.invalidate(keys=["key"], soft=True)
    assert values.get("key") is None
    assert values.explain("key")["state"] == "stale"
    values.get_or_set("key", loaded(kind, "new"))
    values.invalidate(keys=["key"])
    assert values.explain("key")["state"] == "absent"


def test_what_died_softly_is_stale_for_its_stale_time_from_then_on(values: Any, sidecar: Backend) -> None:
    values.set("key", "old", ttl=3_600, stale=5)
    values.invalidate(keys=["key"], soft=True)
    sidecar.advance(4.5)
    assert values.explain("key")["state"] == "stale"
    sidecar.advance(0.5)
    assert values.explain("key")["state"] == "absent"


@pytest.mark.parametrize("near", [False, True], ids=["far", "near"])
def test_a_function_runs_once_a_life(kind: str, make: Callable[..., Any], sidecar: Backend, near: Any) -> None:
    runs = []

    def double(number: int) -> int:
        runs.append(number)
        return 2 * number

    with make(kind, near_cache=near) as client:
        function = decorated(kind, client, cache(key="{number}", ttl=60, stale=0, client=bare(client)), double)
        assert [function(1), function(1), function(2)] == [2, 2, 4]
        assert runs == [1, 2]
        sidecar.advance(60)
        assert function(1) == 2
        assert runs == [1, 2, 1]


def test_a_changed_value_is_loaded_again(kind: str, client: Any) -> None:
    names = {1: "Ada"}

    def read(number: int) -> str:
        return names[number]

    def write(number: int, name: str) -> None:
        names[number] = name

    get = decorated(kind, client, cache(key="user:{number}", tags=["users"], client=bare(client)), read)
    change = decorated(kind, client, cache_invalidate(tags=["users"], client=bare(client)), write)
    reload = decorated(kind, client, cache_refresh(key="user:{number}", client=bare(client)), read)
    assert get(1) == "Ada"
    change(1, "Grace")
    assert get(1) == "Grace"
    names[1] = "Barbara"
    assert get(1) == "Grace"
    assert reload(1) == "Barbara"
    assert get(1) == "Barbara"


@pytest.mark.parametrize("named", [{"keys": ["key"]}, {"tags": ["tag"]}, {"everything": True}], ids=repr)
def test_what_was_loaded_before_an_invalidation_is_not_stored(
    kind: str, client: Any, make: Callable[..., Any], named: dict[str, Any]
) -> None:
    """P2: the fill holds a lease that the invalidation voids."""
    with make("sync") as other:

        def load() -> str:
            other.cache().invalidate(**named)
            return "old"

        function = decorated(kind, client, cache(key="key", tags=["tag"], client=bare(client)), load)
        assert function() == "old"
        assert other.cache().get("key") is None


def test_a_function_that_raises_leaves_nothing_and_gives_its_lease_back(kind: str, client: Any) -> None:
    answers: list[int] = []

    def load() -> int:
        answers.append(7)
        if len(answers) == 1:
            raise ValueError("no")
        return answers[0]

    function = decorated(kind, client, cache(key="key", client=bare(client)), load)
    with pytest.raises(ValueError, match="no"):
        function()
    assert client.cache().explain("key")["lease"] is None
    assert function() == 7


@pytest.mark.parametrize("result", ["value", None], ids=repr)
def test_of_two_clients_that_load_at_once_one_runs_the_function(make: Callable[..., Any], result: str | None) -> None:
    """The second waits for the first one's fill, and gets its result even when that is not kept."""
    is_running, may_end, runs = Event(), Event(), []

    def load() -> str | None:
        runs.append(1)
        is_running.set()
        assert may_end.wait(20)
        return result

    with make("sync", timeout=20) as one, make("sync", timeout=20) as other, ThreadPoolExecutor(2) as threads:
        first = threads.submit(one.cache().get_or_set, "key", load)
        assert is_running.wait(20)
        second = threads.submit(other.cache().get_or_set, "key", load)
        until_now(lambda: one.cache().explain("key")["lease"]["waiting"])
        may_end.set()
        assert first.result() == second.result() == result
    assert runs == [1]


def test_a_connection_that_closes_gives_its_lease_to_who_waits(make: Callable[..., Any]) -> None:
    with make("sync", timeout=20) as one, make("sync", timeout=20) as other, ThreadPoolExecutor(1) as threads:
        assert one.sidecar.ask(SPACE.fetch(b"key"))[2] is not None
        waiting = threads.submit(other.sidecar.ask, SPACE.fetch_waiting(b"key", 20))
        until_now(lambda: one.cache().explain("key")["lease"]["waiting"])
        one.close()
        assert waiting.result()[2] is not None


def test_who_waits_in_vain_gets_neither_value_nor_lease(make: Callable[..., Any], sidecar: Backend) -> None:
    with make("sync", timeout=20) as one, make("sync", timeout=20) as other, ThreadPoolExecutor(1) as threads:
        lease = one.sidecar.ask(SPACE.fetch(b"key"))[2]
        waiting = threads.submit(other.sidecar.ask, SPACE.fetch_waiting(b"key", 0.25))
        until_now(lambda: waiting.done() or one.cache().explain("key")["lease"]["waiting"])
        sidecar.advance(1)
        assert waiting.result() == [b"miss", None, None, 0, b""]
        one.sidecar.ask(SPACE.release(b"key", lease))
        assert other.sidecar.ask(SPACE.fetch_waiting(b"key", 0.25))[2] is not None


def test_a_near_cache_hears_of_other_clients_changes(make: Callable[..., Any]) -> None:
    with make("sync", near_cache=True) as near, make("sync") as other:
        near.cache().set("key", "old")
        assert near.cache().get("key") == near.cache().get("key") == "old"
        other.cache().set("key", "new")
        until_now(lambda: near.cache().get("key") == "new")
        other.cache().invalidate(patterns=["k*"])
        until_now(lambda: near.cache().get("key") is None)


def test_explain_tells_the_same_of_both(values: Any, sidecar: Backend) -> None:
    values.set("key", "value", ttl=60, stale=30, tags=["tag"])
    sidecar.advance(10)
    told = values.explain("key")
    assert sorted(told) == [
        "death", "entry", "key", "lease", "namespace", "rules", "sidecar", "state", "version",
    ]  # fmt: skip
    assert sorted(told["entry"]) == [
        "age_ms", "content_type", "etag", "load_ms", "memory_bytes", "size_bytes", "stale_ms", "tags", "tier",
        "ttl_ms", "uses",
    ]  # fmt: skip
    known = {name: told["entry"][name] for name in ("age_ms", "ttl_ms", "stale_ms", "size_bytes", "content_type")}
    assert known == {
        "age_ms": 10_000,
        "ttl_ms": 50_000,
        "stale_ms": 30_000,
        "size_bytes": 5,
        "content_type": "text/plain; charset=utf-8",
    }
    assert [tag["tag"] for tag in told["entry"]["tags"]] == ["tag"]


def bare(client: Any) -> Any:
    """The client itself, for the decorators."""
    return getattr(client, "bare", client)
