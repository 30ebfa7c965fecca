"""What docs/guide/from-nest.md promises to users of Nest's caching decorators, row by row."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

import pannier
from documentation.sidecar import Sidecar
from pannier import cache, cache_invalidate, cache_refresh

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
        return UserService(database, clients[-1])

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def users(make_service: Callable[[], UserService]) -> UserService:
    return make_service()


class UserService:
    """The guide's service, synchronous here; the page itself runs the asynchronous one."""

    def __init__(self, database: dict[str, str], client: pannier.Client) -> None:
        self.reads = 0

        def find_one(user_id: str | None) -> dict[str, str] | None:
            self.reads += 1
            return {"name": database[user_id]} if user_id in database else None

        @cache(
            key="user:{user_id}",
            ttl=3600,
            tags=["user", "profile"],
            condition=lambda user_id: user_id is not None,
            client=client,
        )
        def get_user(user_id: str | None) -> dict[str, str] | None:
            return find_one(user_id)

        @cache_invalidate(pattern="user:*", tags=["user"], client=client)
        def update_user(user_id: str, name: str) -> None:
            if not name:
                raise ValueError("a name is needed")
            database[user_id] = name

        @cache_refresh(key="user:{user_id}", ttl=3600, client=client)
        def reload_user(user_id: str) -> dict[str, str] | None:
            return find_one(user_id)

        self.database = database
        self.get_user = get_user
        self.update_user = update_user
        self.reload_user = reload_user


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
