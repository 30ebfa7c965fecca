"""On a terminal, `serve` says where it listens and what to try; what it says is tried."""

import os
import pty
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from daemon import PATIENCE_S, command, environment
from pannierd.commands.banner import banner

ENDS_WITH = "Ctrl+C ends it."


@contextmanager
def on_a_terminal(*arguments: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """`pannierd` with a terminal, and all it printed up to the end of the banner."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(command(*arguments), env=environment(TERM="xterm"), stdin=theirs, stdout=theirs) as process:
        os.close(theirs)
        printed = ""
        while ENDS_WITH not in printed:
            printed += os.read(ours, 65_536).decode()
        try:
            yield printed.replace("\r\n", "\n"), process
        finally:
            process.kill()
            os.close(ours)


def test_the_calls_of_the_banner_work_as_printed(tmp_path: Path) -> None:
    free = [f"--set=server.{name}_address=127.0.0.1:0" for name in ("web", "lane", "diagnostics")]
    with on_a_terminal("serve", f"--set=server.lane_socket={tmp_path}/lane.sock", *free) as (printed, process):
        assert re.search(rf"^  lane +unix://{tmp_path}/lane.sock$", printed, re.MULTILINE)
        assert re.search(r"^  HTTP +http://127\.0\.0\.1:\d+$", printed, re.MULTILINE)
        assert re.search(r"^  metrics +http://127\.0\.0\.1:\d+/metrics$", printed, re.MULTILINE)
        curl, redis_cli, python = re.findall(r"^  (curl .*|redis-cli .*|PANNIER_URL=.*)$", printed, re.MULTILINE)
        assert run(curl) == ""
        assert run(redis_cli) == "world\n"
        assert run(python) == "world\n"
        process.terminate()
        assert process.wait(PATIENCE_S) == 0


def run(line: str) -> str:
    folder = Path(sys.executable).parent
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-c", line], env=environment(PATH=path), capture_output=True, text=True, timeout=PATIENCE_S, check=True
    )
    return done.stdout


def test_what_is_switched_off_is_not_advertised() -> None:
    told = banner({"lane_address": "127.0.0.1:1"}, is_open=True)
    assert "http" not in told
    assert "curl" not in told
    assert "redis-cli -h 127.0.0.1 -p 1 GET hello" in told
    assert shlex.split(told.splitlines()[-3].strip())[0] == "PANNIER_URL=tcp://127.0.0.1:1"
    assert "PANNIER_URL" not in banner({"web_address": "127.0.0.1:2"}, is_open=True)


def test_calls_go_where_this_host_reaches_the_sidecar() -> None:
    told = banner({"web_address": "0.0.0.0:1", "lane_address": "[::]:2"}, is_open=True)
    assert "http://127.0.0.1:1/v1/cache/default/hello" in told
    assert "redis-cli -h ::1 -p 2 GET hello" in told
    assert "PANNIER_URL=tcp://[::1]:2 " in told


def test_calls_that_would_need_a_token_are_not_suggested() -> None:
    told = banner({"web_address": "127.0.0.1:1"}, is_open=False)
    assert "http://127.0.0.1:1" in told
    assert "curl" not in told
    assert "token" in told
