"""Every load test runs to its end, and reports in the form that results/ keeps. Nothing here judges speed."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "loadtests"
SCRIPTS = sorted(FOLDER.glob("f[0-9][0-9]_*.py"))
BOTH_SIDES = 2


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_script_measures_both_sides_and_keeps_what_it_saw(script: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(script), "--quick", "--results", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    [file] = tmp_path.iterdir()
    kept = json.loads(file.read_text())
    assert file.stem == script.stem.partition("_")[0]
    assert kept["figure"] == f"F{int(file.stem[1:])}"
    assert kept["quick"]
    assert kept["targets"]
    assert kept["rows"]
    for row in kept["rows"]:
        assert len(row["rounds"]) >= BOTH_SIDES, row["what"]
        assert all(math.isfinite(value) for values in row["rounds"].values() for value in values)
    for target in kept["targets"]:
        assert target["what"] in done.stdout


def test_the_readme_names_the_command_of_every_script() -> None:
    readme = (FOLDER / "README.md").read_text()
    assert [script.name for script in SCRIPTS if f"`python loadtests/{script.name}`" not in readme] == []
