"""`pannier.testing`: what a test can do with the fake beyond what the contract asks of it, and the pytest plugin."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import pannier
from pannier import Misconfigured, Reach, Unavailable, cache
from pannier.testing import Asked, FakePannier

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest_plugins = ["pytester"]


@pytest.fixture
def fake() -> Iterator[FakePannier]:
    with FakePannier() as fake:
        yield fake


runs: list[str] = []


@cache(key="user:{user_id}", ttl=60)
def name_of(user_id: str) -> str:
    runs.append(user_id)
    return "Ada"


@cache(key="user:{user_id}", ttl=60)
async def aio_name_of(user_id: str) -> str:
    runs.append(user_id)
    await asyncio.sleep(0)
    return "Ada"


@pytest.fixture(autouse=True)
def counting() -> None:
    runs.clear()


def test_the_fake_is_the_default_clients_sidecar_and_later_not(fake: FakePannier) -> None:
    inside = pannier.client()
    name_of("7")
    name_of("7")
    assert runs == ["7"]
    with FakePannier():
        assert pannier.client() is not inside
        name_of("7")
    assert pannier.client() is inside
    assert runs == ["7", "7"]
    assert pannier.client().settings.endpoints[0].path in fake.url


def test_what_clients_ask_is_written_down(fake: FakePannier) -> None:
    name_of("7")
    fake.asked.clear()
    name_of("7")
    pannier.client().cache("users").invalidate(tags=["user"], patterns=["user:*"])
    assert fake.asked == [
        Asked("fetch", "default", (b"user:7",)),
        Asked("invalidate", "users", tags=("user",), patterns=(b"user:*",)),
    ]


def test_without_a_sidecar_functions_run_and_later_they_are_cached_again(fake: FakePannier) -> None:
    name_of("7")
    fake.down()
    fake.down()
    assert name_of("7") == name_of("7") == "Ada"
    assert runs == ["7"] * 3
    fake.up()
    fake.up()
    name_of("7")
    name_of("7")
    assert runs == ["7"] * 4


async def test_so_it_is_for_tasks(fake: FakePannier) -> None:
    await aio_name_of("7")
    fake.down()
    await aio_name_of("7")
    await aio_name_of("7")
    assert runs == ["7"] * 3
    fake.up()
    await aio_name_of("7")
    await aio_name_of("7")
    assert runs == ["7"] * 4


def test_a_policy_decides_what_the_absence_means(fake: FakePannier) -> None:
    fake.down()
    assert pannier.client().cache().get("key", "nothing") == "nothing"
    with pytest.raises(Unavailable):
        pannier.client().cache(on_unavailable="raise").get("key")


def test_an_invalidation_while_it_is_down_waits_for_its_return(fake: FakePannier) -> None:
    values = pannier.client().cache()
    fake.down()
    assert values.delete("key") is Reach.QUEUED
    fake.up()
    fake.asked.clear()
    assert values.get("key") is None
    assert [asked.what for asked in fake.asked] == ["invalidate", "fetch"]


@pytest.mark.parametrize("near", [False, True], ids=["far", "near"])
def test_time_passes_for_a_client_of_ones_own(fake: FakePannier, near: object) -> None:
    with fake.client(namespace="users", near_cache=near) as client:
        client.cache().set("key", 7, ttl=3_600)
        assert client.cache().get("key") == client.cache().get("key") == 7
        fake.advance(3_600)
        assert client.cache().get("key") is None


async def test_an_async_client_of_ones_own_finds_it_again_at_once(fake: FakePannier) -> None:
    async with fake.aio_client(near_cache=True) as client:
        await client.cache().set("key", 7)
        fake.down()
        fake.up()
        assert await client.cache(on_unavailable="raise").get("key") is None


def test_another_process_finds_it_by_its_url(fake: FakePannier) -> None:
    program = "import pannier; pannier.client().cache().set('key', 7)"
    environment = {**os.environ, "PANNIER_URL": fake.url}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=60)
    assert pannier.client().cache().get("key") == 7


def test_it_listens_only_as_a_context() -> None:
    with pytest.raises(Misconfigured):
        _ = FakePannier().url


def test_what_it_does_not_understand_it_refuses(fake: FakePannier) -> None:
    for command in (b"*1\r\n$4\r\nKEYS\r\n", b"*3\r\n$8\r\nPN.FETCH\r\n$1\r\nk\r\n$4\r\nSOON\r\n"):
        with pytest.raises(pannier.BadRequest):
            pannier.client().sidecar.ask(command)
    assert pannier.client().cache().get("key") is None


TESTS_OF_A_USER = """
import pytest
import pannier
from pannier import cache

runs = []

@cache(key="answer", ttl=60)
def answer() -> int:
    runs.append(1)
    return 42

@cache(key="aio-answer", ttl=60)
async def aio_answer() -> int:
    runs.append(1)
    return 42

@pytest.fixture(autouse=True)
def counting():
    runs.clear()

def test_by_the_fake(fake_pannier):
    assert answer() == answer() == 42
    fake_pannier.advance(60 + 600)
    assert answer() == 42
    assert len(runs) == 2

@pytest.mark.parametrize("again", range(2))
def test_by_the_real_one(pannier_sidecar, again):
    assert answer() == answer() == 42
    assert len(runs) == 1
    assert "pannier-run-" in pannier_sidecar.url

@pytest.mark.parametrize("sidecar", ["fake_pannier", "pannier_sidecar"])
@pytest.mark.asyncio
async def test_in_a_task(sidecar, request):
    request.getfixturevalue(sidecar)
    assert await aio_answer() == await aio_answer() == 42
    assert len(runs) == 1

@pytest.mark.asyncio
async def test_in_a_task_by_name(fake_pannier):
    assert await aio_answer() == await aio_answer() == 42
"""


def test_the_fixtures_are_there_wherever_the_client_is_installed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TESTS_OF_A_USER)
    result = pytester.runpytest_subprocess("-W", "error", "-o", "asyncio_default_fixture_loop_scope=function")
    result.assert_outcomes(passed=6)


def test_the_plugin_costs_nothing_until_a_test_names_a_fixture(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("import sys\n\ndef test_nothing():\n    assert 'pannier' not in sys.modules\n")
    pytester.runpytest_subprocess().assert_outcomes(passed=1)
