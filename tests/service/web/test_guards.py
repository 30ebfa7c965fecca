"""Web pages cannot call: neither by a name that was rebound to loopback, nor across origins."""

from collections.abc import AsyncIterator

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from pannierd.config import Config, Server
from pannierd.errors import HostRefused
from pannierd.web.guards import Guard
from web_lane import Site, running

KEY = "/v1/cache/default/a"


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    server = Server(
        web_address="127.0.0.1:0",
        diagnostics_address="127.0.0.1:0",
        allowed_hosts=["Cache.internal"],
        allowed_origins=["https://admin.example"],
    )
    async with running(Config(server=server)) as it:
        yield it


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:65535", "[::1]", "[::1]:80", "cache.INTERNAL:7480"]
)
async def test_our_names_are_answered_with_any_port(site: Site, host: str) -> None:
    assert (await site.ask("GET", KEY, headers={"Host": host})).code == "cache_miss"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:7480",
        "localhost.evil.example",
        "evil.localhost",
        "127.0.0.1.evil.example",
        "127.0.0.1:80:80",
        "localhost:http",
        "localhost@evil.example",
        "0.0.0.0",
        "::1",
        "[::1",
        "",
    ],
)
async def test_any_other_name_is_refused(site: Site, host: str) -> None:
    answer = await site.said(f"GET {KEY} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert (answer.status, answer.code) == (421, "host_refused")
    assert await site.refusal() == "host_refused"


async def test_a_request_without_a_host_is_refused_in_either_version(site: Site) -> None:
    assert (await site.said(f"GET {KEY} HTTP/1.0\r\n\r\n".encode())).code == "host_refused"
    assert (await site.said(f"GET {KEY} HTTP/1.1\r\n\r\n".encode())).code == "bad_request"


async def test_an_absolute_target_cannot_smuggle_a_name_past_the_host(site: Site) -> None:
    def request(target: str, host: str) -> bytes:
        return f"GET {target}{KEY} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()

    assert (await site.said(request("http://localhost", "localhost"))).code == "cache_miss"
    assert (await site.said(request("http://evil.example", "localhost"))).code == "host_refused"
    assert (await site.said(request("http://localhost", "evil.example"))).code == "host_refused"
    assert (await site.said(request("http://localhost@evil.example", "localhost"))).code == "host_refused"


def test_the_address_one_listens_on_is_a_name_of_ours_unless_it_is_a_wildcard() -> None:
    def asked_by(name: str, address: str) -> None:
        Guard(Server(web_address=address)).check(CIMultiDictProxy(CIMultiDict(Host=name)), None)

    asked_by("10.0.0.5", "10.0.0.5:7480")
    asked_by("[fd00::5]:7480", "[fd00::5]:7480")
    for wildcard in ["0.0.0.0", "[::]"]:
        with pytest.raises(HostRefused):
            asked_by(wildcard, f"{wildcard}:7480")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "POST", "OPTIONS"])
@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:7480", "null", ""])
async def test_a_page_of_another_origin_is_refused_whatever_it_asks(site: Site, method: str, origin: str) -> None:
    answer = await site.ask(method, KEY, headers={"Origin": origin})
    assert answer.status == 403
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


async def test_an_allowed_origin_may_call_and_gets_no_cors_headers_either(site: Site) -> None:
    answer = await site.ask("GET", KEY, headers={"Origin": "https://admin.example", "Sec-Fetch-Site": "cross-site"})
    assert answer.code == "cache_miss"
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize(
    ("site_of_caller", "code"),
    [("cross-site", "forbidden"), ("same-site", "forbidden"), ("none", "cache_miss"), ("same-origin", "cache_miss")],
)
async def test_a_page_that_hides_its_origin_is_known_by_its_browser(site: Site, site_of_caller: str, code: str) -> None:
    assert (await site.ask("GET", KEY, headers={"Sec-Fetch-Site": site_of_caller})).code == code


async def test_json_is_wanted_where_a_form_could_reach(site: Site) -> None:
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]:
        answer = await site.ask(
            "POST", "/v1/cache:invalidate", data=b'{"all": true}', headers={"Content-Type": content_type}
        )
        assert answer.code == "bad_request"
        assert "application/json" in answer.detail
    answer = await site.ask(
        "POST",
        "/v1/cache:invalidate",
        data=b'{"all": true}',
        headers={"Content-Type": "Application/JSON ; charset=utf-8"},
    )
    assert answer.status == 200
