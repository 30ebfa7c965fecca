"""A listener's end: nothing in flight is lost, nothing that hangs holds it up, nothing is left."""

import asyncio

import pytest

from pannierd.config import Config
from pannierd.config.address import Address
from pannierd.web.listener import Listener
from web_lane import LISTENERS, PATIENCE_S, Site, running

KEY = "/v1/cache/default/a"
LONG_MS = PATIENCE_S * 1_000


def request(method: str, target: str = KEY, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *headers]
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n" + body


async def waiters(site: Site) -> int:
    return int((await site.ask("GET", f"{KEY}/explain")).json["lease"]["waiting"])


async def test_what_is_in_flight_when_the_end_begins_is_answered(site: Site) -> None:
    lease = (await site.ask("POST", f"{KEY}/lease")).headers["X-Cache-Lease"]
    waiting, loading = await site.dial(), await site.dial()
    await loading.say(request("GET"))
    assert "Connection" not in (await loading.hear()).headers
    await waiting.say(request("POST", f"{KEY}/lease?wait_ms=60000"))
    while not await waiters(site):
        continue

    site.life.is_draining = True
    site.web.listener.stop_accepting()
    end = asyncio.create_task(site.web.listener.drain(LONG_MS))
    await loading.say(request("PUT", KEY, b"loaded", f"X-Cache-Lease: {lease}"))
    stored, fetched = await loading.hear(), await waiting.hear()
    assert (stored.status, stored.headers["Connection"]) == (204, "close")
    assert (fetched.body, fetched.headers["Connection"]) == (b"loaded", "close")
    await end
    assert site.web.listener.connections == 0


async def test_nobody_new_is_let_in(site: Site) -> None:
    site.web.listener.stop_accepting()
    with pytest.raises(ConnectionRefusedError):
        await site.dial()


async def test_idle_connections_are_closed_after_a_moment(site: Site) -> None:
    line = await site.dial()
    await line.say(request("GET"))
    await line.hear()
    site.web.listener.stop_accepting()
    await site.web.listener.drain(LONG_MS)
    assert await line.hear_the_end() == b""
    assert site.web.listener.connections == 0


async def test_what_hangs_does_not_hold_up_the_end(site: Site) -> None:
    await site.ask("POST", f"{KEY}/lease")
    waiting, uploading = await site.dial(), await site.dial()
    await waiting.say(request("POST", f"{KEY}/lease?wait_ms=60000"))
    await uploading.say(request("PUT", KEY, b"abc")[:-1])
    while not await waiters(site):
        continue
    site.web.listener.stop_accepting()
    await site.web.listener.drain(20)
    assert site.web.listener.connections >= 2
    await site.web.listener.close()
    assert site.web.listener.connections == 0
    assert await waiting.hear_the_end() == b""
    assert site.log.entries == []


async def test_the_end_may_come_twice_and_before_the_beginning(site: Site) -> None:
    for _ in range(2):
        await site.web.listener.close()
    unstarted = Listener(Address("127.0.0.1", 0), site.diagnostics, Config().limits, lambda: 0.0)
    await unstarted.drain(LONG_MS)
    await unstarted.close()


async def test_a_taken_address_is_said_to_be_taken(site: Site) -> None:
    second = Listener(site.web.listener.address, site.diagnostics, Config().limits, lambda: 0.0)
    with pytest.raises(OSError, match="in use"):
        await second.start()


async def test_a_name_and_an_ipv6_address_can_be_listened_on() -> None:
    for host in ["[::1]", "localhost"]:
        server = type(LISTENERS)(web_address=f"{host}:0", diagnostics_address="127.0.0.1:0")
        async with running(Config(server=server)) as site:
            assert str(site.web.listener.address) == f"{host}:{site.port}"
            async with site.http.get(f"http://{host}:{site.port}{KEY}") as answer:
                assert answer.status == 404
