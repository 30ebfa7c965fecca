"""Where the client looks and who it is: arguments before the environment, errors that name their place."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from pannier import Misconfigured, NearCacheOptions
from pannier._config import Endpoint, Settings, milliseconds

if TYPE_CHECKING:
    from pathlib import Path


def resolve(environment: dict[str, str] | None = None, url: str | None = None, **arguments: Any) -> Settings:
    return Settings.resolve(url, **arguments, environment=environment or {})


def test_without_an_address_the_usual_places_are_tried_in_order() -> None:
    settings = resolve({"XDG_RUNTIME_DIR": "/run/user/7"})
    first, second, third, last = map(str, settings.endpoints)
    assert (first, second, last) == (
        "unix:///run/pannier/lane.sock",
        "unix:///run/user/7/pannier/lane.sock",
        "tcp://127.0.0.1:7481",
    )
    assert third.startswith("unix:///tmp/pannier-")
    assert len(resolve({}).endpoints) == 3


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("unix:///run/pannier/lane.sock", Endpoint(path="/run/pannier/lane.sock")),
        ("tcp://127.0.0.1:7481", Endpoint(host="127.0.0.1", port=7_481)),
        ("tcp://[::1]:7481", Endpoint(host="::1", port=7_481)),
    ],
)
def test_an_address_is_a_socket_or_a_port(url: str, endpoint: Endpoint) -> None:
    assert resolve(url=url).endpoints == (endpoint,)
    assert resolve({"PANNIER_URL": url}).endpoints == (endpoint,)


@pytest.mark.parametrize(
    "url", ["redis://x:1", "unix://host/path", "tcp://host", "tcp://host:port", "tcp://h:1/p", "x"]
)
def test_another_address_is_refused(url: str) -> None:
    with pytest.raises(Misconfigured, match="the sidecar's address"):
        resolve(url=url)


@pytest.mark.parametrize("url", ["tcp://me:canary@host:1", "tcp://:can/ary@host:x", "redis://:canary@host:1"])
def test_a_password_in_an_address_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(Misconfigured, match=r"…@host:.*expected .*tcp://") as refused:
        resolve(url=url)
    assert "can" not in str(refused.value)


def test_a_path_may_have_any_character() -> None:
    assert resolve(url="unix:///run/me@home/lane.sock").endpoints == (Endpoint(path="/run/me@home/lane.sock"),)


def test_arguments_come_before_the_environment() -> None:
    environment = {
        "PANNIER_URL": "tcp://a:1",
        "PANNIER_TOKEN": "theirs",
        "PANNIER_NAMESPACE": "theirs",
        "PANNIER_TIMEOUT_MS": "250",
    }
    settings = resolve(environment)
    assert (settings.namespace, settings.timeout, settings.token()) == ("theirs", 0.25, "theirs")
    ours = resolve(environment, url="tcp://b:2", token="ours", namespace="ours", timeout=timedelta(seconds=2))
    assert (str(ours.endpoints[0]), ours.namespace, ours.timeout, ours.token()) == ("tcp://b:2", "ours", 2, "ours")


def test_defaults_are_those_of_the_sidecar() -> None:
    settings = resolve()
    assert (settings.namespace, settings.timeout, settings.token(), settings.near_cache) == ("default", 1.0, "", None)


def test_a_token_file_is_read_again_each_time(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first\n")
    settings = resolve({"PANNIER_TOKEN_FILE": str(file), "PANNIER_TOKEN": "other"})
    assert settings.token() == "first"
    file.write_text("\n# the second of May\nsecond\nthird\n")
    assert settings.token() == "second"
    file.write_text("# none yet\n")
    with pytest.raises(Misconfigured, match=r"PANNIER_TOKEN_FILE .*expected a line with a token"):
        settings.token()
    file.unlink()
    with pytest.raises(Misconfigured, match=r"PANNIER_TOKEN_FILE .*token"):
        settings.token()


def test_a_token_may_come_with_the_newline_of_its_file() -> None:
    assert resolve(token="secret\n").token() == resolve({"PANNIER_TOKEN": "secret\r\n"}).token() == "secret"


def test_a_token_is_not_shown() -> None:
    assert "canary" not in repr(resolve({"PANNIER_TOKEN": "canary"}))


@pytest.mark.parametrize(
    ("environment", "arguments"),
    [
        ({"PANNIER_TIMEOUT_MS": "soon"}, {}),
        ({"PANNIER_TIMEOUT_MS": "0"}, {}),
        ({}, {"timeout": 0}),
        ({}, {"timeout": -1}),
        ({}, {"timeout": "1"}),
        ({"PANNIER_NAMESPACE": "a b"}, {}),
        ({}, {"namespace": "x" * 65}),
        ({}, {"near_cache": -1}),
        ({}, {"near_cache": "10MB"}),
        ({}, {"near_cache": NearCacheOptions(max_ttl=0)}),
    ],
    ids=str,
)
def test_what_cannot_be_right_is_refused(environment: dict[str, str], arguments: dict[str, Any]) -> None:
    with pytest.raises(Misconfigured):
        resolve(environment, **arguments)


def test_a_variable_that_cannot_be_right_is_named() -> None:
    with pytest.raises(Misconfigured, match=r"^PANNIER_TIMEOUT_MS: expected whole milliseconds above zero: '1s'$"):
        resolve({"PANNIER_TIMEOUT_MS": "1s"})


@pytest.mark.parametrize(
    ("choice", "options"),
    [
        (None, None),
        (False, None),
        (True, NearCacheOptions()),
        (1_000, NearCacheOptions(max_bytes=1_000)),
        (NearCacheOptions(max_ttl=5), NearCacheOptions(max_ttl=5)),
    ],
)
def test_the_near_cache_is_a_choice_a_budget_or_options(choice: Any, options: NearCacheOptions | None) -> None:
    assert resolve(near_cache=choice).near_cache == options


@pytest.mark.parametrize(
    ("duration", "in_ms"), [(None, None), (0, 0), (1, 1_000), (0.0015, 2), (timedelta(minutes=1), 60_000)]
)
def test_durations_are_seconds(duration: Any, in_ms: int | None) -> None:
    assert milliseconds(duration, "ttl") == in_ms


@pytest.mark.parametrize("duration", [-1, "1", True, float("nan"), float("inf"), timedelta(-1)], ids=repr)
def test_what_is_no_duration_is_named(duration: Any) -> None:
    with pytest.raises(Misconfigured, match="ttl: expected seconds"):
        milliseconds(duration, "ttl")


def test_a_folder_that_anybody_could_have_made_must_be_ones_own(tmp_path: Path) -> None:
    if not os.getuid():
        os.chown(tmp_path, 7, -1)  # what the superuser owns is trusted by all
    owner = tmp_path.stat().st_uid
    place = Endpoint(path=f"{tmp_path}/lane.sock", guarded=True)
    assert place.refusal(owner) == ""
    assert place.refusal(owner + 1) == f"its folder belongs to user {owner}"
    assert Endpoint(path=place.path).refusal(owner + 1) == ""
    assert Endpoint(path="/nowhere/lane.sock", guarded=True).refusal(owner) == ""
