"""What is published works: both distributions, built from their source archives, in an empty environment."""

import json
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

import pannierd

ROOT = Path(__file__).resolve().parents[1]
SOURCES = {"pannierd": ROOT, "pannier": ROOT / "client"}
BESIDE_THE_PACKAGE: dict[str, set[str]] = {"pannierd": set(), "pannier": {"pannier_pytest.py"}}
PACKAGES = {"pannierd": ROOT / "service" / "pannierd", "pannier": ROOT / "client" / "pannier"}


def output_of(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass
class Environment:
    """A virtual environment with nothing in it but one wheel and what that wheel asks for."""

    folder: Path

    def install(self, wheel: Path) -> None:
        output_of(sys.executable, "-m", "venv", "--without-pip", self.folder)
        output_of(sys.executable, "-m", "pip", "--python", self.folder, "install", "--quiet", wheel)

    def run(self, program: str, *arguments: str) -> str:
        return output_of(self.folder / "bin" / program, *arguments)

    def packages(self) -> set[str]:
        found = output_of(sys.executable, "-m", "pip", "--python", self.folder, "list", "--format", "json")
        return {package["name"] for package in json.loads(found)}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each distribution's wheel, built from its source archive and not from the work tree."""
    built = tmp_path_factory.mktemp("dist")
    for source in SOURCES.values():
        output_of(sys.executable, "-m", "build", "--outdir", built, source)
    return {name: next(built.glob(f"{name}-*.whl")) for name in SOURCES}


@pytest.mark.parametrize("name", SOURCES)
def test_a_wheel_holds_the_whole_package_typed_and_licensed(wheels: dict[str, Path], name: str) -> None:
    inside = {path for path in zipfile.ZipFile(wheels[name]).namelist() if not path.endswith("/")}
    metadata = f"{name}-{pannierd.__version__}.dist-info/"
    source = [path.relative_to(PACKAGES[name]) for path in PACKAGES[name].rglob("*") if path.is_file()]
    assert {path for path in inside if not path.startswith(metadata)} == BESIDE_THE_PACKAGE[name] | {
        f"{name}/{path}" for path in source if not any(part.startswith((".", "__pycache__")) for part in path.parts)
    }
    assert f"{name}/py.typed" in inside
    assert f"{metadata}licenses/LICENSE" in inside


def test_the_daemon_runs_from_its_wheel(wheels: dict[str, Path], tmp_path: Path) -> None:
    environment = Environment(tmp_path / "environment")
    environment.install(wheels["pannierd"])
    assert pannierd.__version__ in environment.run("pannierd", "version")
    assert "pannier" not in environment.packages()


def test_the_client_brings_two_packages_and_no_more(wheels: dict[str, Path], tmp_path: Path) -> None:
    environment = Environment(tmp_path / "environment")
    environment.install(wheels["pannier"])
    environment.run("python", "-c", "import pannier, pannier.aio")
    assert environment.packages() == {"pannier", "hiredis", "orjson"}
