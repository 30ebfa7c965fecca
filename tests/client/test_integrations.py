"""FastAPI and aiohttp, as they are: the client lives as long as the application, and routes get it."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient as AiohttpTestClient
from aiohttp.test_utils import TestServer
from fastapi import FastAPI
from fastapi.testclient import TestClient

from pannier import Unavailable, aio, cache
from pannier.integrations import aiohttp as pannier_aiohttp
from pannier.integrations.fastapi import CacheClient, install, lifespan
from pannier.testing import FakePannier

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

runs: list[int] = []


@cache(key="double:{number}", ttl=60)
async def double(number: int) -> int:
    runs.append(number)
    return 2 * number


@pytest.fixture
def fake() -> Iterator[FakePannier]:
    runs.clear()
    with FakePannier() as fake:
        yield fake


def hung_up(fake: FakePannier) -> bool:
    """Whether all connections end; the fake hears of that in its own time."""
    deadline = time.monotonic() + 10
    while fake.connections and time.monotonic() < deadline:
        time.sleep(0.001)
    return fake.connections == 0


def application(client: aio.Client | None = None, **options: Any) -> FastAPI:
    app = FastAPI(lifespan=lifespan(client, **options))
    install(app)

    @app.get("/double/{number}")
    async def doubled(number: int) -> int:
        return await double(number)

    @app.get("/strict/{key}")
    async def strict(key: str, client: CacheClient) -> Any:
        return await client.cache(on_unavailable="raise").get(key)

    return app


def test_fastapi_routes_use_decorated_functions(fake: FakePannier) -> None:
    with TestClient(application()) as http:
        assert http.get("/double/4").json() == http.get("/double/4").json() == 8
    assert runs == [4]
    assert hung_up(fake)


def test_fastapi_hands_the_client_to_routes(fake: FakePannier) -> None:
    with fake.client(namespace="users") as other:
        other.cache().set("7", "Ada")
    with TestClient(application(fake.aio_client(namespace="users"))) as http:
        assert http.get("/strict/7").json() == "Ada"
    assert hung_up(fake)


def test_fastapi_without_the_lifespan_hands_out_the_default_client(fake: FakePannier) -> None:
    with TestClient(application(), raise_server_exceptions=True) as http:
        http.app.state._state.clear()  # type: ignore[attr-defined]  # as if lifespan() had not been given
        assert http.get("/strict/7").json() is None
    assert [asked.what for asked in fake.asked] == ["fetch"]


def test_fastapi_keeps_the_applications_own_lifespan(fake: FakePannier) -> None:
    seen = []

    @asynccontextmanager
    async def own(app: FastAPI) -> AsyncIterator[None]:
        seen.append(await app.state.pannier.cache().get("key", "begins"))
        yield
        seen.append(await app.state.pannier.cache().get("key", "ends"))

    with TestClient(application(inner=own)):
        assert seen == ["begins"]
    assert seen == ["begins", "ends"]
    assert hung_up(fake)


def test_fastapi_answers_503_where_a_route_insists_on_the_sidecar(fake: FakePannier) -> None:
    with TestClient(application()) as http:
        fake.down()
        answer = http.get("/strict/key")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert answer.headers["Retry-After"] == "1"
        assert http.get("/double/4").json() == 8


async def test_aiohttp_has_the_client_from_start_to_end(fake: FakePannier) -> None:
    async def handler(request: web.Request) -> web.Response:
        users = request.app[pannier_aiohttp.CLIENT].cache("users")
        await users.set("7", "Ada")
        return web.json_response([await users.get("7"), await double(4)])

    app = web.Application()
    app.router.add_get("/", handler)
    pannier_aiohttp.setup(app)
    async with AiohttpTestClient(TestServer(app)) as http:
        assert await (await http.get("/")).json() == ["Ada", 8]
        assert fake.connections == 1
    with pytest.raises(Unavailable):
        await app[pannier_aiohttp.CLIENT].cache(on_unavailable="raise").get("7")


async def test_an_application_after_another_in_the_same_loop_is_served_as_the_first_was(fake: FakePannier) -> None:
    for _ in range(2):
        app = web.Application()
        pannier_aiohttp.setup(app)
        async with AiohttpTestClient(TestServer(app)):
            assert await double(4) == 8
            assert await app[pannier_aiohttp.CLIENT].cache(on_unavailable="raise").get("double:4") == 8
    assert runs == [4]


async def test_aiohttp_takes_a_client_of_ones_own(fake: FakePannier) -> None:
    own = fake.aio_client(namespace="own")
    app = web.Application()
    pannier_aiohttp.setup(app, own)
    async with AiohttpTestClient(TestServer(app)):
        assert app[pannier_aiohttp.CLIENT] is own
