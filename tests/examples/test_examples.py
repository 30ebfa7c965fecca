"""The examples run, and do what they say."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from documentation.reader import PATIENT
from documentation.sidecar import Sidecar, free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = Path(__file__).parents[2] / "examples"
SECONDS = 60


@pytest.fixture
def sidecar(tmp_path: Path) -> Iterator[Sidecar]:
    with Sidecar(tmp_path / "sidecar") as running:
        yield running


def run(sidecar: Sidecar, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", *command],
        env={**os.environ, **PATIENT, "PANNIER_URL": sidecar.lane_url},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )


def test_the_second_run_of_the_script_reads_no_file(sidecar: Sidecar, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("one two two")
    first = run(sidecar, str(EXAMPLES / "word_counts.py"), str(text))
    second = run(sidecar, str(EXAMPLES / "word_counts.py"), str(text))
    assert first.stdout.split() == ["2", "two", "1", "one"] == second.stdout.split()
    assert "reading" in first.stderr
    assert second.stderr == ""


def test_a_changed_file_is_counted_again(sidecar: Sidecar, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("one")
    run(sidecar, str(EXAMPLES / "word_counts.py"), str(text))
    text.write_text("one three")
    assert "three" in run(sidecar, str(EXAMPLES / "word_counts.py"), str(text)).stdout


def test_many_redis_clients_load_once(sidecar: Sidecar) -> None:
    done = run(sidecar, str(EXAMPLES / "redis_leases.py"))
    assert done.stdout.splitlines() == ["loading", "20 callers, one answer: all is well"]


def test_the_service_reads_a_note_once_and_reads_a_changed_one_again(sidecar: Sidecar) -> None:
    with notes(sidecar) as service:
        assert ask(service, "GET", "/notes/1")[0] == 404
        assert ask(service, "PUT", "/notes/1", "buy milk")[0] == 204
        assert [ask(service, "GET", "/notes/1") for _ in range(2)] == [(200, "buy milk\n")] * 2
        ask(service, "PUT", "/notes/1", "buy bread")
        assert ask(service, "GET", "/notes/1") == (200, "buy bread\n")
        assert ask(service, "GET", "/reads") == (200, "3\n")


@contextmanager
def notes(sidecar: Sidecar) -> Iterator[int]:
    """The service; its port. It says on standard output when it serves."""
    [port] = free_ports(1)
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-u", str(EXAMPLES / "aiohttp_notes.py"), port],
        env={**os.environ, **PATIENT, "PANNIER_URL": sidecar.lane_url},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert port in process.stdout.readline()
        yield int(port)
    finally:
        process.terminate()
        process.communicate(timeout=SECONDS)
    assert process.returncode == 0


def ask(port: int, method: str, path: str, body: str | None = None) -> tuple[int, str]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)) as connection:
        connection.request(method, path, body)
        response = connection.getresponse()
        return response.status, response.read().decode()
