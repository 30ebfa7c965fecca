"""Django's Redis cache and Flask-Caching's, as their documentation sets them up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import django.conf  # type: ignore[import-untyped]  # Django has no annotations
import flask
import pytest
from flask_caching import Cache

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daemon import Daemon


@pytest.fixture
def django_settings(sidecar: Daemon) -> Iterator[None]:
    backend = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": f"redis://{sidecar.lane}"}
    django.conf.settings.configure(CACHES={"default": backend})
    yield
    django.conf.settings._wrapped = django.conf.empty


def test_djangos_cache(django_settings: None) -> None:
    # It reads the settings as it is imported, and Django has no annotations.
    from django.core.cache import cache  # type: ignore[import-untyped]  # noqa: PLC0415

    value = {"name": "Ada", "numbers": [1, 2, 3]}
    cache.set("k", value, timeout=30)
    assert cache.get("k") == value
    assert cache.get("absent", "otherwise") == "otherwise"
    assert cache.add("k", "other") is False
    assert cache.add("new", 1) is True
    assert cache.incr("new", 41) == 42
    assert cache.decr("new") == 41
    with pytest.raises(ValueError, match="not found"):
        cache.incr("absent")
    cache.set_many({"a": 1, "b": "two"}, timeout=30)
    assert cache.get_many(["a", "b", "absent"]) == {"a": 1, "b": "two"}
    assert cache.touch("a", 60) is True
    assert cache.touch("absent", 60) is False
    assert cache.has_key("a")
    assert cache.get_or_set("made", lambda: 7) == 7
    cache.set("for-ever", "x", timeout=None)
    assert cache.get("for-ever") == "x"
    cache.set("over", "x", timeout=0)
    assert cache.get("over") is None
    assert cache.delete("a") is True
    assert cache.delete("a") is False
    cache.delete_many(["b", "made"])
    assert cache.get("b") is None
    cache.clear()
    assert cache.get("k") is None
    cache.close()


def test_flask_caching(sidecar: Daemon) -> None:
    host, port = sidecar.lane.split(":")
    app = flask.Flask("shop")
    app.config.update(CACHE_TYPE="RedisCache", CACHE_REDIS_HOST=host, CACHE_REDIS_PORT=int(port), CACHE_KEY_PREFIX="s:")
    cache, calls = Cache(app), []

    @app.get("/price")
    @cache.cached(timeout=30)
    def price() -> str:
        calls.append("price")
        return "12.50"

    @cache.memoize(timeout=30)
    def double(n: int) -> int:
        calls.append("double")
        return 2 * n

    with app.app_context():
        browser = app.test_client()
        assert [browser.get("/price").text for _ in range(3)] == ["12.50"] * 3
        assert [double(4), double(4), double(5)] == [8, 8, 10]
        assert calls == ["price", "double", "double"]
        cache.delete_memoized(double)
        assert double(4) == 8
        assert calls.count("double") == 3
        assert cache.set_many({"a": 1, "b": [2]})
        assert cache.get_many("a", "b", "absent") == [1, [2], None]
        assert cache.add("a", 2) is False
        assert cache.has("a")
        assert cache.delete_many("a", "b")
        assert cache.get("a") is None
        cache.clear()
        browser.get("/price")
        assert calls.count("price") == 2
