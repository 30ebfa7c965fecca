"""One key over HTTP, each answer as the contract has it."""

import asyncio
import time

import pytest

from fakes import Clock
from pannierd.config import Config, Namespace
from web_lane import LISTENERS, Heard, Site, running

KEY = "/v1/cache/default/user%3A1"


async def put(site: Site, body: bytes = b"hello", path: str = KEY, **headers: str) -> Heard:
    return await site.ask("PUT", path, data=body, headers={name.replace("_", "-"): headers[name] for name in headers})


async def test_what_was_stored_is_read_with_its_type_and_lives(site: Site) -> None:
    stored = await put(site, b"hello", Content_Type="text/html; charset=utf-8", X_Cache_TTL_Ms="60000")
    assert (stored.status, stored.headers["X-Cache"], stored.body) == (204, "stored", b"")
    assert "Content-Length" not in stored.headers
    read = await site.ask("GET", KEY)
    assert (read.status, read.body) == (200, b"hello")
    assert read.headers["Content-Type"] == "text/html; charset=utf-8"
    assert (read.headers["X-Cache"], read.headers["X-Cache-Tier"], read.headers["Age"]) == ("hit", "memory", "0")
    assert 59_000 < int(read.headers["X-Cache-TTL-Ms"]) <= 60_000
    assert read.headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in read.headers


async def test_age_and_life_follow_the_clock() -> None:
    clock = Clock()
    async with running(Config(server=LISTENERS), clock=clock) as site:
        await put(site, X_Cache_TTL_Ms="5000")
        clock.advance(3.5)
        read = await site.ask("GET", KEY)
        assert (read.headers["Age"], read.headers["X-Cache-TTL-Ms"]) == ("3", "1500")
        clock.advance(1.5)
        assert (await site.ask("GET", KEY)).code == "cache_miss"


async def test_a_value_without_a_type_is_bytes(site: Site) -> None:
    answer = await site.said(f"PUT {KEY} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi".encode())
    assert answer.status == 204
    assert (await site.ask("GET", KEY)).headers["Content-Type"] == "application/octet-stream"


async def test_head_answers_the_headers_of_get(site: Site) -> None:
    await put(site)
    got, head = await site.ask("GET", KEY), await site.ask("HEAD", KEY)
    assert (head.status, head.body) == (200, b"")
    for name in ["Content-Length", "Content-Type", "ETag", "X-Cache", "X-Cache-Tier"]:
        assert head.headers[name] == got.headers[name]
    missing = await site.ask("HEAD", "/v1/cache/default/nothing")
    assert (missing.status, missing.body) == (404, b"")


async def test_a_miss_is_a_problem_with_its_code(site: Site) -> None:
    answer = await site.ask("GET", KEY)
    assert answer.status == 404
    assert answer.json == {
        "type": "urn:pannier:error:cache_miss",
        "title": "Cache miss",
        "status": 404,
        "detail": "there is no fresh value for this key",
        "code": "cache_miss",
        "retryable": False,
    }


async def test_an_etag_is_strong_and_belongs_to_bytes_and_type(site: Site) -> None:
    async def etag(body: bytes, content_type: str) -> str:
        await put(site, body, Content_Type=content_type)
        return str((await site.ask("GET", KEY)).headers["ETag"])

    first = await etag(b"a", "text/plain")
    assert first.startswith('"')
    assert first == await etag(b"a", "text/plain")
    assert len({first, await etag(b"b", "text/plain"), await etag(b"a", "text/html")}) == 3


@pytest.mark.parametrize("condition", ["{etag}", 'W/{etag}, "other"', '"other", {etag}', "*"])
async def test_a_caller_that_has_the_value_is_told_so(site: Site, condition: str) -> None:
    await put(site)
    etag = (await site.ask("GET", KEY)).headers["ETag"]
    answer = await site.ask("GET", KEY, headers={"If-None-Match": condition.format(etag=etag)})
    assert (answer.status, answer.body, answer.headers["ETag"]) == (304, b"", etag)


async def test_a_caller_that_has_another_value_gets_this_one(site: Site) -> None:
    await put(site)
    answer = await site.ask("GET", KEY, headers={"If-None-Match": '"0123"'})
    assert (answer.status, answer.body) == (200, b"hello")


async def test_conditional_writes_store_only_when_the_condition_holds(site: Site) -> None:
    assert (await put(site, b"1", If_Match="*")).code == "precondition_failed"
    assert (await put(site, b"1", If_None_Match="*")).status == 204
    assert (await put(site, b"2", If_None_Match="*")).code == "precondition_failed"
    etag = (await site.ask("GET", KEY)).headers["ETag"]
    assert (await put(site, b"3", If_Match=etag)).status == 204
    assert (await put(site, b"4", If_Match=etag)).code == "precondition_failed"
    assert (await put(site, b"5", If_Match=f"W/{etag}")).code == "bad_request"
    assert (await put(site, b"6", If_Match='"a", "b"')).code == "bad_request"
    assert (await put(site, b"7", If_Match="*", If_None_Match="*")).code == "bad_request"
    assert (await put(site, b"8", If_None_Match='"a"')).code == "bad_request"
    assert (await site.ask("GET", KEY)).body == b"3"


