"""redis-py's own client-side cache: it answers from its memory until the sidecar pushes that a key has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import redis
from redis.cache import CacheConfig

from daemon import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from daemon import Daemon


@pytest.fixture
def caching(sidecar: Daemon) -> Iterator[Any]:
    """By TCP: redis-py cannot cache over a Unix socket, whatever listens there."""
    url = f"redis://{sidecar.lane}"
    with redis.Redis.from_url(url, protocol=3, cache_config=CacheConfig(), decode_responses=True) as client:
        yield client


@pytest.fixture
def writer(sidecar: Daemon) -> Iterator[Any]:
    with redis.Redis(unix_socket_path=str(sidecar.socket)) as client:
        yield client


def reads(client: Any) -> int:
    """How many reads have found a value in the sidecar."""
    return int(client.info("stats")["keyspace_hits"])


def pushed(caching: Any) -> None:
    """Wait until the sidecar has something to say to the one connection of the pool."""
    connection = caching.connection_pool.get_connection()
    try:
        assert connection.can_read(timeout=PATIENCE_S)
    finally:
        caching.connection_pool.release(connection)


def test_the_second_read_does_not_ask_the_sidecar(caching: Any, writer: Any) -> None:
    writer.set("k", "v")
    assert caching.get("k") == "v"
    before = reads(writer)
    assert [caching.get("k") for _ in range(5)] == ["v"] * 5
    assert reads(writer) == before
    assert caching.get_cache().size == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda writer: writer.set("k", "new"),
        lambda writer: writer.delete("k"),
        lambda writer: writer.incr("k"),
        lambda writer: writer.getdel("k"),
        lambda writer: writer.mset({"k": "new", "l": "new"}),
        lambda writer: writer.flushdb(),
        lambda writer: writer.execute_command("PN.INVALIDATE", "KEYS", 1, "k"),
        lambda writer: writer.execute_command("PN.INVALIDATE", "TAGS", 1, "t"),
        lambda writer: writer.execute_command("PN.INVALIDATE", "PATTERNS", 1, "k*"),
    ],
    ids=["set", "del", "incr", "getdel", "mset", "flushdb", "key", "tag", "pattern"],
)
def test_another_ones_change_is_seen(caching: Any, writer: Any, change: Callable[[Any], Any]) -> None:
    writer.execute_command("PN.STORE", "k", "1", "TAGS", 1, "t")
    assert caching.get("k") == "1"
    change(writer)
    pushed(caching)
    now = writer.get("k")
    assert caching.get("k") == (None if now is None else now.decode())
    assert now != b"1"


def test_its_own_change_is_seen(caching: Any, writer: Any) -> None:
    caching.set("k", "v")
    assert caching.get("k") == "v"
    caching.set("k", "w")
    assert caching.get("k") == "w"


def test_mget_and_absent_keys_are_tracked(caching: Any, writer: Any) -> None:
    writer.mset({"a": 1, "b": 2})
    assert caching.mget("a", "b", "nobody") == ["1", "2", None]
    writer.set("nobody", 3)
    pushed(caching)
    assert caching.mget("a", "b", "nobody") == ["1", "2", "3"]
