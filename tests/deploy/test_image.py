"""The images work: their Dockerfiles are carried out in clean roots, and their containers run together as in a pod."""

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import pannierd
from deploy.container import Container
from deploy.dockerfile import read_stages
from deploy.image import Builder, Context, Image
from deploy.namespaces import Mount, remove

ROOT = Path(__file__).resolve().parents[2]
UNPRIVILEGED = re.compile(r"[1-9]\d*:[1-9]\d*")
WAIT = ["pannierd", "wait", "--config", "/etc/pannier/pannier.toml", "--max", "20s"]
ASK = "import sys, urllib.request as web; print(web.urlopen(sys.argv[1], timeout=10).read().decode(), end='')"
SOCKET = "lane.sock"
PRIMES_BELOW_A_MILLION = "78498"


def built(dockerfile: str, folder: Path) -> Iterator[Image]:
    stages = read_stages(ROOT / dockerfile)
    yield Builder(Context(ROOT), folder).build(stages)[stages[-1].name]
    remove(folder)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    yield from built("Dockerfile", tmp_path_factory.mktemp("pannierd"))


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    yield from built("examples/primes/Dockerfile", tmp_path_factory.mktemp("primes"))


@pytest.fixture
def volume(image: Image, tmp_path: Path) -> Iterator[Path]:
    """A new volume of Docker's for the socket: it takes owner and mode over from the image's folder."""
    image.run("cp --archive /run/pannier /mnt/lane", volumes=[Mount(tmp_path, "/mnt", writable=True)])
    yield tmp_path / "lane"
    remove(tmp_path / "lane")


@pytest.fixture
def sidecar(image: Image, volume: Path) -> Iterator[Container]:
    with Container(image, [Mount(volume, "/run/pannier", writable=True)]) as container:
        yield container


def serving(sidecar: Container) -> Container:
    done = sidecar.execute(*WAIT)
    assert done.returncode == 0, done.stderr + sidecar.kill()
    return sidecar


def ask(container: Container, url: str) -> str:
    done = container.execute("python", "-c", ASK, url)
    return done.stdout if done.returncode == 0 else done.stderr.splitlines()[-1]


def test_the_image_says_what_it_is(image: Image) -> None:
    assert image.labels["org.opencontainers.image.version"] == pannierd.__version__
    assert image.labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert image.ports == ["7482"]


def test_nothing_in_the_image_but_the_folder_of_the_socket_belongs_to_who_runs_in_it(image: Image) -> None:
    assert UNPRIVILEGED.fullmatch(image.user)
    found = image.run(f"find / -xdev -path /usr -prune -o -user {image.user.partition(':')[0]} -print")
    assert found.splitlines() == ["/run/pannier"]


def test_the_sidecar_becomes_healthy_without_privileges_on_a_read_only_root(sidecar: Container) -> None:
    assert serving(sidecar).is_healthy()


def test_the_health_check_notices_that_nobody_serves(image: Image) -> None:
    with Container(dataclasses.replace(image, entrypoint=["sleep"], command=["60"])) as container:
        assert not container.is_healthy()


def test_only_health_and_metrics_are_reached_from_outside(sidecar: Container) -> None:
    """Who listens on 127.0.0.1 alone is not at 127.0.0.2."""
    serving(sidecar)
    assert "pannier_build_info" in ask(sidecar, "http://127.0.0.2:7482/metrics")
    assert "refused" in ask(sidecar, "http://127.0.0.2:7480/openapi.json")
    assert "openapi" in ask(sidecar, "http://127.0.0.1:7480/openapi.json")


def test_the_socket_is_its_groups(sidecar: Container, image: Image) -> None:
    found = serving(sidecar).execute("stat", "--format", "%u:%g %a %F", f"/run/pannier/{SOCKET}")
    assert found.stdout.strip() == f"{image.user} 660 socket"


def test_a_container_that_is_stopped_ends_well_and_takes_its_socket_along(
    sidecar: Container, image: Image, volume: Path
) -> None:
    shared = [Mount(volume, "/mnt")]
    serving(sidecar)
    assert image.run("ls /mnt", volumes=shared) == f"{SOCKET}\n"
    code, output = sidecar.stop(timeout=10)
    assert code == 0, output
    assert image.run("ls /mnt", volumes=shared) == ""


@pytest.mark.parametrize("owner", ["the image's", "the pod's"])
def test_a_service_beside_the_sidecar_is_cached(
    sidecar: Container, volume: Path, image: Image, application: Image, owner: str
) -> None:
    """In Compose the volume is the image's user's; in a pod it is root's, with the pod's fsGroup and open to all."""
    group = image.user.partition(":")[2]
    if owner == "the pod's":
        image.run(f"chown 0:{group} /mnt && chmod 2777 /mnt", volumes=[Mount(volume, "/mnt", writable=True)])
    serving(sidecar)
    with Container(
        application,
        [Mount(volume, "/run/pannier")],
        network_of=sidecar,
        env={"PANNIER_URL": f"unix:///run/pannier/{SOCKET}"},
        groups=[group],
    ) as service:
        assert any(service.is_healthy() for _ in range(50)), service.kill()
        assert ask(service, "http://127.0.0.1:8000/primes/1000000") == f"{PRIMES_BELOW_A_MILLION}\n"
        kept = ask(service, "http://127.0.0.1:7480/v1/cache/default/primes-below:1000000")
    assert kept == PRIMES_BELOW_A_MILLION
