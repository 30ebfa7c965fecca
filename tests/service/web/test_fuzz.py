"""Whatever the OpenAPI document allows or forbids, a real sidecar answers it as the document says."""

import subprocess
import sys
from pathlib import Path

from daemon import environment, serving

HERE = Path(__file__).parent
TESTS = HERE.parents[1]


def test_every_answer_is_one_that_the_document_names(tmp_path: Path) -> None:
    """Boundaries of every parameter first, then a fixed sample of what is valid and what is not."""
    with serving(tmp_path, "limits.max_deadline_ms=20") as sidecar:
        run = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml")),
                *("run", f"http://{sidecar.web}/openapi.json"),
            ],
            cwd=tmp_path,
            env=environment(PYTHONPATH=str(TESTS)),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert run.returncode == 0, run.stdout + run.stderr
        assert sidecar.process.poll() is None
        assert [entry for entry in sidecar.logged if entry["level"] == "error"] == []
