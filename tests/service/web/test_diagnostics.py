"""The operators' listener: health and metrics, for whoever can reach it, and nothing else."""

import pytest

from web_lane import Heard, Site


async def probe(site: Site, path: str, method: str = "GET", **options: object) -> Heard:
    return await site.ask(method, path, port=site.diagnostics.listener.address.port, **options)


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/startupz"])
async def test_a_serving_daemon_is_well(site: Site, path: str) -> None:
    answer = await probe(site, path)
    assert (answer.status, answer.body) == (200, b"ok\n")
    assert (await probe(site, path, "HEAD")).status == 200
    assert answer.headers["X-Request-Id"]


@pytest.mark.parametrize(
    ("serving", "draining", "live", "statuses"),
    [
        (False, False, True, {"/livez": 200, "/readyz": 503, "/startupz": 503}),
        (True, True, True, {"/livez": 200, "/readyz": 503, "/startupz": 200}),
        (True, False, False, {"/livez": 503, "/readyz": 200, "/startupz": 200}),
    ],
    ids=["starting", "draining", "a loop that does not turn"],
)
async def test_each_probe_says_no_for_its_own_reason(
    site: Site, *, serving: bool, draining: bool, live: bool, statuses: dict[str, int]
) -> None:
    site.life.is_serving, site.life.is_draining, site.life.is_live = serving, draining, live
    assert {path: (await probe(site, path)).status for path in statuses} == statuses


async def test_degraded_is_not_unready(site: Site) -> None:
    site.metrics.degraded.add("redis")
    assert (await probe(site, "/readyz")).status == 200


async def test_metrics_are_prometheus_text(site: Site) -> None:
    await site.ask("GET", "/v1/status")
    page = await probe(site, "/metrics")
    assert page.headers["Content-Type"].startswith("text/plain; version=")
    assert b'pannier_http_requests_total{route="/v1/status",status="200"} 1.0\n' in page.body


async def test_probes_come_with_the_pods_address_and_are_answered(site: Site) -> None:
    assert (await probe(site, "/livez", headers={"Host": "10.0.0.5:7482"})).status == 200


@pytest.mark.parametrize("path", ["/v1/status", "/v1/cache/default/a", "/openapi.json", "/", "/livez/"])
async def test_there_is_nothing_else_here(site: Site, path: str) -> None:
    assert (await probe(site, path)).code == "not_found"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
async def test_nothing_can_be_changed_here(site: Site, method: str) -> None:
    answer = await probe(site, "/livez", method)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


async def test_probes_are_not_counted_as_calls(site: Site) -> None:
    await probe(site, "/livez")
    assert b"pannier_http_requests_total{" not in site.metrics.page()
