"""ioredis and node-redis, from npm; see package.json."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from daemon import Daemon

HERE = Path(__file__).parent


def node(script: str, *arguments: str) -> str:
    command = ["node", str(HERE / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_ioredis(sidecar: Daemon) -> None:
    assert node("ioredis.mjs", str(sidecar.socket)) == "ioredis: all answers as expected\n"


@pytest.mark.parametrize("version", ["2", "3"])
def test_node_redis(sidecar: Daemon, version: str) -> None:
    assert node("node_redis.mjs", sidecar.lane, version) == "node-redis: all answers as expected\n"
