"""Canaries: a token and a value go through every door of a live daemon, and show in nothing that it tells."""

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from daemon import Daemon, ask, lane_call, pannierd, serving

TOKEN = "canary-token-71d5"
VALUE = "canary-value-93ab"
BAD_TOKEN = "canary-stranger-55ee"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def settings(tmp_path: Path) -> list[str]:
    file = tmp_path / "tokens"
    file.write_text(f"{TOKEN}\n")
    return [f"tenants.shop.token_file={file}", 'tenants.shop.roles=["use", "operator"]', 'logging.level="debug"']


@pytest.fixture
def daemon(tmp_path: Path, settings: list[str]) -> Iterator[Daemon]:
    with serving(tmp_path, *settings) as daemon:
        yield daemon


def answers(daemon: Daemon) -> Iterator[tuple[int, bytes]]:
    """What the daemon says to good and bad calls that all carry canaries, the values that were asked for left out."""
    path = "/v1/cache/default/key"
    yield ask(daemon.web, "PUT", path, VALUE.encode(), BEARER)
    yield ask(daemon.web, "PUT", path, VALUE.encode(), {"Authorization": f"Bearer {BAD_TOKEN}"})
    yield ask(daemon.web, "PUT", path, VALUE.encode(), {**BEARER, "X-Cache-TTL-Ms": VALUE})
    yield ask(daemon.web, "PUT", path, VALUE.encode(), {**BEARER, "X-Pannier-Deadline-Ms": VALUE})
    yield ask(daemon.web, "PUT", path, VALUE.encode(), {**BEARER, "Origin": f"http://{VALUE}"})
    yield ask(daemon.web, "PUT", path, VALUE.encode(), {**BEARER, "Host": VALUE})
    yield ask(daemon.web, "GET", f"{path}/explain", headers=BEARER)
    for body in (VALUE, json.dumps({"namespace": {"x": VALUE}}), json.dumps({"namespace": "a", "operations": VALUE})):
        for route in ("/v1/cache:batch", "/v1/cache:invalidate"):
            yield ask(daemon.web, "POST", route, body.encode(), {**BEARER, "Content-Type": "application/json"})
    yield ask(daemon.web, "GET", "/v1/status", headers=BEARER)
    yield ask(daemon.web, "GET", "/v1/admin/config", headers=BEARER)
    yield ask(daemon.diagnostics, "GET", "/metrics")


def test_nothing_that_is_answered_or_logged_has_a_token_or_a_value_in_it(daemon: Daemon) -> None:
    told = list(answers(daemon))
    assert {status for status, _ in told} >= {200, 204, 400, 401, 403, 421}
    lane = [
        lane_call(daemon.socket, "AUTH", BAD_TOKEN),
        lane_call(daemon.socket, "HELLO", "3", "AUTH", "any", BAD_TOKEN),
        lane_call(daemon.socket, "SET", "key", VALUE),
        lane_call(daemon.socket, "AUTH", TOKEN),
        lane_call(daemon.socket, "SETEX", "key", VALUE, VALUE),
    ]
    assert lane[3] == b"+OK\r\n"
    status, _ = ask(daemon.web, "POST", "/v1/admin/drain", headers=BEARER)
    assert status == 202
    assert daemon.ended() == 0
    spoken = repr([told, lane, daemon.logged, daemon.stderr()])
    assert "canary" not in spoken.replace(str(daemon.socket), "")


def test_the_configuration_is_shown_without_the_tokens(settings: list[str]) -> None:
    done = pannierd("check-config", *(f"--set={setting}" for setting in settings))
    assert "token_file = " in done.stdout
    assert "canary" not in done.stdout + done.stderr


def test_values_are_given_to_who_asks_for_them(daemon: Daemon) -> None:
    """Or the canaries above would prove nothing."""
    ask(daemon.web, "PUT", "/v1/cache/default/key", VALUE.encode(), BEARER)
    with closing(http.client.HTTPConnection(daemon.web)) as connection:
        connection.request("GET", "/v1/cache/default/key", headers=BEARER)
        assert connection.getresponse().read() == VALUE.encode()
