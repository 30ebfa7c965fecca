"""Every buffer has a bound, every wait an end, and every drop is counted."""

import asyncio

import pytest

from pannierd.config import Config
from web_lane import PATIENCE_S, Line, Site, limited, running

KEY = "/v1/cache/default/a"


def put(*headers: str, body: bytes = b"") -> bytes:
    lines = [f"PUT {KEY} HTTP/1.1", "Host: localhost", *headers]
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n" + body


def get(*headers: str, target: str = KEY) -> bytes:
    return put(*headers).replace(f"PUT {KEY}".encode(), f"GET {target}".encode())


async def chunked(line: Line, *chunks: bytes) -> None:
    for chunk in chunks:
        await line.say(b"%x\r\n%b\r\n" % (len(chunk), chunk))


# Heads


@pytest.mark.parametrize(
    "request_bytes",
    [
        get("X-Long: " + "x" * 1_100),
        get(target="/v1/cache/default/" + "k" * 1_100),
        get(*(f"X-{number}: {'x' * 100}" for number in range(12))),
    ],
    ids=["one header", "the request line", "all together"],
)
async def test_headers_over_their_limit_are_refused(request_bytes: bytes) -> None:
    async with running(limited(max_header_bytes=1_000)) as site:
        answer = await site.said(request_bytes)
        assert (answer.status, answer.code) == (413, "too_large")
        assert "1,000" in answer.detail
        assert await site.refusal() == "too_large"