async def test_delete_answers_alike_whether_or_not_there_was_a_value(site: Site) -> None:
    await put(site)
    assert [(await site.ask("DELETE", KEY)).status for _ in range(2)] == [204, 204]
    assert (await site.ask("GET", KEY)).code == "cache_miss"


async def test_tags_are_split_trimmed_and_counted_over_all_lines(site: Site) -> None:
    request = (
        b"PUT /v1/cache/default/t HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n"
        b"X-Cache-Tags: a ,b,,\r\nX-Cache-Tags: c\r\n\r\nx"
    )
    assert (await site.said(request)).status == 204
    explained = (await site.ask("GET", "/v1/cache/default/t/explain")).json
    assert [tag["tag"] for tag in explained["entry"]["tags"]] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("headers", "named"),
    [
        ({"X-Cache-TTL-Ms": "soon"}, "X-Cache-TTL-Ms"),
        ({"X-Cache-TTL-Ms": "0"}, "X-Cache-TTL-Ms"),
        ({"X-Cache-TTL-Ms": "null"}, "X-Cache-TTL-Ms"),
        ({"X-Cache-Stale-Ms": "-1"}, "X-Cache-Stale-Ms"),
        ({"X-Cache-Tll-Ms": "1"}, "X-Cache-Tll-Ms"),
        ({"X-Cache-Tags": "x" * 257}, "tag"),
        ({"X-Cache-Tags": ",".join(map(str, range(65)))}, "64 tags"),
        ({"Content-Type": "x" * 257}, "content type"),
        ({"Content-Encoding": "gzip"}, "Content-Encoding"),
    ],
)
async def test_a_write_with_a_wrong_header_is_refused_by_its_name(
    site: Site, headers: dict[str, str], named: str
) -> None:
    answer = await site.ask("PUT", KEY, data=b"x", headers=headers)
    assert answer.code == "bad_request"
    assert named in answer.detail
    assert (await site.ask("GET", KEY)).code == "cache_miss", "nothing was stored"


@pytest.mark.parametrize(
    ("target", "named"),
    [
        (f"{KEY}?fresh=1", "'fresh'"),
        (f"{KEY}/lease?wait=1", "wait_ms"),
        (f"{KEY}/lease?wait_ms=1&wait_ms=2", "twice"),
        (f"{KEY}/lease?wait_ms=-1", "wait_ms"),
        (f"{KEY}/lease?wait_ms=60001", "wait_ms"),
        (f"{KEY}/lease?wait_ms=", "wait_ms"),
    ],
)
async def test_a_query_parameter_that_is_wrong_is_refused_by_its_name(site: Site, target: str, named: str) -> None:
    answer = await site.ask("POST" if "lease" in target else "GET", target)
    assert answer.code == "bad_request"
    assert named in answer.detail


async def test_the_first_who_misses_gets_the_lease_and_stores_under_it(site: Site) -> None:
    granted = await site.ask("POST", f"{KEY}/lease")
    assert (granted.status, granted.body) == (201, b"")
    refused = await site.ask("POST", f"{KEY}/lease")
    assert refused.code == "cache_miss"
    assert "X-Cache-Lease" not in refused.headers
    assert (await put(site, b"loaded", X_Cache_Lease=granted.headers["X-Cache-Lease"])).status == 204
    fetched = await site.ask("POST", f"{KEY}/lease")
    assert (fetched.status, fetched.body, fetched.headers["X-Cache"]) == (200, b"loaded", "hit")
    late = await put(site, b"again", X_Cache_Lease=granted.headers["X-Cache-Lease"])
    assert (late.status, late.code) == (409, "lease_lost")


async def test_a_fill_that_an_invalidation_overtook_is_refused(site: Site) -> None:
    lease = (await site.ask("POST", f"{KEY}/lease")).headers["X-Cache-Lease"]
    await site.ask("POST", "/v1/cache:invalidate", json={"tags": ["user"]})
    assert (await put(site, b"old", X_Cache_Lease=lease, X_Cache_Tags="user")).code == "lease_lost"
    assert (await site.ask("GET", KEY)).code == "cache_miss"


async def test_a_stale_value_comes_at_once_and_one_caller_may_refresh_it() -> None:
    clock = Clock()
    async with running(Config(server=LISTENERS), clock=clock) as site:
        await put(site, b"old", X_Cache_TTL_Ms="1000", X_Cache_Stale_Ms="60000")
        clock.advance(2)
        first, second = [await site.ask("POST", f"{KEY}/lease?wait_ms=5000") for _ in range(2)]
        for answer in (first, second):
            assert (answer.status, answer.body, answer.headers["X-Cache"]) == (200, b"old", "stale")
            assert answer.headers["X-Cache-TTL-Ms"] == "0"
        assert "X-Cache-Lease" in first.headers
        assert "X-Cache-Lease" not in second.headers


async def waiting(site: Site, count: int = 1) -> None:
    """Until so many callers wait for the key's load."""
    while (await site.ask("GET", f"{KEY}/explain")).json["lease"]["waiting"] != count:
        continue


