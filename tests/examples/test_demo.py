"""`make demo` runs without a terminal, shows its progress, ends with its table, and leaves nothing running."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

DEMO = Path(__file__).parents[2] / "examples/demo"
SECONDS = 120


def test_the_demo_compares_and_shows_an_invalidation() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(DEMO), "--seconds", "3"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    assert done.stderr == ""
    assert "\r" not in done.stdout
    for row in ("1 without the sidecar", "2 with it, the same requests", "3 with it, going on"):
        assert len(re.findall(rf"^{row} +(?:[\d.]+ ms *){{4}}[\d,]+$", done.stdout, flags=re.MULTILINE)) == 1
    reached, possible = ratio(done.stdout, "hit ratio"), ratio(done.stdout, "a cache without limits has")
    assert 0 < reached <= possible
    assert re.search(r"(Its first read|After \d+ reads of the old price, the next one) showed the new one", done.stdout)


def ratio(table: str, name: str) -> float:
    """What the last column of a row says, for all requests."""
    found = re.search(rf"^ *{name} .* ([\d.]+)%$", table, flags=re.MULTILINE)
    assert found is not None
    return float(found[1])


def test_an_interrupted_demo_ends_its_processes() -> None:
    process = subprocess.Popen(
        ["env", "--default-signal=INT", sys.executable, "-u", str(DEMO), "--seconds", "60"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "workers serve" in line:
            break
    children = [int(child) for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=SECONDS)
    assert process.returncode == 130
    assert "ended" in output
    assert "Traceback" not in errors
    assert len(children) == 3
    for child in children:
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)
