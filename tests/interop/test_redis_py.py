"""redis-py, sync: values, lives, pipelines, transactions, iteration and locks, by both doors of the lane."""

from __future__ import annotations

import threading
import uuid
from typing import TYPE_CHECKING, Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daemon import Daemon


@pytest.fixture(params=[2, 3], ids=["resp2", "resp3"])
def client(request: pytest.FixtureRequest, url: str) -> Iterator[Any]:
    with redis.Redis.from_url(url, protocol=request.param, decode_responses=True) as connected:
        yield connected


def test_values_numbers_and_lives(client: Any) -> None:
    assert client.ping() is True
    assert client.set("k", "käse", ex=60) is True
    assert client.get("k") == "käse"
    assert client.ttl("k") == 60
    assert client.expire("k", 30) is True
    assert 29_000 < client.pttl("k") <= 30_000
    assert client.persist("k") is True
    assert 250 < client.ttl("k") <= 300  # the namespace's: nothing lives for ever
    assert client.set("k", "w", nx=True) is None
    assert client.set("k", "w", xx=True, get=True) == "käse"
    assert client.incr("n", 5) == 5
    assert client.decr("n") == 4
    assert client.mset({"a": 1, "b": 2}) is True
    assert client.mget("a", "nobody", "b") == ["1", None, "2"]
    assert client.exists("a", "b", "nobody") == 2
    assert client.type("a") == "string"
    assert client.strlen("k") == 1
    assert client.delete("a", "b", "nobody") == 2
    assert client.getex("k", px=5_000) == "w"
    assert 0 < client.pttl("k") <= 5_000


def test_bytes_come_back_as_they_were(url: str) -> None:
    blob = bytes(range(256)) * 4_096  # a megabyte, which arrives in several pieces
    with redis.Redis.from_url(url) as client:
        client.set(b"\x00\r\n\xff", blob)
        assert client.get(b"\x00\r\n\xff") == blob
        assert client.keys() == [b"\x00\r\n\xff"]


@pytest.mark.parametrize("transaction", [True, False], ids=["transaction", "pipeline"])
def test_a_pipeline_answers_in_order(client: Any, *, transaction: bool) -> None:
    with client.pipeline(transaction=transaction) as pipeline:
        for number in range(1_000):
            pipeline.set(f"k{number}", number).get(f"k{number}")
        answers = pipeline.execute()
    assert answers == [answer for number in range(1_000) for answer in (True, str(number))]


@pytest.mark.parametrize("transaction", [True, False], ids=["transaction", "pipeline"])
def test_an_error_in_a_pipeline_is_the_error_of_its_command(client: Any, *, transaction: bool) -> None:
    client.set("word", "abc")
    with client.pipeline(transaction=transaction) as pipeline:
        answers = pipeline.set("a", 1).incr("word").get("a").execute(raise_on_error=False)
    assert answers[0::2] == [True, "1"]
    assert str(answers[1]).startswith("value is not an integer or out of range")


def test_a_command_of_another_type_reads_as_in_redis(client: Any) -> None:
    with pytest.raises(redis.ResponseError, match="unknown command 'LPUSH', with args beginning with: 'list' 'x'"):
        client.lpush("list", "x")
    with pytest.raises(redis.ResponseError, match="unknown command 'EVALSHA'"):
        client.evalsha("sha", 0)
    assert client.ping() is True


def test_iteration_meets_every_key_once_while_others_come_and_go(client: Any) -> None:
    steady = {f"steady:{number}" for number in range(500)}
    client.mset(dict.fromkeys(steady, "x"))
    found = []
    for number, key in enumerate(client.scan_iter(match="steady:*", count=20)):
        found.append(key)
        client.set(f"passing:{number}", "x")
        client.delete(f"passing:{number - 1}")
    assert sorted(found) == sorted(steady)


def test_a_lock_has_one_holder_at_a_time(client: Any) -> None:
    """SET NX PX takes it, GETDEL gives it back; the counter is read and written with a gap in between."""
    client.set("counter", 0)
    begin = threading.Barrier(4)

    def count() -> None:
        begin.wait()
        for _ in range(25):
            mine = uuid.uuid4().hex
            while not client.set("lock", mine, nx=True, px=60_000):
                pass
            client.set("counter", int(client.get("counter")) + 1)
            assert client.getdel("lock") == mine

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.get("counter") == "100"


def test_many_threads_share_a_pool(url: str) -> None:
    """Every connection of the pool gives every thread its own answer."""
    wrong: list[str] = []
    with redis.Redis.from_url(url, decode_responses=True, max_connections=4) as client:

        def talk(name: str) -> None:
            for number in range(200):
                client.set(name, number)
                wrong.extend([name] * (client.get(name) != str(number)))

        threads = [threading.Thread(target=talk, args=(f"thread:{number}",)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []
        assert client.dbsize() == 4


def test_what_it_asks_of_a_server_is_answered(client: Any) -> None:
    assert client.info()["redis_version"] == "7.4.0"
    assert client.config_get("maxmemory*").keys() == {"maxmemory", "maxmemory-policy"}
    assert client.client_setname("me") is True
    assert client.client_getname() == "me"
    me = client.client_info()
    assert me["id"] == client.client_id()
    assert me["lib-name"] == "redis-py"
    assert str(me["id"]) in {other["id"] for other in client.client_list()}
    assert client.command_count() == len(client.command())
    assert client.time()[0] > 1_700_000_000
    assert client.flushdb() is True
    assert client.dbsize() == 0


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("user", [None, "anybody"])
def test_the_password_is_a_token(guarded: Daemon, token: str, protocol: int, user: str | None) -> None:
    host, _, port = guarded.lane.rpartition(":")
    once = Retry(NoBackoff(), 0)
    words: dict[str, Any] = {"host": host, "port": int(port), "protocol": protocol, "username": user, "retry": once}
    with redis.Redis(**words, password=token) as client:
        assert client.set("k", "v") is True
    with redis.Redis(**words, password="another") as client, pytest.raises(redis.AuthenticationError):
        client.get("k")
    with redis.Redis(**words) as client, pytest.raises(redis.AuthenticationError):
        client.get("k")
