"""One blocking connection, and how a client without any address finds its sidecar."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from daemon import environment
from pannier._line import Line
from pannier._wire import PING
from scripted_lane import ScriptedLane, hit, invalidated

if TYPE_CHECKING:
    from pathlib import Path

SYNC = "import pannier; print(pannier.client().cache().get('key'))"
ASYNC = "import asyncio, pannier.aio; print(asyncio.run(pannier.aio.client().cache().get('key')))"


def test_an_interruption_is_raised_as_it_is_and_ends_the_line() -> None:
    def interrupted(_: Any) -> None:
        raise KeyboardInterrupt

    ours, theirs = socket.socketpair()
    with theirs:
        line = Line(ours, time.monotonic, interrupted)
        theirs.sendall(invalidated(b"key"))
        with pytest.raises(KeyboardInterrupt) as raised:
            line.ask(PING, time.monotonic() + 5)
        assert raised.value.__cause__ is None
        assert ours.fileno() == -1


def test_a_push_that_came_with_a_reply_is_taken_in_by_the_next_look() -> None:
    pushed: list[Any] = []
    ours, theirs = socket.socketpair()
    with theirs:
        line = Line(ours, time.monotonic, pushed.append)
        theirs.sendall(b"+PONG\r\n" + invalidated(b"key"))
        assert line.ask(PING, time.monotonic() + 5) == b"PONG"
        line.drain()
        line.close()
    assert pushed == [[b"key"]]


@pytest.mark.parametrize("program", [SYNC, ASYNC], ids=["sync", "async"])
def test_without_an_address_the_sidecar_is_found_in_the_users_runtime_folder(tmp_path: Path, program: str) -> None:
    (tmp_path / "pannier").mkdir()
    with ScriptedLane(tmp_path / "pannier") as lane:
        lane.answers["PN.FETCH"] = hit(b"7")
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", program],
            env=environment(XDG_RUNTIME_DIR=str(tmp_path)),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert (done.stdout, done.stderr) == ("7\n", "")