async def test_others_wait_for_the_fill_and_all_get_it(site: Site) -> None:
    lease = (await site.ask("POST", f"{KEY}/lease")).headers["X-Cache-Lease"]
    asked = [asyncio.create_task(site.ask("POST", f"{KEY}/lease?wait_ms=10000")) for _ in range(5)]
    await waiting(site, 5)
    await put(site, b"loaded", X_Cache_Lease=lease)
    assert {(answer.status, answer.body) for answer in await asyncio.gather(*asked)} == {(200, b"loaded")}


async def test_a_lease_of_what_can_be_no_key_is_not_given_back(site: Site) -> None:
    answer = await site.ask("DELETE", f"/v1/cache/default/{'k' * 1_025}/lease/x")
    assert answer.code == "bad_request"


async def test_a_lease_that_is_given_back_goes_to_one_who_waits(site: Site) -> None:
    lease = (await site.ask("POST", f"{KEY}/lease")).headers["X-Cache-Lease"]
    heir = asyncio.create_task(site.ask("POST", f"{KEY}/lease?wait_ms=10000"))
    await waiting(site)
    assert (await site.ask("DELETE", f"{KEY}/lease/{lease}")).status == 204
    assert (await heir).status == 201
    assert (await site.ask("DELETE", f"{KEY}/lease/{lease}")).status == 204, "once more is no mistake"


async def test_a_caller_that_hangs_up_while_it_waits_gives_up_its_place_without_harm(site: Site) -> None:
    lease = (await site.ask("POST", f"{KEY}/lease")).headers["X-Cache-Lease"]
    line = await site.dial()
    await line.say(f"POST {KEY}/lease?wait_ms=60000 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    await waiting(site)
    patient = asyncio.create_task(site.ask("POST", f"{KEY}/lease?wait_ms=10000"))
    await waiting(site, 2)
    line.hang_up()
    await waiting(site)
    await put(site, b"loaded", X_Cache_Lease=lease)
    assert (await patient).body == b"loaded"
    assert site.log.entries == []


async def test_a_wait_that_ends_without_a_value_is_a_miss(site: Site) -> None:
    await site.ask("POST", f"{KEY}/lease")
    assert (await site.ask("POST", f"{KEY}/lease?wait_ms=20")).code == "cache_miss"


async def test_a_wait_past_the_callers_deadline_is_answered_before_it(site: Site) -> None:
    await site.ask("POST", f"{KEY}/lease")
    asked = time.monotonic()
    answer = await site.ask("POST", f"{KEY}/lease?wait_ms=60000", headers={"X-Pannier-Deadline-Ms": "2000"})
    assert time.monotonic() - asked < 2.0
    assert (answer.status, answer.code) == (504, "deadline_exceeded")
    assert answer.json["retryable"] is True


@pytest.mark.parametrize(
    ("deadline", "code"), [("0", "deadline_exceeded"), ("-1", "bad_request"), ("soon", "bad_request")]
)
async def test_a_deadline_that_has_passed_or_is_none_is_said_so(site: Site, deadline: str, code: str) -> None:
    assert (await site.ask("GET", KEY, headers={"X-Pannier-Deadline-Ms": deadline})).code == code


async def test_the_namespaces_wait_is_taken_when_the_caller_names_none() -> None:
    config = Config(server=LISTENERS, namespaces={"default": Namespace(wait_ms=10_000)})
    async with running(config) as site:
        lease = (await site.ask("POST", f"{KEY}/lease")).headers["X-Cache-Lease"]
        heir = asyncio.create_task(site.ask("POST", f"{KEY}/lease"))
        await waiting(site)
        await site.ask("DELETE", f"{KEY}/lease/{lease}")
        assert (await heir).status == 201


async def test_nothing_is_not_stored_where_the_namespace_keeps_no_nothing(site: Site) -> None:
    answer = await put(site, b"", Content_Type="application/vnd.pannier.none")
    assert (answer.status, answer.headers["X-Cache"]) == (204, "not_stored")


async def test_explain_tells_what_killed_an_entry_and_never_the_value(site: Site) -> None:
    await put(site, b"canary-value", X_Cache_Tags="user")
    alive = await site.ask("GET", f"{KEY}/explain")
    assert alive.headers["Content-Type"] == "application/json"
    assert (alive.json["key"], alive.json["state"]) == ("user:1", "fresh")
    await site.ask("POST", "/v1/cache:invalidate", json={"tags": ["user"]})
    await site.ask("GET", KEY)
    dead = await site.ask("GET", f"{KEY}/explain")
    assert dead.json["state"] == "absent"
    assert (dead.json["death"]["kind"], dead.json["death"]["name"]) == ("tag", "user")
    assert b"canary-value" not in alive.body + dead.body


async def test_a_value_over_the_namespaces_limit_is_refused() -> None:
    config = Config(server=LISTENERS, namespaces={"default": Namespace(max_value_bytes=10)})
    async with running(config) as site:
        assert (await put(site, b"x" * 10)).status == 204
        assert (await put(site, b"x" * 11)).code == "too_large"
