"""A key is bytes: percent-decoded once from the raw path, and nothing on the way rewrites it."""

from urllib.parse import quote_from_bytes

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pannierd.errors import BadRequest
from pannierd.web.target import Target, decode_key, decode_name
from web_lane import Site


@given(st.binary(min_size=1, max_size=1_024))
@example(b"\xff")
@example(b"%FF")
@example(b"a/b?c#d%")
@example("schlüssel".encode())
def test_any_key_comes_out_of_its_escaped_form(key: bytes) -> None:
    if key not in {b".", b".."}:
        assert decode_key(quote_from_bytes(key, safe="")) == key


@pytest.mark.parametrize("segment", ["%", "a%", "a%2", "a%G0", "%%41"])
def test_a_broken_escape_is_refused_and_not_guessed(segment: str) -> None:
    with pytest.raises(BadRequest, match="%25"):
        decode_key(segment)


@pytest.mark.parametrize("segment", [".", "..", "%2e", "%2E.", ".%2e"])
def test_segments_that_url_libraries_rewrite_are_refused_however_they_are_written(segment: str) -> None:
    with pytest.raises(BadRequest, match="cache:batch"):
        decode_key(segment)


def test_a_name_with_bytes_that_are_no_text_is_no_other_name() -> None:
    assert decode_name("us%65rs") == "users"
    assert decode_name("users%FF") == "users\ufffd"


@pytest.mark.parametrize(
    ("raw", "target"),
    [
        ("/a/b?c=1?2", Target(None, "/a/b", "c=1?2")),
        ("http://localhost:80/a?b", Target("localhost:80", "/a", "b")),
        ("HTTPS://localhost", Target("localhost", "/", "")),
        ("http://user@evil/", Target("user@evil", "/", "")),
        ("//evil/a", Target(None, "//evil/a", "")),
    ],
)
def test_a_target_is_taken_apart(raw: str, target: Target) -> None:
    assert Target.of(raw) == target


@pytest.mark.parametrize("raw", ["", "*", "localhost:80", "ftp://localhost/", "/a#b", "/a?b#c"])
def test_other_targets_are_refused(raw: str) -> None:
    with pytest.raises(BadRequest):
        Target.of(raw)


async def test_an_escaped_percent_makes_another_key(site: Site) -> None:
    for segment, body in [("%FF", b"one byte"), ("%25FF", b"three characters"), ("%2525FF", b"five")]:
        assert (await site.ask("PUT", f"/v1/cache/default/{segment}", data=body)).status == 204
    space = site.engine.tenants["default"].space("default")
    assert set(space.entries) == {b"\xff", b"%FF", b"%25FF"}
    assert (await site.ask("GET", "/v1/cache/default/%ff")).body == b"one byte"
    assert (await site.ask("GET", "/v1/cache/default/%25FF")).body == b"three characters"


@pytest.mark.parametrize(
    "segment", ["a%2Fb", "a%2flease", "..%2F..", "%2e%2e%2fetc", "a%3Fb", "a%23b", "+", "a+b", "%20"]
)
async def test_what_means_something_in_a_url_is_data_in_a_key(site: Site, segment: str) -> None:
    assert (await site.ask("PUT", f"/v1/cache/default/{segment}", data=b"x")).status == 204
    assert set(site.engine.tenants["default"].space("default").entries) == {decode_key(segment)}


@pytest.mark.parametrize("words", ["lease", "explain", "cache:batch", "admin"])
async def test_no_word_of_ours_is_taken_from_the_keys(site: Site, words: str) -> None:
    assert (await site.ask("PUT", f"/v1/cache/{words}/{words}", data=b"x")).status == 204
    assert (await site.ask("GET", f"/v1/cache/{words}/{words}")).body == b"x"
    assert (await site.ask("GET", f"/v1/cache/{words}/{words}/explain")).json["key"] == words


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("/", "not_found"),
        ("/v1/cache/default", "not_found"),
        ("/v1/cache/default/a/b", "not_found"),
        ("/v1/cache/default/a/", "not_found"),
        ("//v1/cache/default/a", "not_found"),
        ("/v1/cache/default/", "bad_request"),
        ("/v1/cache//a", "bad_request"),
        ("/v1/cache/de%2Ffault/a", "bad_request"),
        ("/v1/cache/default%FF/a", "bad_request"),
        ("/v1/cache/" + "n" * 65 + "/a", "bad_request"),
        ("/v1/cache/default/" + "k" * 1_025, "bad_request"),
        ("/v1/cache/default/%", "bad_request"),
    ],
)
async def test_a_path_that_is_no_key_is_said_to_be_none(site: Site, target: str, code: str) -> None:
    assert (await site.ask("GET", target)).code == code


async def test_a_key_may_have_1024_bytes_however_long_it_is_when_escaped(site: Site) -> None:
    target = "/v1/cache/default/" + "%C3%BC" * 512
    assert (await site.ask("PUT", target, data=b"x")).status == 204
    assert (await site.ask("GET", target)).body == b"x"


async def test_a_colon_may_be_escaped(site: Site) -> None:
    assert (await site.ask("POST", "/v1/cache%3Abatch", json={"operations": []})).json == {"results": []}


@pytest.mark.parametrize(
    ("method", "target", "allow"),
    [
        ("POST", "/v1/cache/default/a", "DELETE, GET, HEAD, PUT"),
        ("OPTIONS", "/v1/cache/default/a", "DELETE, GET, HEAD, PUT"),
        ("PATCH", "/v1/cache/default/a", "DELETE, GET, HEAD, PUT"),
        ("GET", "/v1/cache/default/a/lease", "POST"),
        ("GET", "/v1/cache:batch", "POST"),
        ("POST", "/v1/status", "GET"),
    ],
)
async def test_a_method_that_a_path_does_not_know_is_told_those_it_does(
    site: Site, method: str, target: str, allow: str
) -> None:
    answer = await site.ask(method, target)
    assert (answer.status, answer.code, answer.headers["Allow"]) == (405, "bad_request", allow)
