"""Django's own Redis cache backend, as its documentation sets it up, by both doors of the lane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.core.cache import caches
from django.test import override_settings

from daemon import lane_call

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daemon import Daemon

BACKEND = "django.core.cache.backends.redis.RedisCache"


@pytest.fixture(scope="session", autouse=True)
def _django() -> None:
    """A process of Django has settings, once."""
    settings.configure()


@pytest.fixture
def cache(url: str) -> Iterator[Any]:
    with override_settings(CACHES={"default": {"BACKEND": BACKEND, "LOCATION": url}}):
        yield caches["default"]


def ttl(sidecar: Daemon, key: str) -> int:
    """Seconds that a key of Django's has left, as the sidecar knows it."""
    return int(lane_call(sidecar.socket, "TTL", key)[1:])


def test_values_of_any_type(cache: Any) -> None:
    value = {"name": "Ada", "numbers": [1, 2, 3], "bytes": b"\x00\xff", "nothing": None}
    cache.set("k", value)
    assert cache.get("k") == value
    assert cache.get("absent", "otherwise") == "otherwise"
    assert cache.get_or_set("made", lambda: 7) == 7
    assert cache.get("made") == 7
    assert "k" in cache
    assert cache.delete("k") is True
    assert cache.delete("k") is False
    assert "k" not in cache


def test_only_one_adds(cache: Any) -> None:
    assert cache.add("k", "first") is True
    assert cache.add("k", "second") is False
    assert cache.get("k") == "first"


def test_numbers_count(cache: Any) -> None:
    cache.set("n", 1)
    assert cache.incr("n", 41) == 42
    assert cache.decr("n") == 41
    with pytest.raises(ValueError, match="not found"):
        cache.incr("absent")


def test_timeouts(cache: Any, sidecar: Daemon) -> None:
    """Django's default is 300 s; None, which is for ever in Redis, is the namespace's life here."""
    cache.set("default", 1)
    cache.set("short", 1, timeout=30)
    cache.set("unending", 1, timeout=None)
    assert [ttl(sidecar, f":1:{key}") for key in ("default", "short")] == [300, 30]
    assert 250 < ttl(sidecar, ":1:unending") <= 300  # shortened by chance, so that not all end at once
    cache.set("over", 1, timeout=0)
    assert cache.get("over") is None
    assert cache.touch("short", 60) is True
    assert ttl(sidecar, ":1:short") == 60
    assert cache.touch("short", None) is True
    assert 250 < ttl(sidecar, ":1:short") <= 300
    assert cache.touch("absent", 60) is False


def test_many_at_once(cache: Any, sidecar: Daemon) -> None:
    assert cache.set_many({"a": 1, "b": "two"}, timeout=30) == []
    assert cache.get_many(["a", "b", "absent"]) == {"a": 1, "b": "two"}
    assert ttl(sidecar, ":1:b") == 30
    cache.delete_many(["a", "absent"])
    assert cache.get_many(["a", "b"]) == {"b": "two"}


def test_versions_are_keys_of_their_own(cache: Any) -> None:
    cache.set("k", "one")
    cache.set("k", "two", version=2)
    assert [cache.get("k"), cache.get("k", version=2)] == ["one", "two"]
    assert cache.incr_version("k", version=2) == 3
    assert [cache.get("k", version=2), cache.get("k", version=3)] == [None, "two"]


def test_clear_leaves_nothing(cache: Any) -> None:
    cache.set_many({"a": 1, "b": 2})
    assert cache.clear() is True
    assert cache.get_many(["a", "b"]) == {}


async def test_the_async_interface(cache: Any) -> None:
    await cache.aset("k", [1, 2])
    assert await cache.aget("k") == [1, 2]
    assert await cache.aget_many(["k", "absent"]) == {"k": [1, 2]}
    assert await cache.adelete("k") is True


def test_the_password_stands_in_the_location(guarded: Daemon, token: str) -> None:
    location = f"redis://:{token}@{guarded.lane}"
    with override_settings(CACHES={"default": {"BACKEND": BACKEND, "LOCATION": location}}):
        caches["default"].set("k", "v")
        assert caches["default"].get("k") == "v"
