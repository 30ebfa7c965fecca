"""The servers that are measured: each started for the script that asks, on loopback, and ended with it by its pid.

A context manager a server. What it needs lies in a folder that the script hands in; its output is there, as NAME.log.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.error import URLError

from lane import Lane

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["Redis", "Sidecar", "bare_handler", "nutcracker", "redis_cluster", "redis_server", "sidecar", "version_of"]

HERE: Final = Path(__file__).resolve().parent
TOOLS: Final = HERE.parent / ".tools" / "bin"  # where tests/install unpacks
HOST: Final = "127.0.0.1"
START_SECONDS: Final = 15.0
END_SECONDS: Final = 10.0
POLL_SECONDS: Final = 0.002
SLOTS: Final = 16_384


class DidNotStartError(Exception):
    """A server ended at once, or was not ready in time. The text holds what it printed."""


@dataclass(frozen=True)
class Redis:
    """A Redis server."""

    port: int
    socket_path: Path
    pid: int
    started_in: float  # seconds until it answered


@dataclass(frozen=True)
class Sidecar:
    """A running pannierd."""

    lane_socket: Path
    lane_port: int
    web_port: int
    diagnostics_port: int
    pid: int
    started_in: float  # seconds from its start until /startupz said yes

    @property
    def url(self) -> str:
        return f"unix://{self.lane_socket}"

    def counted(self, metric: str, **labels: str) -> float:
        """The sum of a metric's samples that carry these labels, from its live page."""
        with urllib.request.urlopen(f"http://{HOST}:{self.diagnostics_port}/metrics") as page:
            lines = page.read().decode().splitlines()
        wanted = [f'{name}="{value}"' for name, value in labels.items()]
        samples = [line for line in lines if re.match(rf"{metric}[{{ ]", line)]
        return sum(float(line.split()[-1]) for line in samples if all(label in line for label in wanted))


@contextlib.contextmanager
def sidecar(folder: Path, settings: Mapping[str, str] = {}) -> Iterator[Sidecar]:
    """Pannier's daemon with its defaults but for `settings` (`section.key` to value) and addresses of its own."""
    lane, web, diagnostics = free_ports(3)
    lane_socket = folder / "lane" / "lane.sock"
    settings = {
        "server.lane_socket": str(lane_socket),
        "server.lane_address": f"{HOST}:{lane}",
        "server.web_address": f"{HOST}:{web}",
        "server.diagnostics_address": f"{HOST}:{diagnostics}",
        "server.data_dir": str(folder / "data"),
        **settings,
    }
    assignments = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    command = [sys.executable, "-m", "pannierd", "serve", *assignments]
    with _running("pannierd", command, folder, lambda: _says_yes(diagnostics, "/startupz")) as (pid, started_in):
        yield Sidecar(lane_socket, lane, web, diagnostics, pid, started_in)


@contextlib.contextmanager
def redis_server(folder: Path, *options: str) -> Iterator[Redis]:
    """A redis-server that keeps nothing on disk."""
    port = free_port()
    name = f"redis-{port}"
    socket_path = folder / f"{name}.sock"
    command = [_program("redis-server"), "--port", str(port), "--bind", HOST, "--unixsocket", str(socket_path)]
    command += ["--save", "", "--appendonly", "no", "--dir", str(folder), *options]
    with _running(name, command, folder, lambda: _answers(port, "PING", b"PONG")) as (pid, started_in):
        yield Redis(port, socket_path, pid, started_in)


@contextlib.contextmanager
def redis_cluster(folder: Path, masters: int) -> Iterator[list[Redis]]:
    """A Redis Cluster without replicas, its slots in equal parts."""
    with contextlib.ExitStack() as stack:
        nodes, bus = [], [free_port() for _ in range(masters)]
        for number in range(masters):
            own = ["--cluster-enabled", "yes", "--cluster-config-file", f"nodes-{number}.conf"]
            node = stack.enter_context(redis_server(folder, *own, "--cluster-port", str(bus[number])))
            nodes.append(node)
            with Lane.connect((HOST, node.port)) as admin:
                first, last = SLOTS * number // masters, SLOTS * (number + 1) // masters - 1
                admin.call("CLUSTER", "ADDSLOTSRANGE", first, last)
                if number:
                    admin.call("CLUSTER", "MEET", HOST, nodes[0].port, bus[0])
        for node in nodes:
            if not _wait(partial(_cluster_is_whole, node.port, masters), time.monotonic() + START_SECONDS):
                raise DidNotStartError("the nodes of the cluster did not find each other")
        yield nodes


@contextlib.contextmanager
def nutcracker(folder: Path, redis_port: int) -> Iterator[int]:
    """Twemproxy with its defaults in front of one Redis; its port."""
    port = free_port()
    settings = f"""
bench:
  listen: {HOST}:{port}
  hash: fnv1a_64
  distribution: ketama
  redis: true
  preconnect: true
  servers:
   - {HOST}:{redis_port}:1
"""
    file = folder / "nutcracker.yml"
    file.write_text(settings)
    log = folder / "nutcracker.log"
    command = [_program("nutcracker"), "-c", str(file), "-o", str(log), "-a", HOST, "-s", str(free_port())]
    with _running("nutcracker", command, folder, lambda: _answers(port, "GET nothing", None)):
        yield port


@contextlib.contextmanager
def bare_handler(folder: Path) -> Iterator[int]:
    """The smallest aiohttp application, on uvloop; its port."""
    port = free_port()
    command = [sys.executable, str(HERE / "bare_handler.py"), str(port)]
    with _running("bare_handler", command, folder, lambda: _says_yes(port, "/value")):
        yield port


def version_of(program: str, *options: str) -> str:
    """The first line that a program prints about itself."""
    done = subprocess.run([_program(program), *options], capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).partition("\n")[0]


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Several, no two alike."""
    with contextlib.ExitStack() as held:
        return [held.enter_context(socket.create_server((HOST, 0))).getsockname()[1] for _ in range(count)]


@contextlib.contextmanager
def _running(
    name: str, command: Sequence[str], folder: Path, is_ready: Callable[[], bool]
) -> Iterator[tuple[int, float]]:
    """A process from its start to its end; yields its pid, and the seconds that it took to be ready."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("PANNIER")}
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        started = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=env)
    try:
        if not _wait(lambda: process.poll() is not None or is_ready(), started + START_SECONDS) or process.poll():
            raise DidNotStartError(f"{name} did not start:\n{log.read_text()}")
        yield process.pid, time.monotonic() - started
    finally:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(is_so: Callable[[], bool], until: float) -> bool:
    while not is_so():
        if time.monotonic() > until:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _says_yes(port: int, path: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}{path}", timeout=1) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except (URLError, OSError):
        return False


def _answers(port: int, command: str, expected: bytes | None) -> bool:
    try:
        with Lane.connect((HOST, port)) as connection:
            return bool(connection.call(*command.split()) == expected)
    except OSError:
        return False


def _cluster_is_whole(port: int, nodes: int) -> bool:
    with Lane.connect((HOST, port)) as admin:
        about = bytes(admin.call("CLUSTER", "INFO"))
    return b"cluster_state:ok" in about and b"cluster_known_nodes:%d" % nodes in about


def _program(name: str) -> str:
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), str(TOOLS), "/usr/sbin"]))
    if found is None:
        raise DidNotStartError(f"{name} is not installed: `tests/install` does that")
    return found
