"""A reader who does what a page says: types its commands, keeps its files, runs its programs, in an empty folder.

The sidecar listens on free ports instead of the usual ones, so that the tests disturb nobody; the reader types those.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from documentation.blocks import Block

SECONDS = 60
# The machine that runs the tests may be busy: a slow answer is not to look like an absent sidecar.
PATIENT = {"PANNIER_TIMEOUT_MS": "20000"}
REPOSITORY = Path(__file__).parents[2]


class Reader:
    """Reads one page in one folder.

    Args:
        folder: where the reader stands.
        ports: what to type for the usual ports 7480, 7481 and 7482.
        lane_url: where the client finds the sidecar.
    """

    def __init__(self, folder: Path, ports: Mapping[str, str], lane_url: str) -> None:
        self._folder = folder
        self._ports = ports
        path = os.pathsep.join([str(Path(sys.executable).parent), str(REPOSITORY / ".tools/bin"), os.environ["PATH"]])
        self._environment = {**os.environ, "PATH": path, "PANNIER_URL": lane_url, **PATIENT, "LC_ALL": "C.UTF-8"}

    def follow(self, block: Block) -> None:
        """Do what a block says; a language without a meaning here is only read."""
        follow = getattr(self, f"_{block.language}", None)
        if follow is not None:
            follow(block)

    def _sh(self, block: Block) -> None:
        self._run(block, "bash", "-eu", "-o", "pipefail", "-c", self._typed(block.text))

    def _console(self, block: Block) -> None:
        for typed, promised in block.exchanges:
            answer = self._run(block, "bash", "-u", "-c", self._typed(typed), may_fail=True)
            if not matches(self._typed(promised), answer):
                raise AssertionError(f"{block}: `{typed}` promises\n{promised}\nand answers\n{answer}")

    def _python(self, block: Block) -> None:
        """A block with a name is a file, which another block runs; any other is a program."""
        name = block.file_name or "program.py"
        (self._folder / name).write_text(self._typed(block.text), encoding="utf-8")
        if not block.file_name:
            self._run(block, sys.executable, "-W", "error", name)

    def _toml(self, block: Block) -> None:
        name = block.file_name or "pannier.toml"
        (self._folder / name).write_text(block.text, encoding="utf-8")
        self._run(block, "pannierd", "check-config", "--config", name)

    def _yaml(self, block: Block) -> None:
        """A piece of a file that is shipped."""
        shipped = [REPOSITORY / "docker-compose.yml", *(REPOSITORY / "deploy").rglob("*.yaml")]
        if not any(_unindented(block.text) in _unindented(path.read_text(encoding="utf-8")) for path in shipped):
            raise AssertionError(f"{block}: no shipped file has this piece")

    def _typed(self, text: str) -> str:
        return re.sub(r"\b748[012]\b", lambda found: self._ports[found[0]], text)

    def _run(self, block: Block, *command: str, may_fail: bool = False) -> str:
        done = subprocess.run(
            command,
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        if done.returncode and not may_fail:
            raise AssertionError(f"{block}: exit code {done.returncode}\n{done.stdout}")
        return done.stdout


def matches(promised: str, answer: str) -> bool:
    """Whether the answer is the promised one, where `…` stands for anything."""
    pattern = ".*".join(re.escape(part) for part in promised.strip().split("…"))
    return re.fullmatch(pattern, answer.replace("\r", "").strip(), flags=re.DOTALL) is not None


def _unindented(text: str) -> str:
    """Lines without their indentation: a piece may be shown further left than it stands."""
    return "\n".join(line.strip() for line in text.strip().splitlines())
