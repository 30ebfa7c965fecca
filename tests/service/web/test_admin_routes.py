"""How the daemon does, and the operators' calls; what a fault of ours looks like from both sides."""

import pytest

from pannierd.web.request_ids import RequestIds
from web_lane import Site

KEY = "/v1/cache/default/a"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


async def test_status_and_configuration_are_told_as_they_are(site: Site) -> None:
    assert (await site.ask("GET", "/v1/status")).json == {"version": "0", "degraded": []}
    assert (await site.ask("GET", "/v1/admin/config")).json["limits.max_waiting_calls"]["origin"] == "default"


async def test_a_drain_is_begun_and_its_own_answer_still_comes(site: Site) -> None:
    answer = await site.ask("POST", "/v1/admin/drain")
    assert (answer.status, answer.json, answer.headers["Connection"]) == (202, {"draining": True}, "close")
    assert site.life.calls == ["drain"]


@pytest.mark.parametrize("reloads_well", [True, False])
async def test_a_reload_says_whether_everything_was_taken_over(site: Site, *, reloads_well: bool) -> None:
    site.life.reloads_well = reloads_well
    assert (await site.ask("POST", "/v1/admin/reload")).json == {"reloaded": reloads_well}
    assert site.life.calls == ["reload"]


async def test_a_fault_is_answered_without_its_text_and_logged_under_its_ids(site: Site) -> None:
    site.life.fault = RuntimeError("canary: something secret")
    headers = {"X-Request-Id": "my-id", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    answer = await site.ask("GET", "/v1/status", headers=headers)
    assert (answer.status, answer.code, answer.json["retryable"]) == (500, "internal", False)
    assert answer.headers["X-Request-Id"] == "my-id"
    assert b"canary" not in answer.body
    (line,) = site.log.entries
    assert line["log_level"] == "error"
    assert (line["request_id"], line["trace_id"], line["tenant"]) == ("my-id", TRACE, "default")
    assert line["route"] == "/v1/status"


async def test_a_fault_is_logged_under_the_id_that_was_made_for_it(site: Site) -> None:
    site.life.fault = ConnectionError("of something behind the sidecar")
    answer = await site.ask("GET", "/v1/status")
    assert answer.code == "internal"
    (line,) = site.log.entries
    assert line["request_id"] == answer.headers["X-Request-Id"]
    assert line["trace_id"] is None


async def test_after_a_fault_the_connection_serves_on(site: Site) -> None:
    site.life.fault = RuntimeError()
    line = await site.dial()
    await line.say(b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n" * 2)
    assert [(await line.hear()).code for _ in range(2)] == ["internal", "internal"]


@pytest.mark.parametrize("given", ["abc-123", "x" * 128])
async def test_a_callers_request_id_is_taken_over(site: Site, given: str) -> None:
    assert (await site.ask("GET", KEY, headers={"X-Request-Id": given})).headers["X-Request-Id"] == given


@pytest.mark.parametrize("given", [None, "", "x" * 129, "schön"])
async def test_otherwise_one_is_made_and_no_two_are_alike(site: Site, given: str | None) -> None:
    headers = {} if given is None else {"X-Request-Id": given}
    made = {(await site.ask("GET", KEY, headers=headers)).headers["X-Request-Id"] for _ in range(3)}
    assert len(made) == 3
    assert given not in made


def test_a_sidecar_that_starts_again_under_its_name_makes_other_ids() -> None:
    """In a container its process has the same number, too."""
    lives = [RequestIds("pod-1", life) for life in ("a", "b")]
    assert len({ids.fresh() for ids in lives for _ in range(3)}) == 6


async def test_requests_are_counted_by_template_and_status_and_never_by_key(site: Site) -> None:
    await site.ask("PUT", "/v1/cache/default/canary-key", data=b"canary-value")
    await site.ask("GET", "/v1/cache/default/canary-key")
    await site.ask("GET", "/canary-path")
    await site.ask("POST", "/v1/cache/default/canary-key")
    page = site.metrics.page().decode()
    key = "/v1/cache/{namespace}/{key}"
    assert f'pannier_http_requests_total{{route="{key}",status="204"}} 1.0' in page
    assert f'pannier_http_requests_total{{route="{key}",status="200"}} 1.0' in page
    assert 'pannier_http_requests_total{route="",status="404"} 1.0' in page
    assert 'pannier_http_requests_total{route="",status="405"} 1.0' in page
    assert f'pannier_http_request_duration_seconds_count{{route="{key}"}} 2.0' in page
    assert "canary" not in page
