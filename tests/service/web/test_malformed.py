"""What is no HTTP, or two requests in one skin, is refused; and no refusal repeats what was sent."""

import pytest

from web_lane import Site

KEY = "/v1/cache/default/a"
CANARY = "s3cr3t-canary"


def request(*lines: str, body: bytes = b"", target: str = KEY, method: str = "PUT", version: str = "1.1") -> bytes:
    head = [f"{method} {target} HTTP/{version}", "Host: localhost", *lines]
    return "".join(f"{line}\r\n" for line in head).encode("latin-1") + b"\r\n" + body


SMUGGLED = b"0\r\n\r\nDELETE /v1/cache/default/b HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        request("Content-Length: 5", "Transfer-Encoding: chunked", body=SMUGGLED),
        request("Transfer-Encoding: chunked", "Content-Length: 5", body=SMUGGLED),
        request("Content-Length: 5", "Content-Length: 6", body=b"abcdef"),
        request("Content-Length: 5, 5", body=b"abcde"),
        request("Content-Length: +5", body=b"abcde"),
        request("Content-Length: 0x5", body=b"abcde"),
        request("Content-Length: -1"),
        request("Content-Length: 99999999999999999999999"),
        request("Transfer-Encoding: chunked", "Transfer-Encoding: identity", body=SMUGGLED),
        request("Transfer-Encoding: identity, chunked, identity", body=SMUGGLED),
        request("Transfer-Encoding: xchunked", body=SMUGGLED),
        request("Transfer-Encoding : chunked", body=SMUGGLED),
        request("Transfer-Encoding:\x0bchunked", body=SMUGGLED),
        request("Transfer-Encoding: chunked", body=b"zz\r\nabc\r\n0\r\n\r\n"),
        request("Transfer-Encoding: chunked", body=b"3\r\nabcd\r\n0\r\n\r\n"),
        request("Transfer-Encoding: chunked", body=b"3\nabc\n0\n\n"),
        request("Transfer-Encoding: chunked", body=b"-3\r\nabc\r\n0\r\n\r\n"),
        request("Transfer-Encoding: chunked", body=b"ffffffffffffffffff\r\nabc"),
    ],
)
async def test_a_body_whose_length_can_be_read_in_two_ways_is_refused(site: Site, sent: bytes) -> None:
    await site.ask("PUT", "/v1/cache/default/b", data=b"kept")
    line = await site.dial()
    await line.say(sent)
    assert (await line.hear()).code == "bad_request"
    assert await line.hear_the_end() == b"", "what follows is not taken for a request"
    assert (await site.ask("GET", KEY)).code == "cache_miss"
    assert (await site.ask("GET", "/v1/cache/default/b")).body == b"kept"


async def test_a_body_that_breaks_while_it_is_read_is_refused_at_once(site: Site) -> None:
    line = await site.dial()
    await line.say(request("Transfer-Encoding: chunked", body=b"3\r\nabc\r\n"))
    await site.ask("GET", KEY)  # by now the beginning was read
    await line.say(b"zz\r\n")
    answer = await line.hear()
    assert (answer.status, answer.code) == (400, "bad_request")
    assert "transfer encoding" in answer.detail
    assert await line.hear_the_end() == b""
    assert (await site.ask("GET", KEY)).code == "cache_miss"
    assert site.log.entries == []


async def test_a_caller_that_hangs_up_within_its_body_leaves_nothing_behind(site: Site) -> None:
    line = await site.dial()
    await line.say(request("Content-Length: 10", body=b"abc"))
    await site.ask("GET", KEY)  # by now the beginning was read
    line.hang_up()
    while site.web.listener.connections > 1:  # the other one is the client's
        await site.ask("GET", KEY)
    assert site.log.entries == []


async def test_an_encoding_below_chunked_is_refused(site: Site) -> None:
    for encoding in ["gzip, chunked", "deflate, chunked"]:
        answer = await site.said(request(f"Transfer-Encoding: {encoding}", body=b"3\r\nabc\r\n0\r\n\r\n"))
        assert answer.code == "bad_request"
        assert "chunked" in answer.detail


