"""The compose file: a service that shares the sidecar's network and reaches its socket through a group."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.dockerfile import read_stages

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(sys.executable).parent
COMPOSE = ROOT / "docker-compose.yml"


@pytest.fixture
def services() -> dict[str, Any]:
    return dict(yaml.safe_load(COMPOSE.read_text())["services"])


def ids_of(dockerfile: Path) -> tuple[str, str]:
    uid, _, gid = next(step.text for step in read_stages(dockerfile)[-1].steps if step.name == "USER").partition(":")
    return uid, gid


@pytest.mark.parametrize(
    "command",
    [
        ["check-jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE],
        ["yamllint", "--strict", COMPOSE, ROOT / "deploy", ROOT / ".yamllint"],
        ["hadolint", ROOT / "Dockerfile", ROOT / "examples" / "primes" / "Dockerfile"],
    ],
    ids=lambda command: command[0],
)
def test_the_linters_of_the_trade_have_nothing_to_say(command: list[str | Path]) -> None:
    program, *arguments = command
    done = subprocess.run([PROGRAMS / program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_service_waits_for_a_healthy_sidecar_and_shares_its_network(services: dict[str, Any]) -> None:
    assert services["primes"]["network_mode"] == "service:pannier"
    assert services["primes"]["depends_on"]["pannier"]["condition"] == "service_healthy"
    assert "ports" not in services["primes"]


def test_the_service_is_in_the_group_of_the_socket(services: dict[str, Any]) -> None:
    _, group = ids_of(ROOT / "Dockerfile")
    assert services["primes"]["group_add"] == [group]
    assert services["primes"]["volumes"] == [f"{volume}:ro" for volume in services["pannier"]["volumes"]]


@pytest.mark.parametrize("name", ["pannier", "primes"])
def test_a_container_has_no_more_rights_than_it_needs(services: dict[str, Any], name: str) -> None:
    assert services[name]["read_only"] is True
    assert services[name]["cap_drop"] == ["ALL"]
    assert services[name]["security_opt"] == ["no-new-privileges:true"]
    assert all(port.startswith("127.0.0.1:") for port in services[name].get("ports", []))


def test_what_is_built_is_there(services: dict[str, Any]) -> None:
    assert services["pannier"]["build"] == "."
    build = services["primes"]["build"]
    assert (ROOT / build["context"] / build["dockerfile"]).is_file()
