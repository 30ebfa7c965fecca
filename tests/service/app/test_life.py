"""The life of a real daemon: how it starts, how it is asked to end, how it ends."""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import time
from contextlib import closing
from pathlib import Path

import pytest

from daemon import PATIENCE_S, Daemon, ask, encode, lane_call, serving


def test_it_serves_on_every_listener(tmp_path: Path) -> None:
    with serving(tmp_path) as daemon:
        assert ask(daemon.web, "PUT", "/v1/cache/default/hello", b"world")[0] == 204
        assert lane_call(daemon.socket, "GET", "hello") == b"$5\r\nworld\r\n"
        for page in ("/livez", "/readyz", "/startupz", "/metrics"):
            assert ask(daemon.diagnostics, "GET", page)[0] == 200


def test_it_is_ready_within_a_second_and_idles_in_ninety_mebibytes(tmp_path: Path) -> None:
    """Figure F15. Of the start the processor time counts: a machine that is busy otherwise is no fault of ours."""
    with serving(tmp_path) as daemon:
        fields = Path(f"/proc/{daemon.process.pid}/stat").read_text().rpartition(")")[2].split()
        assert (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") < 1.0, "user and system time"
        assert daemon.status()["resident_bytes"] < 90 * 1024 * 1024


def test_the_status_says_what_it_is_and_how_it_does(tmp_path: Path) -> None:
    with serving(tmp_path, "cache.memory.max_bytes=1_000_000") as daemon:
        ask(daemon.web, "PUT", "/v1/cache/default/hello", b"world")
        status = daemon.status()
        assert status["phase"] == "serving"
        assert status["pid"] == daemon.process.pid
        assert status["degraded"] == []
        assert status["listeners"]["lane_socket"] == str(daemon.socket)
        assert status["tiers"]["memory"]["max_bytes"] == 1_000_000
        assert status["tiers"]["memory"]["entries"] == 1
        assert status["tiers"]["memory"]["bytes"] > 0


def test_sigterm_ends_it_with_code_0_and_the_socket_file_is_gone(tmp_path: Path) -> None:
    with serving(tmp_path) as daemon:
        assert daemon.socket.is_socket()
        daemon.send(signal.SIGTERM)
        assert daemon.ended() == 0
        assert not daemon.socket.exists()
        assert [entry["event"] for entry in daemon.logged] == ["serving", "draining", "ended"]


def test_while_it_drains_it_is_unready_and_still_takes_calls_for_drain_min_ms(tmp_path: Path) -> None:
    with serving(tmp_path, "server.drain_min_ms=60_000") as daemon:
        assert ask(daemon.diagnostics, "GET", "/readyz")[0] == 200
        daemon.send(signal.SIGTERM)
        daemon.until("draining")
        assert ask(daemon.diagnostics, "GET", "/readyz") == (503, b"draining\n")
        assert ask(daemon.diagnostics, "GET", "/livez")[0] == 200
        assert ask(daemon.diagnostics, "GET", "/startupz")[0] == 200
        assert ask(daemon.web, "PUT", "/v1/cache/default/late", b"call")[0] == 204
        assert lane_call(daemon.socket, "GET", "late") == b"$4\r\ncall\r\n"
        assert daemon.status()["phase"] == "draining"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_second_signal_ends_it_at_once(tmp_path: Path, number: signal.Signals, code: int) -> None:
    with serving(tmp_path, "server.drain_min_ms=60_000") as daemon:
        daemon.send(signal.SIGTERM)
        daemon.until("draining")
        daemon.send(number)
        assert daemon.ended() == code
        assert not daemon.socket.exists()


def test_the_first_signal_after_a_drain_over_http_is_not_the_second(tmp_path: Path) -> None:
    with serving(tmp_path, "server.drain_min_ms=60_000") as daemon:
        assert ask(daemon.web, "POST", "/v1/admin/drain")[0] == 202
        daemon.until("draining")
        daemon.send(signal.SIGTERM)
        assert ask(daemon.diagnostics, "GET", "/livez")[0] == 200
        assert daemon.status()["phase"] == "draining"
        daemon.send(signal.SIGTERM)
        assert daemon.ended() == 143


class LaneConnection:
    """A connection of which one sees when it waits."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(PATIENCE_S)
        self._socket.connect(str(path))

    def call(self, *arguments: str) -> bytes:
        self._socket.sendall(encode(arguments))
        return self.answer()

    def answer(self) -> bytes:
        return self._socket.recv(1000)

    def wait_for(self, key: str, name: str) -> None:
        """Begin to wait for somebody's fill; returns when the sidecar knows."""
        self.call("CLIENT", "SETNAME", name)
        self._socket.sendall(encode(["PN.FETCH", key, "WAIT", "60000"]))
        while not re.search(rf"name={name} .*cmd=pn.fetch", lane_call(self._path, "CLIENT", "LIST").decode()):
            pass

    def close(self) -> None:
        self._socket.close()


def test_a_call_that_waits_in_the_lane_is_answered_before_the_end(tmp_path: Path) -> None:
    with (
        serving(tmp_path) as daemon,
        closing(LaneConnection(daemon.socket)) as holder,
        closing(LaneConnection(daemon.socket)) as waiter,
    ):
        holder.call("PN.FETCH", "key")
        waiter.wait_for("key", "waiter")
        daemon.send(signal.SIGTERM)
        assert waiter.answer().startswith(b"*5\r\n+miss\r\n$-1\r\n$24\r\n"), "the lease of the one that went first"
        assert daemon.ended() == 0


def test_what_never_ends_is_cut_off_after_drain_max_ms(tmp_path: Path) -> None:
    with (
        serving(tmp_path, "server.drain_max_ms=200") as daemon,
        closing(LaneConnection(daemon.socket)) as one,
        closing(LaneConnection(daemon.socket)) as other,
    ):
        one.call("PN.FETCH", "first")
        other.call("PN.FETCH", "second")
        one.wait_for("second", "one")
        other.wait_for("first", "other")
        daemon.send(signal.SIGTERM)
        daemon.until("draining")
        started = time.monotonic()
        assert daemon.ended() == 0
        assert 0.15 < time.monotonic() - started < 2


async def hammer_web(address: str, answered: asyncio.Event) -> int:
    """Requests on one kept connection until the server says that this was the last; how many were answered."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    count, last = 0, False
    with closing(writer):
        while not last:
            writer.write(b"GET /v1/cache/default/hello HTTP/1.1\r\nHost: localhost\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            assert await reader.readexactly(5) == b"world"
            count += 1
            answered.set()
            last = b"\r\nConnection: close\r\n" in head
    return count


async def hammer_lane(path: Path, answered: asyncio.Event) -> int:
    """Pipelines of 16, with a pause as applications have it, until the server closes the connection in a pause."""
    reader, writer = await asyncio.open_unix_connection(str(path))
    count = 0
    with closing(writer), contextlib.suppress(ConnectionResetError, BrokenPipeError):
        while True:
            writer.write(encode(["GET", "hello"]) * 16)
            answer = await reader.read(16 * 11)
            if not answer:
                return count
            if len(answer) < 16 * 11:
                answer += await reader.readexactly(16 * 11 - len(answer))
            assert answer == b"$5\r\nworld\r\n" * 16
            count += 16
            answered.set()
            await asyncio.sleep(0.1)
    return count


async def test_sigterm_under_load_fails_no_request_in_flight(tmp_path: Path) -> None:
    with serving(tmp_path) as daemon:
        ask(daemon.web, "PUT", "/v1/cache/default/hello", b"world")
        gates = [asyncio.Event() for _ in range(32)]
        calls = [asyncio.create_task(hammer_web(daemon.web, gate)) for gate in gates[:16]]
        calls += [asyncio.create_task(hammer_lane(daemon.socket, gate)) for gate in gates[16:]]
        await asyncio.wait_for(asyncio.gather(*(gate.wait() for gate in gates)), PATIENCE_S)
        daemon.send(signal.SIGTERM)
        counts = await asyncio.wait_for(asyncio.gather(*calls), PATIENCE_S)
        assert min(counts) > 0
        assert daemon.ended() == 0


def test_sighup_reads_the_tokens_again(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("old-token\n")
    with serving(tmp_path, f"tenants.shop.token_file={tokens}") as daemon:
        assert lane_call(daemon.socket, "GET", "x").startswith(b"-NOAUTH")
        assert lane_call(daemon.socket, "AUTH", "old-token") == b"+OK\r\n"
        tokens.write_text("new-token\n")
        daemon.send(signal.SIGHUP)
        daemon.until("tokens reloaded")
        assert lane_call(daemon.socket, "AUTH", "new-token") == b"+OK\r\n"
        assert lane_call(daemon.socket, "AUTH", "old-token").startswith(b"-WRONGPASS")

        tokens.write_text("")
        daemon.send(signal.SIGHUP)
        daemon.until("token file refused, the former tokens stay valid")
        assert lane_call(daemon.socket, "AUTH", "new-token") == b"+OK\r\n"
        _, body = ask(daemon.web, "GET", "/v1/status", headers={"Authorization": "Bearer new-token"})
        assert json.loads(body)["degraded"] == ["token_file"]
        assert b'pannier_degraded{reason="token_file"} 1.0' in ask(daemon.diagnostics, "GET", "/metrics")[1]


def test_a_peer_of_the_unix_socket_needs_no_token_where_it_is_mapped(tmp_path: Path) -> None:
    user = tmp_path.stat().st_uid
    with serving(tmp_path, f"tenants.shop.peer_uids=[{user}]") as daemon:
        assert lane_call(daemon.socket, "SET", "x", "1") == b"+OK\r\n"
        assert b'"by":' not in lane_call(daemon.socket, "PN.EXPLAIN", "x")
        assert ask(daemon.web, "GET", "/v1/cache/default/x")[0] == 401


@pytest.mark.parametrize("knob", ["web_address", "lane_address", "diagnostics_address"])
def test_a_port_that_is_taken_is_one_clear_line(tmp_path: Path, knob: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with Daemon(tmp_path, f"server.{knob}={address}") as daemon:
            assert daemon.ended() == 69
            told = daemon.stderr()
        assert told == f"pannierd: server.{knob}: {address}: Address already in use\n"
        assert not daemon.socket.exists(), "what was opened is closed again"


def test_a_socket_of_a_dead_daemon_is_replaced_and_one_of_a_living_is_not(tmp_path: Path) -> None:
    with serving(tmp_path) as first:
        with Daemon(tmp_path) as second:
            assert second.ended() == 69
            assert second.stderr() == f"pannierd: server.lane_socket: {first.socket}: another process answers there\n"
        assert lane_call(first.socket, "PING") == b"+PONG\r\n"

        first.send(signal.SIGKILL)
        first.ended()
        assert first.socket.is_socket()
        with serving(tmp_path) as third:
            assert lane_call(third.socket, "PING") == b"+PONG\r\n"


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("cache.memry.max_bytes=5", "--set: cache.memry: unknown key; did you mean cache.memory?"),
        ("tenants.shop.token_file=/nowhere/tokens", "/nowhere/tokens: No such file or directory"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_one_clear_line(tmp_path: Path, setting: str, told: str) -> None:
    with Daemon(tmp_path, setting) as daemon:
        assert daemon.ended() == 78
        assert daemon.stderr() == f"pannierd: {told}\n"
