"""Fixtures of the client's tests: a real sidecar for all of them, a namespace of its own for each, a scripted lane."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

import pannier
import pannier.aio
from daemon import serving
from scripted_lane import ScriptedLane

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

_numbers = itertools.count()


@pytest.fixture(scope="session")
def sidecar_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("sidecar")) as daemon:
        yield f"unix://{daemon.socket}"


@pytest.fixture
def namespace() -> str:
    return f"test-{next(_numbers)}"


@pytest.fixture
def client(sidecar_url: str, namespace: str) -> Iterator[pannier.Client]:
    with pannier.Client(sidecar_url, namespace=namespace) as client:
        yield client


@pytest.fixture
def near_client(sidecar_url: str, namespace: str) -> Iterator[pannier.Client]:
    with pannier.Client(sidecar_url, namespace=namespace, near_cache=True) as client:
        yield client


@pytest.fixture
async def aio_client(sidecar_url: str, namespace: str) -> AsyncIterator[pannier.aio.Client]:
    async with pannier.aio.Client(sidecar_url, namespace=namespace) as client:
        yield client


@pytest.fixture
async def near_aio_client(sidecar_url: str, namespace: str) -> AsyncIterator[pannier.aio.Client]:
    async with pannier.aio.Client(sidecar_url, namespace=namespace, near_cache=True) as client:
        yield client


@pytest.fixture
def lane(tmp_path: Path) -> Iterator[ScriptedLane]:
    with ScriptedLane(tmp_path) as lane:
        yield lane
