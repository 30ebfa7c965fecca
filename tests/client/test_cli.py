"""The command line `pannier`, as a shell sees it: bytes out, words on standard error, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

import pannier
from daemon import serving
from pannier.cli.explanation import duration, explanation
from pannier.cli.root import pannier as command_line
from pannier.cli.status import described

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


class Shell:
    """Runs commands against one sidecar and namespace."""

    def __init__(self, url: str, namespace: str) -> None:
        self._options = ["--url", url, "--namespace", namespace]

    def __call__(self, *words: str, stdin: bytes | None = None) -> Result:
        return CliRunner().invoke(command_line, [*self._options, *words], input=stdin)


@pytest.fixture
def shell(sidecar_url: str, namespace: str) -> Shell:
    return Shell(sidecar_url, namespace)


@pytest.mark.parametrize(("text", "value"), [("text", "text"), ('{"a": 1}', {"a": 1}), ("7", 7), ("ü", "ü")])
def test_what_is_set_is_what_an_application_gets_and_what_get_writes(
    shell: Shell, client: pannier.Client, text: str, value: Any
) -> None:
    assert shell("cache", "set", "key", text, "--ttl", "1h").exit_code == 0
    assert client.cache().get("key") == value
    assert shell("cache", "get", "key").stdout == text


@pytest.mark.parametrize("source", ["-", "--file"])
def test_bytes_stay_bytes(shell: Shell, client: pannier.Client, tmp_path: Path, source: str) -> None:
    (tmp_path / "value").write_bytes(b"\xff\x00\n")
    words = ["-"] if source == "-" else ["--file", str(tmp_path / "value")]
    assert shell("cache", "set", "key", *words, stdin=b"\xff\x00\n").exit_code == 0
    assert client.cache().get("key") == b"\xff\x00\n"
    assert shell("cache", "get", "key").stdout_bytes == b"\xff\x00\n"


def test_a_type_can_be_named(shell: Shell, client: pannier.Client) -> None:
    shell("cache", "set", "key", "7", "--type", "text")
    assert client.cache().get("key") == "7"


def test_lives_and_tags_are_set(shell: Shell, client: pannier.Client) -> None:
    words = ["--ttl", "1.5h", "--stale", "500ms", "--tag", "one", "--tag", "two"]
    assert shell("cache", "set", "key", "value", *words).exit_code == 0
    entry = client.cache().explain("key")["entry"]
    assert 5_399_000 < entry["ttl_ms"] <= 5_400_000
    assert entry["stale_ms"] == 500
    assert [tag["tag"] for tag in entry["tags"]] == ["one", "two"]


def test_a_value_that_is_not_there_is_said_and_ends_with_1(shell: Shell) -> None:
    result = shell("cache", "get", "key")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no value under 'key'" in result.stderr


def test_keys_are_deleted(shell: Shell, client: pannier.Client) -> None:
    client.cache().set_many({"a": 1, "b": 2, "c": 3})
    result = shell("cache", "delete", "a", "b")
    assert (result.exit_code, result.stderr) == (0, "done\n")
    assert client.cache().get_many("abc") == {"c": 3}


@pytest.mark.parametrize(
    ("words", "left"),
    [
        (["--tag", "odd"], {"user:2"}),
        (["--pattern", "user:*"], {"team:3"}),
        (["--key", "user:1", "--key", "user:2"], {"team:3"}),
        (["--all"], set()),
    ],
)
def test_an_invalidation_reaches_what_it_names(
    shell: Shell, client: pannier.Client, words: list[str], left: set[str]
) -> None:
    values = client.cache()
    for key, tag in {"user:1": "odd", "user:2": "even", "team:3": "odd"}.items():
        values.set(key, key, tags=[tag])
    assert shell("cache", "invalidate", *words).exit_code == 0
    assert set(values.get_many(["user:1", "user:2", "team:3"])) == left


def test_a_soft_invalidation_leaves_a_stale_value(shell: Shell, client: pannier.Client) -> None:
    client.cache().set("key", 7)
    assert shell("cache", "invalidate", "--key", "key", "--soft").exit_code == 0
    assert client.cache().explain("key")["state"] == "stale"


def test_explain_tells_people_what_there_is_and_what_killed_it(shell: Shell, client: pannier.Client) -> None:
    client.cache().set("key", "value", ttl=60, stale=0, tags=["user"])
    alive = shell("cache", "explain", "key").stdout
    assert "state           fresh: it is served\n" in alive
    assert "value           5 bytes of text/plain; charset=utf-8, in memory\n" in alive
    assert "tags            user\n" in alive
    client.cache().invalidate(tags=["user"])
    dead = shell("cache", "explain", "key").stdout
    assert "state      absent: there is no value\n" in dead
    assert "killed     by tag user, 20" in dead


def test_explain_tells_programs_all_of_it(shell: Shell, client: pannier.Client) -> None:
    client.cache().set("key", "value")
    told = json.loads(shell("cache", "explain", "key", "--json").stdout)
    assert told.keys() == client.cache().explain("key").keys()


def test_explain_tells_of_a_load_under_way_and_of_patterns() -> None:
    told = {
        "key": "key",
        "namespace": "default",
        "state": "absent",
        "sidecar": "one",
        "entry": None,
        "lease": {"held_ms": 1_500, "ends_in_ms": 58_500, "waiting": 3},
        "death": {"kind": "pattern", "name": "k*", "soft": True, "at": 0.0, "by": "shop#1"},
        "rules": [{"pattern": "k*", "version": 1, "soft": True}],
    }
    lines = explanation(told).splitlines()
    assert "loading    for 1s 500ms, at most 58s 500ms more; 3 wait for it" in lines
    assert "killed     by pattern k*, softly, 1970-01-01 00:00:00 UTC, asked by shop#1" in lines
    assert "pattern    k* (soft)" in lines


@pytest.mark.parametrize(
    ("milliseconds", "text"), [(0, "0ms"), (999, "999ms"), (61_000, "1m 1s"), (90_061_000, "1d 1h"), (3_600_000, "1h")]
)
def test_a_duration_is_told_in_its_two_largest_units(milliseconds: int, text: str) -> None:
    assert duration(milliseconds) == text


def test_status_tells_how_the_sidecar_is(shell: Shell, namespace: str) -> None:
    people = shell("status").stdout
    assert f"namespace    {namespace}\n" in people
    assert f"sidecar      {pannier.__version__}, up for " in people
    programs = json.loads(shell("status", "--json").stdout)
    assert programs["sidecar_version"] == pannier.__version__
    assert programs["max_bytes"] > programs["used_bytes"] >= 0
    assert "up for less than a second\n" in described({**programs, "uptime_seconds": 0})
    assert "up for 1m 1s\n" in described({**programs, "uptime_seconds": 61})


@pytest.mark.parametrize(
    "words", [["status"], ["cache", "get", "key"], ["cache", "delete", "key"], ["cache", "set", "key", "value"]]
)
def test_without_a_sidecar_every_command_ends_with_3_and_says_where_it_looked(words: list[str]) -> None:
    result = Shell("unix:///nowhere/lane.sock", "default")(*words)
    assert (result.exit_code, result.stdout) == (3, "")
    assert "pannier: " in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["cache", "set", "key"],
        ["cache", "set", "key", "value", "--file", __file__],
        ["cache", "set", "key", "value", "--ttl", "soon"],
        ["cache", "invalidate"],
        ["cache", "delete"],
        ["--timeout", "0", "status"],
    ],
    ids=" ".join,
)
def test_a_call_that_cannot_be_right_ends_with_2(shell: Shell, words: list[str]) -> None:
    assert shell(*words).exit_code == 2


def test_a_refusal_ends_with_1(shell: Shell) -> None:
    result = shell("cache", "set", "key", "-", stdin=bytes(8_388_609))
    assert result.exit_code == 1
    assert "(too_large)" in result.stderr


def test_the_token_is_read_from_its_file(tmp_path: Path) -> None:
    for name in ("right", "wrong"):
        (tmp_path / name).write_text(f"# of the shop\n\na-token-that-is-{name}\n")
        (tmp_path / name).chmod(0o600)
    with serving(tmp_path, f"tenants.shop.token_file={tmp_path}/right") as daemon:
        shell = Shell(f"unix://{daemon.socket}", "default")
        assert shell("--token-file", f"{tmp_path}/right", "status").exit_code == 0
        refused = shell("--token-file", f"{tmp_path}/wrong", "status")
    assert refused.exit_code == 1
    assert refused.stderr.endswith("(unauthenticated)\n")


def test_a_file_without_a_token_makes_nobody_somebody_else(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    done = CliRunner().invoke(
        command_line, ["--token-file", f"{tmp_path}/empty", "status"], env={"PANNIER_TOKEN": "another"}
    )
    assert (done.exit_code, "expected a line with a token" in done.stderr) == (2, True)


def test_without_its_extra_the_command_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("raise ModuleNotFoundError('No module named click', name='click')\n")
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from pannier.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr == "The command line of Pannier needs one more package: pip install 'pannier[cli]'\n"


def test_it_is_installed_under_its_name() -> None:
    done = subprocess.run([f"{sys.prefix}/bin/pannier", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"pannier, version {pannier.__version__}\n"
