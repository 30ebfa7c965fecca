"""The command line, as a process sees it: what is printed, and the exit code."""

import json
import re
import resource
import signal
import socket
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from daemon import PATIENCE_S, Daemon, ask, command, environment, pannierd, running, serving
from pannierd import __version__
from pannierd.commands import COMMANDS


def sets(*settings: str) -> list[str]:
    return [f"--set={setting}" for setting in settings]


def test_version_is_one_line() -> None:
    done = pannierd("version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"pannierd {__version__}\n", "")


def test_version_and_help_import_nothing_heavy() -> None:
    script = "import sys; from pannierd.__main__ import main; main(['version']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert {"aiohttp", "uvloop", "msgspec", "structlog", "prometheus_client"}.isdisjoint(done.stdout.split())


def test_help_names_every_command() -> None:
    done = pannierd("--help")
    assert done.returncode == 0
    for name, text in COMMANDS.items():
        assert re.search(rf"\n +{name}\s+{text[:20]}", done.stdout)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_its_options(name: str) -> None:
    done = pannierd(name, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: pannierd {name}")


@pytest.mark.parametrize("arguments", [[], ["frobnicate"], ["serve", "--frobnicate"], ["wait", "--max", "soon"]])
def test_what_cannot_be_understood_is_code_2(arguments: list[str]) -> None:
    done = pannierd(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: pannierd")


def test_check_config_shows_what_would_run_and_from_where(tmp_path: Path) -> None:
    file = tmp_path / "pannier.toml"
    file.write_text("[cache.memory]\nmax_bytes = 5\n")
    done = pannierd("check-config", "--config", str(file), "--set", "cache.lease_ms=7", PANNIERD_LOGGING__LEVEL="debug")
    assert (done.returncode, done.stderr) == (0, "")
    shown = tomllib.loads(done.stdout)
    assert (shown["cache"]["memory"]["max_bytes"], shown["cache"]["lease_ms"]) == (5, 7)
    assert re.search(rf"^max_bytes = 5 +# {file}:2$", done.stdout, re.MULTILINE)
    assert re.search(r'^level = "debug" +# environment PANNIERD_LOGGING__LEVEL$', done.stdout, re.MULTILINE)
    assert re.search(r"^lease_ms = 7 +# --set$", done.stdout, re.MULTILINE)
    assert re.search(r"^lease_max_ms = 60000 +# default$", done.stdout, re.MULTILINE)

    report = json.loads(pannierd("check-config", "--config", str(file), "--json").stdout)
    assert report["ok"] is True
    assert report["config"]["cache"]["memory"]["max_bytes"] == {"value": 5, "origin": f"{file}:2"}


def test_check_config_tells_every_mistake(tmp_path: Path) -> None:
    arguments = ["check-config", "--set", "cache.memry=5", "--set", "cache.lease_ms=x"]
    told = [
        "--set: cache.memry: unknown key; did you mean cache.memory?",
        '--set: cache.lease_ms: expected an integer from 0 to 31536000000, got "x"',
        f"{tmp_path}/missing: No such file or directory",
    ]
    arguments += ["--set", f"tenants.shop.token_file={tmp_path}/missing"]
    done = pannierd(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "".join(f"pannierd: {line}\n" for line in told)
    done = pannierd(*arguments, "--json")
    assert (done.returncode, json.loads(done.stdout)) == (1, {"ok": False, "mistakes": told})


def test_check_config_reads_token_files_and_shows_none_of_them(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    arguments = ["check-config", "--set", f"tenants.shop.token_file={tokens}"]
    assert "No such file" in pannierd(*arguments).stderr
    tokens.write_text("canary-token\n")
    tokens.chmod(0o644)
    for more in ([], ["--json"]):
        done = pannierd(*arguments, *more)
        assert done.returncode == 0
        assert "canary" not in done.stdout + done.stderr
        assert "mode is 0644" in done.stderr
        assert "can be guessed" in done.stderr
    tokens.write_text("canary-token-of-a-good-length\n")
    tokens.chmod(0o600)
    assert pannierd(*arguments).stderr == ""


def test_wait_returns_when_the_sidecar_serves_and_not_before(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    setting = f"server.diagnostics_address={address}"
    with running("wait", "--max", "20s", "--set", setting) as waiting:
        with serving(tmp_path, setting):
            assert waiting.wait(PATIENCE_S) == 0
        done = pannierd("wait", "--max", "100ms", "--set", setting)
        assert done.returncode == 1
        assert done.stderr == f"pannierd: no sidecar serves at {address} after 0.1 s\n"


def test_wait_reaches_a_sidecar_that_listens_everywhere(tmp_path: Path) -> None:
    with serving(tmp_path, "server.diagnostics_address=0.0.0.0:0") as daemon:
        port = daemon.diagnostics.rpartition(":")[2]
        assert pannierd("wait", "--set", f"server.diagnostics_address=0.0.0.0:{port}").returncode == 0


def test_ctrl_c_ends_a_wait_without_a_traceback() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        setting = f"server.diagnostics_address=127.0.0.1:{silent.getsockname()[1]}"
        with running("wait", *sets(setting), stderr=subprocess.PIPE) as waiting:
            silent.accept()[0].close()
            waiting.send_signal(signal.SIGINT)
            assert waiting.communicate(timeout=PATIENCE_S)[1] == ""
            assert waiting.returncode == 130


@pytest.mark.parametrize("address", ["", "127.0.0.1:0"])
def test_wait_says_when_there_is_nobody_to_ask(address: str) -> None:
    done = pannierd("wait", "--set", f"server.diagnostics_address={address}")
    assert done.returncode == 78
    assert "server.diagnostics_address" in done.stderr


def test_drain_ends_a_sidecar_in_order(tmp_path: Path) -> None:
    with serving(tmp_path) as daemon:
        done = pannierd("drain", "--set", f"server.web_address={daemon.web}")
        assert (done.returncode, done.stdout) == (0, f"draining the sidecar at {daemon.web}\n")
        assert daemon.ended() == 0
        done = pannierd("drain", "--set", f"server.web_address={daemon.web}")
        assert done.returncode == 1
        assert done.stderr == f"pannierd: no sidecar answers at {daemon.web}: Connection refused\n"


def test_drain_asks_the_sidecar_that_was_handed_over_unless_another_is_named(tmp_path: Path) -> None:
    """Under `pannierd run` the default address is somebody else's sidecar."""
    (tmp_path / "other").mkdir()
    with serving(tmp_path) as handed_over, serving(tmp_path / "other") as named:
        url = f"http://{handed_over.web}"
        done = pannierd("drain", f"--set=server.web_address={named.web}", PANNIER_WEB_URL=url)
        assert (done.returncode, named.ended()) == (0, 0)
        done = pannierd("drain", PANNIER_WEB_URL=url)
        assert (done.stdout, done.stderr) == (f"draining the sidecar at {handed_over.web}\n", "")
        assert handed_over.ended() == 0


def test_drain_says_when_the_url_that_was_handed_over_is_none() -> None:
    done = pannierd("drain", PANNIER_WEB_URL="https://sidecar")
    assert done.returncode == 2
    assert done.stderr == "pannierd: PANNIER_WEB_URL is https://sidecar: expected http://host:port\n"


def test_drain_reaches_a_sidecar_that_listens_everywhere(tmp_path: Path) -> None:
    tokens = tmp_path / "ops"
    tokens.write_text("ops-token\n")
    tenant = [f"tenants.ops.token_file={tokens}", 'tenants.ops.roles=["operator"]']
    with serving(tmp_path, "server.web_address=0.0.0.0:0", *tenant) as daemon:
        done = pannierd("drain", f"--token-file={tokens}", *sets(f"server.web_address={daemon.web}", *tenant))
        assert (done.returncode, done.stderr) == (0, "")
        assert daemon.ended() == 0


def test_drain_needs_an_operators_token_where_there_are_tokens(tmp_path: Path) -> None:
    tokens = {"shop": tmp_path / "shop", "ops": tmp_path / "ops", "nobody": tmp_path / "nobody"}
    for name, file in tokens.items():
        file.write_text(f"# of {name}\n{name}-token\n")
    with serving(
        tmp_path,
        f"tenants.shop.token_file={tokens['shop']}",
        f"tenants.ops.token_file={tokens['ops']}",
        'tenants.ops.roles=["operator"]',
    ) as daemon:
        where = ["drain", "--set", f"server.web_address={daemon.web}"]
        refusal = f"pannierd: the sidecar at {daemon.web} refused: "
        assert pannierd(*where).stderr == f"{refusal}it needs --token-file, with a token that it knows\n"
        assert pannierd(*where, "--token-file", str(tokens["nobody"])).stderr.startswith(refusal)
        done = pannierd(*where, "--token-file", str(tokens["shop"]))
        assert (done.returncode, done.stderr) == (1, f"{refusal}the token needs the operator role\n")
        assert ask(daemon.diagnostics, "GET", "/readyz")[0] == 200

        assert pannierd(*where, "--token-file", str(tokens["ops"])).returncode == 0
        assert daemon.ended() == 0


def test_run_gives_the_command_a_sidecar_of_its_own_and_ends_with_its_code() -> None:
    script = """
import os, pathlib, sys, urllib.request
sys.path.insert(0, sys.argv[1])
from daemon import lane_call
socket = pathlib.Path(os.environ["PANNIER_URL"].removeprefix("unix://"))
print(lane_call(socket, "SET", "hello", "world"))
print(urllib.request.urlopen(os.environ["PANNIER_WEB_URL"] + "/v1/cache/default/hello").read(), flush=True)
print(socket)
sys.exit(7)
"""
    done = pannierd("run", "--", sys.executable, "-c", script, str(Path(__file__).parents[2]))
    set_reply, got, path = done.stdout.splitlines()
    assert (set_reply, got) == (r"b'+OK\r\n'", "b'world'")
    assert done.returncode == 7
    assert done.stderr == "", "a sidecar that has nothing to complain about keeps still"
    assert not Path(path).parent.exists(), "nothing of it is left behind"


def test_run_leaves_standard_input_and_output_to_the_command() -> None:
    done = subprocess.run(
        command("run", "cat"),
        env=environment(),
        input="through",
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    assert done.stdout == "through"


@pytest.mark.parametrize(
    ("argv", "code", "told"),
    [
        (["no-such-command"], 127, "run: no-such-command: no such command"),
        (["/"], 126, "run: /: Permission denied"),
        ([], 2, "run: which command? pannierd run -- CMD"),
        (["sh", "-c", "kill -KILL $$"], 137, ""),
    ],
)
def test_run_ends_as_a_shell_would(argv: list[str], code: int, told: str) -> None:
    done = pannierd("run", "--", *argv)
    assert done.returncode == code
    assert done.stderr == (f"pannierd: {told}\n" if told else "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGUSR1])
def test_run_hands_signals_on_and_keeps_the_sidecar_until_the_command_has_ended(number: signal.Signals) -> None:
    script = """
import os, signal, sys, urllib.request
def on_signal(number, frame):
    status = urllib.request.urlopen(os.environ["PANNIER_WEB_URL"] + "/v1/status").status
    os.write(1, f"{number} {status}\\n".encode())  # print may be what the signal interrupts
    sys.exit(5)
for number in map(int, sys.argv[1:]):
    signal.signal(number, on_signal)
os.write(1, b"ready\\n")
signal.alarm(60)  # an orphan ends, too
while True:
    signal.pause()
"""
    argv = [sys.executable, "-c", script, str(int(number))]
    with running("run", "--", *argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as runs:
        assert runs.stdout is not None
        assert runs.stdout.readline() == "ready\n"
        runs.send_signal(number)
        assert runs.wait(PATIENCE_S) == 5
        assert runs.stdout.read() == f"{int(number)} 200\n"


def test_a_drain_is_not_for_a_sidecar_that_ends_with_its_command() -> None:
    script = """
import os, subprocess, sys, urllib.request
done = subprocess.run(sys.argv[1:], capture_output=True, text=True)
print(done.returncode, done.stderr.partition("refused: ")[2].strip())
print(urllib.request.urlopen(os.environ["PANNIER_WEB_URL"] + "/v1/status").status)
"""
    done = pannierd("run", "--", sys.executable, "-c", script, *command("drain"))
    assert done.stdout == "1 it was started by 'pannierd run', and ends with its command\n200\n"
    assert done.returncode == 0


def test_drain_says_what_is_wrong_with_who_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        for answer, told in ((b"", "it hung up"), (b"-ERR what?\r\n", "it does not speak HTTP")):
            with running("drain", *sets(f"server.web_address={address}"), stderr=subprocess.PIPE) as draining:
                connection, _ = listening.accept()
                with connection:
                    connection.recv(1_024)
                    connection.sendall(answer)
                assert (
                    draining.communicate(timeout=PATIENCE_S)[1]
                    == f"pannierd: no sidecar answers at {address}: {told}\n"
                )


def test_run_takes_the_address_that_is_configured(tmp_path: Path) -> None:
    path = tmp_path / "own.sock"
    done = pannierd("run", "--set", f"server.lane_socket={path}", "--", "printenv", "PANNIER_URL")
    assert done.stdout == f"unix://{path}\n"
    done = pannierd("run", "--set", "server.lane_socket=", "--", "printenv", "PANNIER_URL")
    assert done.stdout.startswith("tcp://127.0.0.1:")


def test_serve_lifts_its_descriptor_limit_as_far_as_connections_may_need(tmp_path: Path) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with serving(tmp_path, "limits.max_connections=1000") as daemon:
        soft, _ = resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE)
        assert soft >= min(4000, hard)
    with Daemon(tmp_path, "limits.max_connections=10_000_000") as daemon:
        told = daemon.until("fewer file descriptors than limits.max_connections")
        assert told["available"] < told["wanted"]


def test_the_lane_socket_has_the_mode_that_is_configured(tmp_path: Path) -> None:
    with serving(tmp_path, "server.lane_socket_mode=0600") as daemon:
        assert stat.S_IMODE(daemon.socket.stat().st_mode) == 0o600
