"""What type checkers make of the client's API. Checked by mypy --strict and pyright, never run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar, assert_type

import pannier
from pannier import Reach, cache, cache_invalidate, cache_refresh
from pannier.testing import FakePannier

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")


@dataclass
class User:
    name: str


# A decorated function is what it was: its parameters, its result, sync or async.


@cache
def bare(user_id: int, *, fresh: bool = False) -> User:
    return User("Ada")


@cache()
async def empty(user_id: int) -> User:
    return User("Ada")


@cache(
    key="user:{user_id}",
    ttl=timedelta(hours=1),
    stale=60,
    tags=["user", "user:{user_id}"],
    condition=lambda user_id: user_id > 0,
    namespace="users",
    refresh_ahead=False,
    negative_ttl=5.0,
    on_unavailable="stale",
    client=pannier.Client(),
)
def told(user_id: int) -> User | None:
    return None


@cache(key=lambda user_id: f"user:{user_id}", tags=lambda result: [result.name])
def by_callables(user_id: int) -> User:
    return User("Ada")


@cache_refresh(key="user:{user_id}", ttl=60, client=pannier.aio.Client())
async def reloaded(user_id: int) -> User:
    return User("Ada")


@cache_invalidate(key="user:{user_id}", pattern=["user:*"], tags=["user"], soft=True)
async def changed(user_id: int, name: str) -> User:
    return User("Ada")


@cache_invalidate
def cleared() -> None: ...


assert_type(bare(1, fresh=True), User)
assert_type(told(1), User | None)
assert_type(by_callables(1), User)
assert_type(cleared(), None)


async def awaited() -> None:
    assert_type(await empty(1), User)
    assert_type(await reloaded(1), User)
    assert_type(await changed(1, "Ada"), User)


class Users:
    @cache
    def by_id(self, user_id: int) -> User:
        return User("Ada")

    @cache(ttl=60)
    async def by_name(self, name: str) -> list[User]:
        return []

    @cache(ttl=60)
    @classmethod
    def count(cls) -> int:
        return 0

    @staticmethod
    @cache
    def first() -> User:
        return User("Ada")


assert_type(Users().by_id(1), User)
assert_type(Users.count(), int)
assert_type(Users.first(), User)


async def awaited_methods() -> None:
    assert_type(await Users().by_name("Ada"), list[User])


@cache
def same(value: T) -> T:
    return value


assert_type(same(7), int)


def takes_a_coroutine_function(function: Callable[[int], Coroutine[Any, Any, User]]) -> None: ...


takes_a_coroutine_function(empty)

# A cache has the type of its values.

client = pannier.Client("unix:///run/pannier/lane.sock", timeout=0.5, near_cache=True)
users = client.cache("users", of=User)
assert_type(users, pannier.Cache[User])
assert_type(users.get("7"), User | None)
assert_type(users.get("7", 0), User | int)
assert_type(users.get_many(["7", b"8"]), dict[str | bytes, User])
assert_type(users.set("7", User("Ada"), ttl=60, tags=["user"]), bool)
assert_type(users.get_or_set("7", lambda: User("Ada"), ttl=60), User)
assert_type(users.delete("7"), Reach)
assert_type(users.invalidate(tags=["user"]), Reach)
assert_type(client.cache(), pannier.Cache[Any])
assert_type(pannier.client(), pannier.Client)


async def asynchronous() -> None:
    async with pannier.aio.Client() as aio_client:
        assert_type(aio_client, pannier.aio.Client)
        aio_users = aio_client.cache("users", of=User)
        assert_type(aio_users, pannier.aio.Cache[User])
        assert_type(await aio_users.get("7"), User | None)
        assert_type(await aio_users.get("7", "none"), User | str)
        assert_type(await aio_users.get_or_set("7", load), User)


async def load() -> User:
    return User("Ada")


with FakePannier() as fake:
    assert_type(fake, FakePannier)
    assert_type(fake.client(), pannier.Client)
