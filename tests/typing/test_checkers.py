"""Both type checkers take what is right, and refuse exactly what is marked as wrong."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def output_of(program: str, *arguments: str) -> str:
    """What a checker says; it ends with 1 when it finds errors."""
    command = [str(Path(sys.executable).with_name(program)), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


def refused_by_mypy(file: Path) -> set[int]:
    output = output_of("mypy", "--strict", "--no-pretty", str(file))
    return {int(line) for line in re.findall(rf"{file.name}:(\d+): error", output)}


def refused_by_pyright(file: Path) -> set[int]:
    told = json.loads(output_of("pyright", "--outputjson", str(file)))
    assert told["summary"]["filesAnalyzed"] == 1
    return {found["range"]["start"]["line"] + 1 for found in told["generalDiagnostics"] if found["severity"] == "error"}


CHECKERS = pytest.mark.parametrize("refused_by", [refused_by_mypy, refused_by_pyright])


@CHECKERS
def test_what_is_right_is_taken(refused_by: Callable[[Path], set[int]]) -> None:
    assert refused_by(HERE / "api.py") == set()


@CHECKERS
def test_what_is_wrong_is_refused_and_nothing_else(refused_by: Callable[[Path], set[int]]) -> None:
    file = HERE / "wrong.py"
    marked = {number for number, line in enumerate(file.read_text().splitlines(), 1) if line.endswith("# wrong")}
    assert len(marked) > 10
    assert refused_by(file) == marked
