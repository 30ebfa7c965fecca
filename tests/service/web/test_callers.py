"""A token is a tenant, and nothing else that is sent names one."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fakes import Clock
from pannierd.config import Config, Tenant
from pannierd.errors import Unauthenticated
from pannierd.web.credentials import token_in
from web_lane import LISTENERS, Heard, Site, running

KEY = "/v1/cache/default/a"
SHOP, DESK, OPS = "shop-token", "desk-token", "ops-token"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def site(tmp_path: Path, clock: Clock) -> AsyncIterator[Site]:
    for token in [SHOP, DESK, OPS]:
        (tmp_path / token).write_text(f"{token}\n")
    tenants = {
        "shop": Tenant(token_file=str(tmp_path / SHOP)),
        "desk": Tenant(token_file=str(tmp_path / DESK), requests_per_second=2, burst=2),
        "ops": Tenant(token_file=str(tmp_path / OPS), roles=["operator"]),
    }
    async with running(Config(server=LISTENERS, tenants=tenants), clock=clock) as it:
        yield it


async def ask(site: Site, method: str, target: str, token: str | None, **options: Any) -> Heard:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return await site.ask(method, target, headers=headers, **options)


@pytest.mark.parametrize(
    ("authorization", "token"),
    [
        ("Bearer abc", b"abc"),
        ("bearer  abc ", b"abc"),
        ("Basic " + base64.b64encode(b"anybody:abc").decode(), b"abc"),
        ("BASIC " + base64.b64encode(b":a:b").decode(), b"a:b"),
    ],
)
def test_a_token_is_found_in_both_schemes(authorization: str, token: bytes) -> None:
    assert token_in(authorization) == token


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "abc",
        "Digest abc",
        "Basic ???",
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic " + base64.b64encode(b"name:").decode(),
        "Basic \udcff",
    ],
)
def test_anything_else_is_no_token(authorization: str | None) -> None:
    with pytest.raises(Unauthenticated):
        token_in(authorization)


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Bearer \xff", "Basic x", "Bearer shop-token2"])
async def test_without_a_known_token_nothing_is_answered(site: Site, authorization: str | None) -> None:
    header = b"" if authorization is None else b"Authorization: " + authorization.encode("latin-1") + b"\r\n"
    for target in [KEY, "/v1/status", "/v1/admin/config"]:
        answer = await site.said(b"GET " + target.encode() + b" HTTP/1.1\r\nHost: localhost\r\n" + header + b"\r\n")
        assert (answer.status, answer.code) == (401, "unauthenticated")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert await site.refusal() == "unauthenticated"


async def test_the_document_is_for_everybody(site: Site) -> None:
    assert (await ask(site, "GET", "/openapi.json", None)).status == 200


async def test_tenants_do_not_see_each_other(site: Site) -> None:
    assert (await ask(site, "PUT", KEY, SHOP, data=b"shop's")).status == 204
    assert (await ask(site, "GET", KEY, DESK)).code == "cache_miss"
    assert (await ask(site, "GET", KEY, SHOP)).body == b"shop's"


async def test_a_name_in_the_request_names_no_tenant(site: Site) -> None:
    await ask(site, "PUT", KEY, SHOP, data=b"shop's")
    basic = base64.b64encode(f"shop:{DESK}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}", "X-Tenant": "shop"}
    assert (await site.ask("GET", KEY, headers=headers)).code == "cache_miss"


async def test_a_role_opens_its_routes_and_no_others(site: Site) -> None:
    for token, target, status in [
        (SHOP, "/v1/status", 200),
        (OPS, "/v1/status", 200),
        (SHOP, "/v1/admin/config", 403),
        (OPS, "/v1/admin/config", 200),
        (OPS, KEY, 403),
        (SHOP, KEY, 404),
    ]:
        assert (await ask(site, "GET", target, token)).status == status
    assert (await ask(site, "POST", "/v1/admin/drain", SHOP)).code == "forbidden"
    assert site.life.calls == []


async def test_a_tenant_over_its_rate_is_told_when_to_come_again(site: Site, clock: Clock) -> None:
    assert [(await ask(site, "GET", KEY, DESK)).status for _ in range(2)] == [404, 404]
    refused = await ask(site, "GET", KEY, DESK)
    assert (refused.status, refused.code, refused.headers["Retry-After"]) == (429, "quota_exceeded", "1")
    assert (refused.json["retryable"], refused.json["retry_after_ms"]) == (True, 500)
    assert (await ask(site, "GET", KEY, SHOP)).code == "cache_miss", "others go on"
    clock.advance(0.5)
    assert (await ask(site, "GET", KEY, DESK)).code == "cache_miss"


async def test_a_batch_costs_as_much_as_its_operations(site: Site) -> None:
    operations = [{"op": "get", "key": "a"}] * 2
    assert (await ask(site, "POST", "/v1/cache:batch", DESK, json={"operations": operations})).status == 200
    assert (await ask(site, "GET", KEY, DESK)).code == "quota_exceeded"
