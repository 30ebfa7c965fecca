"""Flask-Caching with its Redis cache, as its documentation sets it up, by both doors of the lane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import flask
import pytest
from flask_caching import Cache

from daemon import lane_call

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daemon import Daemon

PREFIX = "shop:"


@pytest.fixture(params=["host and port", "url", "password"])
def settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    """How an application says where its cache is."""
    if request.param == "password":
        guarded: Daemon = request.getfixturevalue("guarded")
        token = request.getfixturevalue("token")
        return {**_host_and_port(guarded), "CACHE_REDIS_PASSWORD": token}
    sidecar: Daemon = request.getfixturevalue("sidecar")
    return {"CACHE_REDIS_URL": f"unix://{sidecar.socket}"} if request.param == "url" else _host_and_port(sidecar)


@pytest.fixture
def app(settings: dict[str, Any]) -> flask.Flask:
    made = flask.Flask("shop")
    made.config.update(CACHE_TYPE="RedisCache", CACHE_KEY_PREFIX=PREFIX, **settings)
    return made


@pytest.fixture
def cache(app: flask.Flask) -> Iterator[Any]:
    made = Cache(app)
    with app.app_context():
        made.clear()
        yield made


def test_a_view_runs_once(app: flask.Flask, cache: Any) -> None:
    calls = []

    @app.get("/price/<name>")
    @cache.cached(timeout=30)  # type: ignore[untyped-decorator]  # Any, for its methods' types leave out too much
    def price(name: str) -> str:
        calls.append(name)
        return f"{name}: 12.50"

    browser = app.test_client()
    assert [browser.get("/price/tea").text for _ in range(3)] == ["tea: 12.50"] * 3
    assert browser.get("/price/milk").text == "milk: 12.50"
    assert calls == ["tea", "milk"]
    cache.clear()
    browser.get("/price/tea")
    assert calls == ["tea", "milk", "tea"]


def test_a_function_runs_once_for_each_argument(cache: Any) -> None:
    calls = []

    @cache.memoize(timeout=30)  # type: ignore[untyped-decorator]  # as above
    def double(number: int) -> int:
        calls.append(number)
        return 2 * number

    assert [double(4), double(4), double(5), double(5)] == [8, 8, 10, 10]
    assert calls == [4, 5]
    cache.delete_memoized(double, 4)
    assert [double(4), double(5)] == [8, 10]
    assert calls == [4, 5, 4]
    cache.delete_memoized(double)
    assert [double(4), double(5)] == [8, 10]
    assert calls == [4, 5, 4, 4, 5]


def test_values_by_hand(cache: Any) -> None:
    assert cache.set("k", {"numbers": [1, 2]})
    assert cache.get("k") == {"numbers": [1, 2]}
    assert cache.has("k")
    assert cache.add("k", "other") is False
    assert cache.set_many({"a": 1, "b": [2]})
    assert cache.get_many("a", "b", "absent") == [1, [2], None]
    assert cache.get_dict("a", "b") == {"a": 1, "b": [2]}
    assert cache.delete_many("a", "b")
    assert cache.get("a") is None
    assert cache.delete("k")
    assert not cache.has("k")


def test_timeouts_and_the_prefix_arrive(sidecar: Daemon) -> None:
    app = flask.Flask("shop")
    app.config.update(CACHE_TYPE="RedisCache", CACHE_KEY_PREFIX=PREFIX, **_host_and_port(sidecar))
    cache = Cache(app)
    with app.app_context():
        cache.set("default", 1)
        cache.set("short", 1, timeout=30)
        lane_call(sidecar.socket, "SET", "of another", "1")
        assert lane_call(sidecar.socket, "TTL", f"{PREFIX}default") == b":300\r\n"
        assert lane_call(sidecar.socket, "TTL", f"{PREFIX}short") == b":30\r\n"
        cache.clear()
        assert lane_call(sidecar.socket, "DBSIZE") == b":1\r\n"  # only what has the prefix is gone


def _host_and_port(daemon: Daemon) -> dict[str, Any]:
    host, _, port = daemon.lane.rpartition(":")
    return {"CACHE_REDIS_HOST": host, "CACHE_REDIS_PORT": int(port)}
