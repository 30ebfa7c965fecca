"""Foreign clients, unmodified, talk to a sidecar that was started for them as anybody starts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from daemon import Daemon, lane_call, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "a-token-of-the-shop"


@pytest.fixture(scope="session")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """Open to everybody, as it is without tenants."""
    with serving(tmp_path_factory.mktemp("sidecar")) as started:
        yield started


@pytest.fixture
def sidecar(daemon: Daemon) -> Daemon:
    """The same, emptied for each test."""
    assert lane_call(daemon.socket, "FLUSHALL") == b"+OK\r\n"
    return daemon


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One that has a tenant, so that a password (TOKEN) is asked for."""
    folder = tmp_path_factory.mktemp("guarded")
    with serving(folder, f"tenants.shop.token_file={_token_file(folder)}") as started:
        yield started


@pytest.fixture
def token() -> str:
    """What `guarded` asks for."""
    return TOKEN


@pytest.fixture(params=["redis", "unix"])
def url(request: pytest.FixtureRequest, sidecar: Daemon) -> str:
    """Where the sidecar is, by either of its lane's doors, as Redis clients write it."""
    return f"redis://{sidecar.lane}" if request.param == "redis" else f"unix://{sidecar.socket}"


def _token_file(folder: Path) -> Path:
    file = folder / "tokens"
    file.write_text(TOKEN + "\n")
    file.chmod(0o600)
    return file
