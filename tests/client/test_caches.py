"""`client.cache()`: what it does against a real sidecar. Every rule is held by the sync and by the async client."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from both_kinds import loaded, made
from pannier import BadRequest, Misconfigured, NotCacheable, Reach, TooLarge, Unauthenticated, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[False, True], ids=["far", "near"])
def any_client(kind: str, request: pytest.FixtureRequest, sidecar_url: str, namespace: str) -> Iterator[Any]:
    with made(kind, sidecar_url, namespace=namespace, near_cache=request.param) as client:
        yield client


@pytest.fixture
def cache(any_client: Any) -> Any:
    return any_client.cache()


@dataclass
class User:
    name: str


@pytest.mark.parametrize("value", [b"\xff", "ü", 7, 1.5, True, None, [1, {"a": None}], {"a": "b"}], ids=repr)
def test_what_is_set_is_got_as_it_was(cache: Any, value: Any) -> None:
    assert cache.set("key", value, ttl=60)
    assert cache.get("key", "nothing") == value
    assert cache.get("key", "nothing") == value


def test_what_is_not_there_is_the_default(cache: Any) -> None:
    assert cache.get("key") is None
    assert cache.get("key", 7) == 7


def test_none_without_a_life_of_its_own_is_not_kept(cache: Any) -> None:
    assert cache.set("key", None) is False
    assert cache.get("key", "nothing") == "nothing"


@pytest.mark.parametrize("key", ["a key", b"\xff\x00", "é:{x}*", "x" * 3_000])
def test_a_key_is_any_text_or_bytes(cache: Any, key: str | bytes) -> None:
    cache.set(key, "value", ttl=60)
    assert cache.get(key) == "value"
    cache.delete(key)
    assert cache.get(key) is None


def test_many_are_set_and_got_in_one_exchange(cache: Any) -> None:
    values = {f"key:{number}": number for number in range(500)}
    assert cache.set_many(values, ttl=60)
    assert cache.get_many([*values, "missing"]) == values


def test_a_typed_cache_brings_its_type(any_client: Any) -> None:
    users = any_client.cache(of=User)
    users.set("7", User("Ada"))
    assert users.get("7") == User("Ada")
    assert any_client.cache().get("7") == {"name": "Ada"}


def test_a_value_of_another_type_is_as_good_as_none(any_client: Any) -> None:
    any_client.cache().set("7", [1, 2])
    assert any_client.cache(of=User).get("7") is None
    assert any_client.cache(of=User).get("7") is None


def test_a_namespace_keeps_its_keys_to_itself(any_client: Any, namespace: str) -> None:
    any_client.cache().set("key", "here")
    other = any_client.cache(f"{namespace}-other")
    assert other.get("key") is None
    other.set("key", "there")
    assert any_client.cache().get("key") == "here"
    assert other.get("key") == "there"


def test_the_writer_reads_what_it_wrote(cache: Any) -> None:
    for number in range(20):
        cache.set("key", number)
        assert cache.get("key") == number


@pytest.mark.parametrize(
    "named",
    [{"keys": ["user:1"]}, {"patterns": ["user:*"]}, {"tags": ["tag-{namespace}"]}, {"everything": True}],
    ids=str,
)
def test_an_invalidation_is_seen_at_once(cache: Any, namespace: str, named: dict[str, Any]) -> None:
    named = {
        how: [what.format(namespace=namespace) for what in whats] if how != "everything" else whats
        for how, whats in named.items()
    }
    cache.set("user:1", "old", tags=[f"tag-{namespace}"])
    assert cache.get("user:1") == "old"
    assert cache.invalidate(**named) is Reach.ACKNOWLEDGED
    assert cache.get("user:1") is None


def test_delete_is_the_invalidation_of_one_key(cache: Any) -> None:
    cache.set("a", 1)
    cache.set("b", 2)
    assert cache.delete("a") is Reach.ACKNOWLEDGED
    assert cache.get_many(["a", "b"]) == {"b": 2}


def test_get_or_set_runs_the_function_once(kind: str, cache: Any) -> None:
    assert cache.get_or_set("key", loaded(kind, "first"), ttl=60, tags=["t"]) == "first"
    assert cache.get_or_set("key", loaded(kind, "second"), ttl=60) == "first"
    assert cache.get("key") == "first"


def test_explain_says_why(cache: Any, namespace: str) -> None:
    cache.set("key", "value", tags=["red"])
    explained = cache.explain("key")
    assert (explained["namespace"], explained["key"], explained["state"]) == (namespace, "key", "fresh")


def test_what_cannot_be_is_refused(kind: str, cache: Any) -> None:
    with pytest.raises(BadRequest, match="at least one byte"):
        cache.get("")
    with pytest.raises(NotCacheable, match=r"'key': it does not fit its type: tuple.*; name the type .* by cache\(of="):
        cache.set("key", (1, 2))
    with pytest.raises(Misconfigured, match="ttl"):
        cache.set("key", 1, ttl=-1)
    with pytest.raises(BadRequest, match="65 tags"):
        cache.set("key", 1, tags=[str(number) for number in range(65)])
    with pytest.raises(BadRequest, match="not one text"):
        cache.set("key", 1, tags="red")
    with pytest.raises(BadRequest, match="names keys, tags"):
        cache.invalidate()
    with pytest.raises(BadRequest, match="sequence, not one str"):
        cache.invalidate(keys="key")


def test_a_value_over_the_limit_is_refused_and_says_so(cache: Any) -> None:
    with pytest.raises(TooLarge):
        cache.set("key", b"x" * (8_388_608 + 1))
    assert cache.get("key") is None


def test_a_large_value_travels_whole(cache: Any) -> None:
    value = bytes(range(256)) * 20_000
    assert cache.set("key", value)
    assert cache.get("key") == value


def test_a_function_too_large_to_cache_still_returns(kind: str, cache: Any, caplog: pytest.LogCaptureFixture) -> None:
    large = b"x" * (8_388_608 + 1)
    assert cache.get_or_set("key", loaded(kind, large)) == large
    assert "is not cached" in caplog.text


@pytest.mark.parametrize("policy", ["nothing", ""])
def test_an_unknown_policy_is_refused(any_client: Any, policy: str) -> None:
    with pytest.raises(Misconfigured, match="bypass, stale or raise"):
        any_client.cache(on_unavailable=policy)


def test_a_client_that_is_closed_serves_no_more_and_may_be_closed_again(kind: str, sidecar_url: str) -> None:
    with made(kind, sidecar_url) as client:
        cache = client.cache(on_unavailable="raise")
        cache.set("key", 1)
        client.close()
        client.close()
        with pytest.raises(Unavailable, match="closed"):
            cache.get("key")


def test_an_error_names_what_was_tried(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        made(kind, f"unix://{tmp_path}/no.sock") as client,
        pytest.raises(Unavailable, match=r"no\.sock \(No such file"),
    ):
        client.cache(on_unavailable="raise").get("key")


def test_a_token_that_nobody_has_is_no_reason_to_go_without(kind: str, tmp_path: Path) -> None:
    from daemon import serving  # noqa: PLC0415 - one test alone needs a sidecar with tenants

    tokens = tmp_path / "tokens"
    tokens.write_text("right\n")
    with serving(tmp_path, f"tenants.shop.token_file={tokens}") as daemon:
        url = f"unix://{daemon.socket}"
        with made(kind, url, token="right") as client:
            assert client.cache().set("key", 1)
        for token, why in ((None, "wants a token: set PANNIER_TOKEN_FILE, or give token="), ("wrong", "nobody")):
            with made(kind, url, token=token) as client, pytest.raises(Unauthenticated, match=why):
                client.cache().get("key")
