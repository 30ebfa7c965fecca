"""ioredis and node-redis, from npm; see package.json. What they are tried with stands in the two scripts."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from daemon import Daemon

HERE = Path(__file__).parent
SECONDS = 60


def node(script: str, door: dict[str, Any], version: int) -> Any:
    """What a script reports."""
    command = ["node", str(HERE / script), json.dumps(door), str(version)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def by_tcp(sidecar: Daemon) -> dict[str, Any]:
    host, _, port = sidecar.lane.rpartition(":")
    return {"host": host, "port": int(port)}


@pytest.fixture(params=["tcp", "unix", "password"])
def door(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Where the client is to go, and with what."""
    if request.param == "password":
        return {**by_tcp(request.getfixturevalue("guarded")), "password": request.getfixturevalue("token")}
    sidecar: Daemon = request.getfixturevalue("sidecar")
    return by_tcp(sidecar) if request.param == "tcp" else {"path": str(sidecar.socket)}


@pytest.mark.parametrize("version", [2, 3])
def test_ioredis(door: dict[str, Any], version: int) -> None:
    assert node("ioredis.mjs", door, version) == {"client": "ioredis", "spoken": version}


@pytest.mark.parametrize("version", [2, 3])
def test_node_redis(door: dict[str, Any], version: int) -> None:
    report = node("node_redis.mjs", door, version)
    assert report == {"client": "node-redis", "spoken": version, "cached": version == 3}
