"""redis-cli: one command at a time, commands from its standard input, and mass insertion."""

from __future__ import annotations

import json
import subprocess

import pytest

from daemon import PATIENCE_S, Daemon, encode


def redis_cli(*arguments: str, said: bytes = b"") -> str:
    """What it prints."""
    done = subprocess.run(["redis-cli", *arguments], input=said, capture_output=True, timeout=PATIENCE_S, check=True)
    assert done.stderr == b""
    return done.stdout.decode()


@pytest.fixture(params=["tcp", "socket"])
def door(request: pytest.FixtureRequest, sidecar: Daemon) -> list[str]:
    """Options that lead to the sidecar."""
    host, _, port = sidecar.lane.rpartition(":")
    return ["-h", host, "-p", port] if request.param == "tcp" else ["-s", str(sidecar.socket)]


@pytest.mark.parametrize("protocol", ["-2", "-3"])
def test_commands_are_carried_out_in_both_protocols(door: list[str], protocol: str) -> None:
    def say(*words: str) -> str:
        return redis_cli(*door, protocol, *words).strip()

    assert say("PING") == "PONG"
    assert say("SET", "greeting", "hello", "EX", "60") == "OK"
    assert say("GET", "greeting") == "hello"
    assert say("TTL", "greeting") == "60"
    assert say("INCRBY", "visits", "41") == "41"
    assert say("GET", "nobody") == ""
    assert say("LPUSH", "list", "1").startswith("ERR unknown command 'LPUSH'")


def test_it_reads_maps_and_verbatim_text_of_the_third_protocol(door: list[str]) -> None:
    greeting = json.loads(redis_cli(*door, "-3", "--json", "HELLO", "3"))
    assert greeting["proto"] == 3
    assert greeting["server"] == "redis"
    assert json.loads(redis_cli(*door, "-3", "--json", "CONFIG", "GET", "databases")) == {"databases": "1"}
    assert "role:master" in redis_cli(*door, "-3", "INFO", "replication").split()


def test_commands_on_standard_input_share_a_connection(door: list[str]) -> None:
    said = b"MULTI\nSET a 1\nINCR a\nEXEC\nGET a\nPN.NS elsewhere\nGET a\n"
    assert redis_cli(*door, said=said).splitlines() == ["OK", "QUEUED", "QUEUED", "OK", "2", "2", "OK", ""]


def test_mass_insertion_counts_every_reply(door: list[str]) -> None:
    said = b"".join(encode(["SET", f"k{number}", f"v{number}"]) for number in range(10_000))
    assert "errors: 0, replies: 10000" in redis_cli(*door, "--pipe", said=said)
    assert redis_cli(*door, "DBSIZE") == "10000\n"
    assert redis_cli(*door, "GET", "k9999") == "v9999\n"


def test_scan_and_binary_values(door: list[str]) -> None:
    every = {f"user:{number}" for number in range(200)}
    redis_cli(*door, "MSET", *(word for key in every for word in (key, "x")), "other", "y")
    assert set(redis_cli(*door, "--scan", "--pattern", "user:*").split()) == every
    redis_cli(*door, "-x", "SET", "blob", said=b"\x00\r\n\xff")
    assert redis_cli(*door, "--no-raw", "GET", "blob") == '"\\x00\\r\\n\\xff"\n'


@pytest.mark.parametrize("protocol", ["-2", "-3"])
def test_the_password_is_a_token(guarded: Daemon, token: str, protocol: str) -> None:
    door = ["-s", str(guarded.socket), protocol, "--no-auth-warning"]
    assert redis_cli(*door, "-a", token, "SET", "k", "v") == "OK\n"
    assert redis_cli(*door, "--user", "anybody", "--pass", token, "GET", "k") == "v\n"
