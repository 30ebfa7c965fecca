"""The manifests: a native sidecar that starts first, stops last, and never decides whether the pod is ready."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

import pannierd

ROOT = Path(__file__).resolve().parents[2]
MANIFESTS = ROOT / "deploy" / "kubernetes"
PROGRAMS = Path(sys.executable).parent
MIB = 1 << 20
IDLE_DAEMON_BYTES = 90 * MIB
FIRST_WITH_NATIVE_SIDECARS = "1.29.0"


def manifest(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((MANIFESTS / f"{name}.yaml").read_text()))


@pytest.fixture
def pod() -> dict[str, Any]:
    return dict(manifest("deployment")["spec"]["template"]["spec"])


@pytest.fixture
def sidecar(pod: dict[str, Any]) -> dict[str, Any]:
    return dict(next(container for container in pod["initContainers"] if container["name"] == "pannier"))


@pytest.fixture
def application(pod: dict[str, Any]) -> dict[str, Any]:
    return dict(pod["containers"][0])


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    """The configuration as the sidecar's container sees it."""
    file = tmp_path / "pannier.toml"
    file.write_text(manifest("configmap")["data"]["pannier.toml"])
    return file


@pytest.fixture
def config(config_file: Path) -> dict[str, Any]:
    return tomllib.loads(config_file.read_text())


def diagnostics_port(sidecar: dict[str, Any]) -> int:
    return int(next(port["containerPort"] for port in sidecar["ports"] if port["name"] == "diagnostics"))


@pytest.mark.parametrize("version", [[], ["--kubernetes-version", FIRST_WITH_NATIVE_SIDECARS]])
@pytest.mark.parametrize("name", ["configmap", "deployment"])
def test_a_manifest_has_no_field_that_kubernetes_does_not_know(name: str, version: list[str]) -> None:
    command: list[str | Path] = [PROGRAMS / "kubernetes-validate", "--strict", *version, MANIFESTS / f"{name}.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout + done.stderr


def test_every_manifest_is_listed_and_every_listed_one_is_there() -> None:
    listed = manifest("kustomization")["resources"]
    assert sorted(listed) == sorted(path.name for path in MANIFESTS.glob("*.yaml") if path.stem != "kustomization")


def test_the_sidecar_starts_before_the_application_and_lives_beside_it(sidecar: dict[str, Any]) -> None:
    assert sidecar["restartPolicy"] == "Always"
    assert sidecar["startupProbe"]["httpGet"]["path"] == "/startupz"
    assert sidecar["livenessProbe"]["httpGet"]["path"] == "/livez"


def test_the_sidecar_does_not_decide_whether_the_pod_is_ready(sidecar: dict[str, Any]) -> None:
    assert "readinessProbe" not in sidecar


def test_the_sidecar_is_not_told_to_stop_while_the_application_drains(sidecar: dict[str, Any]) -> None:
    assert "lifecycle" not in sidecar


def test_the_drain_fits_into_the_grace_period(pod: dict[str, Any], config: dict[str, Any]) -> None:
    assert config["server"]["drain_max_ms"] < pod["terminationGracePeriodSeconds"] * 1000


def test_the_probes_and_the_config_speak_of_one_port(sidecar: dict[str, Any], config: dict[str, Any]) -> None:
    assert config["server"]["diagnostics_address"] == f"0.0.0.0:{diagnostics_port(sidecar)}"
    assert {sidecar[probe]["httpGet"]["port"] for probe in ["startupProbe", "livenessProbe"]} == {"diagnostics"}


def test_both_containers_see_the_socket(
    pod: dict[str, Any], sidecar: dict[str, Any], application: dict[str, Any], config: dict[str, Any]
) -> None:
    folders = [{mount["name"]: mount["mountPath"] for mount in each["volumeMounts"]} for each in (sidecar, application)]
    socket = config["server"]["lane_socket"]
    assert [folder["lane"] for folder in folders] == [str(Path(socket).parent)] * 2
    assert {"name": "PANNIER_URL", "value": f"unix://{socket}"} in application["env"]
    assert pod["securityContext"]["fsGroup"] == sidecar["securityContext"]["runAsGroup"]


def test_every_container_is_hardened(pod: dict[str, Any]) -> None:
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    for container in [*pod["initContainers"], *pod["containers"]]:
        rights = container["securityContext"]
        assert rights["readOnlyRootFilesystem"] is True
        assert rights["allowPrivilegeEscalation"] is False
        assert rights["capabilities"] == {"drop": ["ALL"]}
        assert rights["runAsUser"] > 0


def test_the_memory_limit_has_room_for_a_full_cache(sidecar: dict[str, Any], config: dict[str, Any]) -> None:
    limit = int(re.fullmatch(r"(\d+)Mi", sidecar["resources"]["limits"]["memory"])[1]) * MIB  # type: ignore[index]  # no match fails
    cache = config["cache"]["memory"]["max_bytes"]
    assert cache * 1.5 + IDLE_DAEMON_BYTES <= limit


def test_the_daemon_accepts_the_config(config_file: Path) -> None:
    done = subprocess.run(
        [PROGRAMS / "pannierd", "check-config", "--config", config_file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_images_are_of_this_version() -> None:
    assert {image["newTag"] for image in manifest("kustomization")["images"]} == {pannierd.__version__}


def test_prometheus_finds_the_sidecar(sidecar: dict[str, Any]) -> None:
    monitor, deployment = manifest("podmonitor")["spec"], manifest("deployment")["spec"]
    assert monitor["selector"]["matchLabels"].items() <= deployment["template"]["metadata"]["labels"].items()
    (endpoint,) = monitor["podMetricsEndpoints"]
    assert endpoint["port"] in {port["name"] for port in sidecar["ports"]}
    assert endpoint["path"] == "/metrics"
