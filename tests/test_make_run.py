"""`make run` in a fresh copy, with an environment of its own: what the README says first is what a newcomer gets."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from documentation.blocks import blocks_of
from documentation.reader import Reader
from documentation.sidecar import USUAL_PORTS, free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
MADE = shutil.ignore_patterns(
    ".git", ".venv", ".tools", ".*_cache", ".hypothesis", "__pycache__", "node_modules", "build"
)
READY_WITHIN_S = 100  # most of it is pip's
ENDS_WITHIN_S = 20


def test_make_run_makes_all_it_needs_and_the_readmes_calls_work(tmp_path: Path) -> None:
    copy = tmp_path / "pannier"
    shutil.copytree(ROOT, copy, ignore=MADE)
    ports = dict(zip(USUAL_PORTS, free_ports(len(USUAL_PORTS)), strict=True))
    with made_to_run(copy, tmp_path, ports):
        (tmp_path / "reader").mkdir()
        reader = Reader(tmp_path / "reader", ports, f"unix://{tmp_path}/lane.sock")
        for block in blocks_of(copy / "README.md"):
            reader.follow(block)


@contextmanager
def made_to_run(copy: Path, folder: Path, ports: dict[str, str]) -> Iterator[None]:
    """`make run` on free ports, from when the sidecar is ready until Ctrl-C."""
    settings = {knob: f"127.0.0.1:{ports[usual]}" for usual, knob in USUAL_PORTS.items()}
    settings |= {"lane_socket": f"{folder}/lane.sock", "data_dir": str(folder)}
    options = " ".join(f"--set server.{knob}={value}" for knob, value in settings.items())
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL"))}
    process = subprocess.Popen(
        ["make", "run", f"ARGS={options}"],
        cwd=copy,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said = ""
        assert process.stdout is not None
        for line in process.stdout:
            said += line
            if ports["7480"] in line:
                break
        assert process.poll() is None, said
        wait = [f"{copy}/.venv/bin/pannierd", "wait", "--max", f"{READY_WITHIN_S}s", *options.split()]
        subprocess.run(wait, check=True, env=environment, timeout=READY_WITHIN_S)
        yield
    finally:
        os.killpg(process.pid, signal.SIGINT)  # Ctrl-C
        process.communicate(timeout=ENDS_WITHIN_S)
    assert process.returncode == -signal.SIGINT
