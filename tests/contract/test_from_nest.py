"""What docs/guide/from-nest.md promises to users of Nest's caching decorators, row by row."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Protocol

import pytest

import pannier
from documentation.sidecar import Sidecar
from pannier import cache, cache_invalidate, cache_refresh
from pannier.client import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TIMEOUT_S = 20.0


@pytest.fixture(scope="module")
def lane_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with Sidecar(tmp_path_factory.mktemp("nest") / "sidecar") as sidecar:
        yield sidecar.lane_url


@pytest.fixture
def make_service(lane_url: str, tmp_path: Path) -> Iterator[Callable[[], UserService]]:
    """Services as several processes would have them: each with a client of its own, all with one database."""
    clients: list[pannier.Client] = []
    database = {"7": "Ada", "8": "Grace"}

    def make() -> UserService:
        clients.append(pannier.Client(lane_url, namespace=tmp_path.name[-60:], timeout=TIMEOUT_S))
        return service_of(database, clients[-1])

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def users(make_service: Callable[[], UserService]) -> UserService:
    return make_service()


class UserService(Protocol):
    """The guide's service, synchronous here; the page itself runs the asynchronous one."""

    database: dict[str, str]
    reads: int

    def get_user(self, user_id: str | None) -> dict[str, str] | None: ...
    def update_user(self, user_id: str, name: str) -> None: ...
    def reload_user(self, user_id: str) -> dict[str, str] | None: ...


def service_of(database: dict[str, str], client: pannier.Client) -> UserService:
    """A service with its own class, whose methods use the client of its process."""

    class DecoratedUserService:
        def __init__(self) -> None:
            self.database = database
            self.reads = 0

        def find_one(self, user_id: str | None) -> dict[str, str] | None:
            self.reads += 1
            return {"name": self.database[user_id]} if user_id in self.database else None

        @cache(
            key="user:{user_id}",
            ttl=timedelta(hours=1),
            tags=["user", "profile"],
            condition=lambda user_id: user_id is not None,
            client=client,
        )
        def get_user(self, user_id: str | None) -> dict[str, str] | None:
            return self.find_one(user_id)

        @cache_invalidate(pattern="user:*", tags=["user"], client=client)
        def update_user(self, user_id: str, name: str) -> None:
            if not name:
                raise ValueError("a name is needed")
            self.database[user_id] = name

        @cache_refresh(key="user:{user_id}", ttl=3600, client=client)
        def reload_user(self, user_id: str) -> dict[str, str] | None:
            return self.find_one(user_id)

    return DecoratedUserService()


def test_cache_keeps_what_the_method_returned(users: UserService) -> None:
    assert users.get_user("7") == users.get_user("7") == {"name": "Ada"}
    assert users.reads == 1


def test_all_processes_see_the_same_values(make_service: Callable[[], UserService]) -> None:
    one, other = make_service(), make_service()
    one.get_user("7")
    assert other.get_user("7") == {"name": "Ada"}
    assert other.reads == 0


def test_a_call_that_the_condition_keeps_out_runs_every_time(users: UserService) -> None:
    users.get_user(None)
    users.get_user(None)
    assert users.reads == 2


def test_nothing_is_not_cached_by_default(users: UserService) -> None:
    assert users.get_user("nobody") is None
    assert users.get_user("nobody") is None
    assert users.reads == 2


def test_cache_invalidate_reaches_what_matches_the_pattern_in_every_process(
    make_service: Callable[[], UserService],
) -> None:
    one, other = make_service(), make_service()
    other.get_user("7")
    other.get_user("8")
    one.update_user("7", "Barbara")
    assert other.get_user("7") == {"name": "Barbara"}
    other.get_user("8")
    assert other.reads == 4


def test_cache_invalidate_does_nothing_when_the_method_raised(users: UserService) -> None:
    users.get_user("7")
    with pytest.raises(ValueError, match="a name is needed"):
        users.update_user("7", "")
    users.get_user("7")
    assert users.reads == 1


def test_cache_refresh_always_runs_and_replaces(users: UserService) -> None:
    users.get_user("7")
    users.database["7"] = "Barbara"
    assert users.get_user("7") == {"name": "Ada"}
    assert users.reload_user("7") == {"name": "Barbara"}
    assert users.get_user("7") == {"name": "Barbara"}
    assert users.reads == 2


@pytest.mark.parametrize("ttl", [3600, 3600.0, timedelta(hours=1)], ids=str)
def test_a_life_is_in_seconds_or_a_timedelta(lane_url: str, tmp_path: Path, ttl: float | timedelta) -> None:
    with pannier.Client(lane_url, namespace=tmp_path.name[-60:], timeout=TIMEOUT_S) as client:
        assert cache(key="key", ttl=ttl, stale=0, client=client)(lambda: 7)() == 7
        life_ms = client.cache().explain("key")["entry"]["ttl_ms"]
    assert 3_600_000 * 0.8 < life_ms <= 3_600_000  # lives are shortened by chance, so that not all end at once


def test_the_cache_manager_is_the_default_clients_cache(lane_url: str, tmp_path: Path) -> None:
    make = partial(pannier.Client, lane_url, namespace=tmp_path.name[-60:], timeout=TIMEOUT_S)
    with DEFAULT.replaced(make), pannier.client() as client:
        cache_manager = client.cache()
        cache_manager.set("key", {"name": "Ada"}, ttl=60)
        assert pannier.client().cache().get("key") == {"name": "Ada"}
        cache_manager.delete("key")
        assert cache_manager.get("key") is None


async def test_the_same_decorators_take_asynchronous_methods(lane_url: str) -> None:
    async with pannier.aio.Client(lane_url, namespace="asynchronous", timeout=TIMEOUT_S) as client:
        reads = []

        @cache(key="user:{user_id}", ttl=3600, client=client)
        async def get_user(user_id: str) -> str:
            reads.append(user_id)
            await asyncio.sleep(0)
            return "Ada"

        assert set(await asyncio.gather(*(get_user("7") for _ in range(10)))) == {"Ada"}
        assert reads == ["7"]