async def test_headers_that_never_end_are_cut_off_at_their_limit() -> None:
    async with running(limited(max_header_bytes=1_000)) as site:
        line = await site.dial()
        await line.say(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        for number in range(10):
            await line.say(f"X-{number}: {'x' * 100}\r\n".encode())
        answer = await line.hear()
        assert answer.code == "too_large"
        assert answer.headers["X-Request-Id"]
        assert await line.hear_the_end() == b""


async def test_what_was_counted_of_one_head_does_not_count_for_the_next() -> None:
    async with running(limited(max_header_bytes=1_000)) as site:
        line = await site.dial()
        for _ in range(3):
            head = get(f"X-Long: {'x' * 600}")
            await line.say(head[:500])
            await site.ask("GET", KEY)  # by now the first part was read
            await line.say(head[500:])
            assert (await line.hear()).code == "cache_miss"


async def test_there_may_be_a_hundred_headers_and_no_more(site: Site) -> None:
    assert (await site.said(get(*(f"X-{number}: x" for number in range(99))))).code == "cache_miss"
    assert (await site.said(get(*(f"X-{number}: x" for number in range(100))))).code == "bad_request"


# Slow callers


@pytest.mark.parametrize("beginning", [b"", b"G", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "])
async def test_a_caller_that_does_not_finish_its_headers_is_closed_when_the_keepalive_time_is_over(
    beginning: bytes,
) -> None:
    async with running(limited(keepalive_ms=50)) as site:
        line = await site.dial()
        await line.say(beginning)
        assert await line.hear_the_end() == b""


async def test_no_keepalive_time_is_not_for_ever() -> None:
    async with running(limited(keepalive_ms=0)) as site:
        line = await site.dial()
        await line.say(b"GET / HTTP/1.1\r\n")
        assert await line.hear_the_end() == b""


@pytest.mark.parametrize(
    ("limits", "header", "within_ms"),
    [
        ({"body_timeout_ms": 50}, "X-Any: x", 50),
        ({"body_timeout_ms": 60_000}, "X-Pannier-Deadline-Ms: 100", 95),
        ({"body_timeout_ms": 60_000, "max_deadline_ms": 100}, "X-Pannier-Deadline-Ms: 60000", 95),
    ],
    ids=["the time for bodies", "the caller's own deadline", "the longest deadline there is"],
)
async def test_a_body_that_does_not_arrive_in_time_is_answered_and_closed(
    limits: dict[str, int], header: str, within_ms: int
) -> None:
    """Where the caller says when it gives up, the answer is on its way before that."""
    async with running(limited(**limits), clock=lambda: 7.0) as site:
        line = await site.dial()
        await line.say(put("Content-Length: 10", header, body=b"abc"))
        answer = await line.hear()
        assert (answer.status, answer.code) == (504, "deadline_exceeded")
        assert answer.detail == f"the body did not arrive within {within_ms} ms"
        assert answer.headers["Connection"] == "close"
        await line.say(b"defghij")  # the rest comes too late, and ends the wait for it
        assert await line.hear_the_end() == b""
        assert (await site.ask("GET", KEY)).code == "cache_miss", "what came late was not stored"


async def test_a_body_that_comes_in_pieces_in_time_is_stored(site: Site) -> None:
    line = await site.dial()
    await line.say(put("Content-Length: 9"))
    for piece in [b"abc", b"def", b"ghi"]:
        await line.say(piece)
    assert (await line.hear()).status == 204
    await line.say(put("Transfer-Encoding: chunked"))
    await chunked(line, b"xy", b"z", b"")
    assert (await line.hear()).status == 204
    assert (await site.ask("GET", KEY)).body == b"xyz"


async def test_many_slow_callers_do_not_stop_service() -> None:
    async with running(limited(max_waiting_calls=4)) as site:
        for number in range(300):
            line = await site.dial()
            await line.say([b"GET / HT", put("Content-Length: 10", body=b"abc"), b""][number % 3])
        answers = [await site.ask("PUT", KEY, data=b"x"), await site.ask("GET", KEY)]
        assert [answer.status for answer in answers] == [204, 200]
        assert site.web.listener.connections >= 300


# Bodies


async def test_a_body_that_announces_itself_as_too_large_is_refused_unread() -> None:
    async with running(limited(max_body_bytes=1_000)) as site:
        line = await site.dial()
        await line.say(put("Content-Length: 1001"))
        answer = await line.hear()
        assert (answer.status, answer.code, answer.headers["Connection"]) == (413, "too_large", "close")


async def test_a_body_without_a_length_is_refused_where_it_passes_the_limit() -> None:
    async with running(limited(max_body_bytes=1_000)) as site:
        line = await site.dial()
        await line.say(put("Transfer-Encoding: chunked"))
        await chunked(line, b"x" * 600, b"x" * 600)
        assert (await line.hear()).code == "too_large"


async def test_a_body_of_just_the_limit_is_taken_either_way() -> None:
    async with running(limited(max_body_bytes=1_000)) as site:
        assert (await site.said(put("Content-Length: 1000", body=b"x" * 1_000))).status == 204
        line = await site.dial()
        await line.say(put("Transfer-Encoding: chunked"))
        await chunked(line, b"x" * 600, b"x" * 400, b"")
        assert (await line.hear()).status == 204


async def test_a_caller_that_waits_to_be_asked_for_its_body_is_asked_or_spared_the_effort() -> None:
    async with running(limited(max_body_bytes=1_000)) as site:
        line = await site.dial()
        await line.say(put("Content-Length: 3", "Expect: 100-continue"))
        assert (await line.hear()).status == 100
        await line.say(b"abc")
        assert (await line.hear()).status == 204
        line = await site.dial()
        await line.say(put("Content-Length: 1001", "Expect: 100-continue"))
        assert (await line.hear()).status == 413


async def test_uploads_together_have_a_bound_and_the_next_one_finds_room_again() -> None:
    async with running(limited(max_body_bytes=1_000)) as site:
        lines = [await site.dial() for _ in range(17)]
        heard = [asyncio.create_task(line.hear()) for line in lines]
        for line in lines:
            await line.say(put("Content-Length: 1000"))
            await line.say(b"x" * 990)
        done, waiting = await asyncio.wait(heard, return_when=asyncio.FIRST_COMPLETED, timeout=PATIENCE_S)
        (refused,) = [task.result() for task in done]
        assert (refused.code, refused.headers["Retry-After"]) == ("overloaded", "1")
        for line in lines:
            await line.say(b"x" * 10)
        assert {task.result().status for task in (await asyncio.wait(waiting))[0]} == {204}


# Answers


async def test_a_caller_that_does_not_read_its_answers_is_closed_and_counted() -> None:
    async with running(limited(body_timeout_ms=50)) as site:
        site.keep(b"a", b"x" * 8_000_000)
        line = await site.dial()
        await line.say(get() * 8)
        assert await site.refusal() == "slow_reader"
        assert site.answered(200) == 1, "no answer is made before the one before it is on its way"
        while site.web.listener.connections > 1:  # the other one is the client's
            await site.ask("GET", "/v1/status")


async def test_a_caller_that_reads_slowly_but_reads_gets_everything(site: Site) -> None:
    site.keep(b"a", b"x" * 4_000_000)
    line = await site.dial()
    await line.say(get() * 4)
    assert [len((await read_in_pieces(line)).removeprefix(b"x")) for _ in range(4)] == [3_999_999] * 4


async def read_in_pieces(line: Line) -> bytes:
    async with asyncio.timeout(PATIENCE_S):
        await line.reader.readuntil(b"\r\n\r\n")
        return b"".join([await line.reader.readexactly(40_000) for _ in range(100)])


# Numbers of callers


async def test_one_connection_too_many_is_closed_and_counted_and_a_place_that_is_left_is_given_again() -> None:
    async with running(limited(max_connections=2)) as site:
        first, second, third = [await site.dial() for _ in range(3)]
        assert await third.hear_the_end() == b""
        assert await site.refusal() == "connections"
        await first.say(get("Connection: close"))
        assert (await first.hear()).code == "cache_miss"
        await first.hear_the_end()
        await second.say(get())
        assert (await second.hear()).code == "cache_miss"
        fourth = await site.dial()
        await fourth.say(get())
        assert (await fourth.hear()).code == "cache_miss"


async def test_one_call_too_many_that_would_wait_is_refused_and_every_other_call_is_answered() -> None:
    """Among the others is the one that ends the wait."""
    async with running(limited(max_waiting_calls=1)) as site:
        lease = (await site.ask("POST", f"{KEY}/lease")).headers["X-Cache-Lease"]
        waiting = await site.dial()
        await waiting.say(get(target=f"{KEY}/lease?wait_ms=60000").replace(b"GET", b"POST"))
        while (await site.ask("GET", f"{KEY}/explain")).json["lease"]["waiting"] == 0:
            continue
        refused = await site.ask("POST", f"{KEY}/lease?wait_ms=60000")
        assert (refused.status, refused.code, refused.headers["Retry-After"]) == (503, "overloaded", "1")
        assert refused.json["retryable"] is True
        assert (await site.ask("GET", "/v1/status")).status == 200
        assert (await site.ask("POST", f"{KEY}/lease")).code == "cache_miss", "this one does not wait"
        assert (await site.ask("PUT", KEY, data=b"loaded", headers={"X-Cache-Lease": lease})).status == 204
        assert (await waiting.hear()).body == b"loaded"


async def test_pipelined_requests_are_answered_in_their_order(site: Site) -> None:
    targets = [f"/v1/cache/default/{number}" for number in range(100)]
    for target in targets[::2]:
        await site.ask("PUT", target, data=target.encode())
    line = await site.dial()
    await line.say(b"".join(get(target=target) for target in targets))
    bodies = [(await line.hear()).body for _ in targets]
    assert bodies[::2] == [target.encode() for target in targets[::2]]
    assert all(b"cache_miss" in body for body in bodies[1::2])


def test_the_default_limits_hold_every_key_and_tag_list_of_the_contract() -> None:
    limits = Config().limits
    longest_target = len("/v1/cache/") + 64 + 3 * 1_024 + len("/explain")
    assert longest_target + 4_096 < limits.max_header_bytes