@pytest.mark.parametrize(
    "sent",
    [
        b"*1\r\n$4\r\nPING\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET\r\n\r\n",
        b"\r\n\r\n\x00",
        b"GET / HTTP/1.1\nHost: localhost\n\n",
        b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        request("X-Folded: a\r\n b"),
        request("X-Nul: a\0b"),
        request("X-No-Colon"),
        request("Host: localhost"),
        request(target="/v1/cache/default/\xff"),
        request(target="/v1/cache/default/a b"),
        request(target="*", method="OPTIONS"),
        request(target="localhost:80", method="CONNECT"),
        request(method="BREW"),
    ],
)
async def test_what_is_no_request_of_ours_is_answered_as_a_problem(site: Site, sent: bytes) -> None:
    answer = await site.said(sent)
    assert (answer.status, answer.code) == (400, "bad_request")
    assert answer.headers["X-Request-Id"]


@pytest.mark.parametrize(
    "sent",
    [
        request(f"Authorization : Bearer {CANARY}"),
        request(f"Authorization: Bearer {CANARY}\0"),
        request(f"X-Cache-Lease: {CANARY}", "X-Cache-TTL-Ms: soon", "Content-Length: 0"),
        request(f"Content-Type: {CANARY}\u00e9\u0001", "Content-Length: 0"),
        request(target=f"/v1/cache/default/{CANARY}%"),
        request(target=f"{KEY}?wait_ms={CANARY}"),
        request(
            "Content-Type: application/json",
            f"Content-Length: {len(CANARY) + 14}",
            target="/v1/cache:batch",
            method="POST",
            body=f'{{"operations":{CANARY}'.encode(),
        ),
        request("Transfer-Encoding: chunked", body=f"3\r\n{CANARY}\r\n".encode()),
        request(f"X-Long: {CANARY * 2_000}"),
    ],
)
async def test_a_refusal_repeats_neither_token_nor_value(site: Site, sent: bytes) -> None:
    answer = await site.said(sent)
    assert answer.status in {400, 413}
    everything = [answer.body, repr(answer.headers), repr(site.log.entries), site.metrics.page()]
    assert not [text for text in map(str, everything) if CANARY in text]


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
async def test_a_body_that_means_nothing_does_not_become_the_next_request(site: Site, method: str) -> None:
    line = await site.dial()
    inner = request(method="GET", target="/v1/cache/default/inner")
    await line.say(request(f"Content-Length: {len(inner)}", method=method, body=inner))
    await line.say(request("Connection: close", method="GET", target="/nowhere"))
    assert (await line.hear_the_end()).count(b"HTTP/1.1 ") == 2


async def test_an_upgrade_that_nobody_offered_is_ignored(site: Site) -> None:
    line = await site.dial()
    for protocol in ["websocket", "h2c"]:
        await line.say(request("Connection: Upgrade", f"Upgrade: {protocol}", method="GET"))
        assert (await line.hear()).code == "cache_miss"
        await line.say(request(method="GET"))
        assert (await line.hear()).code == "cache_miss"


@pytest.mark.parametrize(
    ("version", "wish", "stays"),
    [("1.1", "", True), ("1.1", "close", False), ("1.0", "", False), ("1.0", "keep-alive", True)],
)
async def test_a_connection_stays_open_as_its_version_and_its_caller_say(
    site: Site, version: str, wish: str, *, stays: bool
) -> None:
    line = await site.dial()
    await line.say(request(*([f"Connection: {wish}"] if wish else []), method="GET", version=version))
    answer = await line.hear()
    stay = "keep-alive" if version == "1.0" else None
    assert answer.headers.get("Connection") == (stay if stays else "close")
    if stays:
        await line.say(request("Connection: close", method="GET"))
        assert (await line.hear()).code == "cache_miss"
    assert await line.hear_the_end() == b""
