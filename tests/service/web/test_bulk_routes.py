"""A batch: every operation with its own outcome. An invalidation: acknowledged when no read sees the old value."""

import base64
from typing import Any

import pytest

from web_lane import Heard, Site, limited, running


async def batch(site: Site, *operations: dict[str, Any], **more: Any) -> Heard:
    return await site.ask("POST", "/v1/cache:batch", json={"operations": list(operations), **more})


async def invalidate(site: Site, **wanted: Any) -> Heard:
    return await site.ask("POST", "/v1/cache:invalidate", json=wanted)


def b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


async def test_operations_are_carried_out_in_order_each_with_its_outcome(site: Site) -> None:
    answer = await batch(
        site,
        {"op": "get", "key": "a"},
        {"op": "set", "key": "a", "value": "grün", "ttl_ms": 60_000, "tags": ["t"]},
        {"op": "get", "key": "a"},
        {"op": "delete", "key": "a"},
        {"op": "delete", "key": "a"},
        {"op": "get", "key": "a"},
    )
    assert answer.status == 200
    outcomes = answer.json["results"]
    assert [result["outcome"] for result in outcomes] == ["miss", "stored", "hit", "deleted", "absent", "miss"]
    hit = outcomes[2]
    assert (hit["value"], hit["content_type"]) == ("grün", "text/plain; charset=utf-8")
    assert hit["age_ms"] == 0
    assert 59_000 < hit["ttl_ms"] <= 60_000


async def test_bytes_travel_in_base64_and_get_and_batch_see_the_same_entries(site: Site) -> None:
    key, value = b"\x00\xff/", b"\xfe\x00"
    stored = await batch(site, {"op": "set", "key_base64": b64(key), "value_base64": b64(value)})
    assert stored.json == {"results": [{"outcome": "stored"}]}
    read = await site.ask("GET", "/v1/cache/default/%00%FF%2F")
    assert (read.body, read.headers["Content-Type"]) == (value, "application/octet-stream")
    hit = (await batch(site, {"op": "get", "key_base64": b64(key)})).json["results"][0]
    assert (hit["value_base64"], hit["etag"]) == (b64(value), read.headers["ETag"].strip('"'))
    assert "value" not in hit


async def test_a_content_type_that_no_header_can_hold_is_not_put_into_one(site: Site) -> None:
    await batch(site, {"op": "set", "key": "a", "value": "x", "content_type": "text/schlüssel"})
    assert (await site.ask("GET", "/v1/cache/default/a")).headers["Content-Type"] == "application/octet-stream"
    split = await batch(site, {"op": "set", "key": "b", "value": "x", "content_type": "a\r\nX-Split: 1"})
    assert split.json["results"][0]["error"]["code"] == "bad_request"


@pytest.mark.parametrize("key", [".", ".."])
async def test_keys_that_no_path_can_hold_go_through_here(site: Site, key: str) -> None:
    await batch(site, {"op": "set", "key_base64": b64(key.encode()), "value": "x"})
    assert (await batch(site, {"op": "get", "key": key})).json["results"][0]["value"] == "x"


async def test_one_that_is_refused_does_not_stop_the_others(site: Site) -> None:
    answer = await batch(
        site,
        {"op": "get", "key": "ü" * 513},
        {"op": "set", "key": "a", "value": "x", "tags": ["ü" * 129]},
        {"op": "set", "key": "b", "value": "x"},
    )
    first, second, third = answer.json["results"]
    assert (first["outcome"], first["error"]["code"]) == ("error", "bad_request")
    assert "1024 bytes" in first["error"]["detail"]
    assert second["error"]["type"] == "urn:pannier:error:bad_request"
    assert third == {"outcome": "stored"}


async def test_the_values_that_one_batch_answers_have_a_bound_together() -> None:
    """A small request could name a large value a thousand times, and each answer is a copy."""
    async with running(limited(max_body_bytes=1_000)) as site:
        site.keep(b"large", b"x" * 400)
        answer = await batch(site, *[{"op": "get", "key": "large"}] * 3, {"op": "get", "key": "absent"})
        *hits, refused, miss = answer.json["results"]
        assert [hit["outcome"] for hit in hits] == ["hit", "hit"]
        assert (refused["outcome"], refused["error"]["code"]) == ("error", "too_large")
        assert "1,000 bytes" in refused["error"]["detail"]
        assert miss == {"outcome": "miss"}
        await batch(site, {"op": "get", "key": ""})
        assert site.metrics.refusals.qsize() == 1, "what is wrong in an operation is an answer"
        assert await site.refusal() == "too_large"


async def test_a_batch_is_of_one_namespace(site: Site) -> None:
    await batch(site, {"op": "set", "key": "a", "value": "x"}, namespace="users")
    assert (await site.ask("GET", "/v1/cache/users/a")).body == b"x"
    assert (await site.ask("GET", "/v1/cache/default/a")).code == "cache_miss"


@pytest.mark.parametrize(
    ("operation", "named"),
    [
        ({"op": "get"}, "exactly one of key and key_base64"),
        ({"op": "get", "key": "a", "key_base64": "YQ=="}, "exactly one of key and key_base64"),
        ({"op": "get", "key": ""}, "key"),
        ({"op": "get", "key_base64": "?"}, "key_base64"),
        ({"op": "get", "key": "a", "ttl_ms": 1}, "ttl_ms"),
        ({"op": "set", "key": "a"}, "exactly one of value and value_base64"),
        ({"op": "set", "key": "a", "value": "x", "ttl": 1}, "ttl"),
        ({"op": "set", "key": "a", "value": "x", "ttl_ms": 0}, "ttl_ms"),
        ({"op": "set", "key": "a", "value": "x", "ttl_ms": "1"}, "ttl_ms"),
        ({"op": "set", "key": "a", "value": 1}, "value"),
        ({"op": "set", "key": "a", "value": "x", "tags": [""]}, "tags"),
        ({"op": "incr", "key": "a"}, "op"),
        ({"key": "a"}, "op"),
    ],
)
async def test_a_batch_that_is_not_understood_is_refused_whole_and_says_where(
    site: Site, operation: dict[str, Any], named: str
) -> None:
    answer = await batch(site, {"op": "set", "key": "first", "value": "x"}, operation)
    assert answer.code == "bad_request"
    assert named in answer.detail
    assert "operations[1]" in answer.detail
    assert (await site.ask("GET", "/v1/cache/default/first")).code == "cache_miss"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"x"', b"\xff", b'{"operations": [{"op": "get", "key": "\\ud800"}]}']
)
@pytest.mark.parametrize("path", ["/v1/cache:batch", "/v1/cache:invalidate"])
async def test_what_is_no_json_of_ours_is_refused(site: Site, path: str, body: bytes) -> None:
    answer = await site.ask("POST", path, data=body, headers={"Content-Type": "application/json"})
    assert answer.code == "bad_request"


async def test_a_batch_has_a_limit() -> None:
    async with running(limited(max_batch_operations=2)) as site:
        get = {"op": "get", "key": "a"}
        assert (await batch(site, get, get)).status == 200
        assert (await batch(site, get, get, get)).code == "bad_request"


@pytest.mark.parametrize(
    ("wanted", "killed"),
    [
        ({"keys": ["user:1"]}, {"user:1"}),
        ({"tags": ["eu"]}, {"user:2", "order:1"}),
        ({"patterns": ["user:*"]}, {"user:1", "user:2"}),
        ({"patterns": ["users:*"]}, set()),
        ({"all": True}, {"user:1", "user:2", "order:1"}),
        ({"all": True, "namespace": "elsewhere"}, set()),
        ({"tags": ["eu"], "namespace": "elsewhere"}, {"user:2", "order:1"}),
    ],
)
async def test_what_is_invalidated_is_gone_when_that_is_acknowledged(
    site: Site, wanted: dict[str, Any], killed: set[str]
) -> None:
    keys = {"user:1": [], "user:2": ["eu"], "order:1": ["eu"]}
    await batch(site, *({"op": "set", "key": key, "value": "x", "tags": tags} for key, tags in keys.items()))
    answer = await invalidate(site, **wanted)
    assert (answer.status, answer.json) == (200, {"acknowledged": True, "scope": "local"})
    results = (await batch(site, *({"op": "get", "key": key} for key in keys))).json["results"]
    assert {key for key, result in zip(keys, results, strict=True) if result["outcome"] == "miss"} == killed


@pytest.mark.parametrize(("soft", "status"), [(True, 200), (False, 201)])
async def test_a_soft_invalidation_leaves_a_stale_value_and_a_hard_one_nothing(
    site: Site, *, soft: bool, status: int
) -> None:
    await batch(site, {"op": "set", "key": "a", "value": "x", "tags": ["t"]})
    await invalidate(site, tags=["t"], soft=soft)
    assert (await site.ask("GET", "/v1/cache/default/a")).code == "cache_miss"
    assert (await site.ask("POST", "/v1/cache/default/a/lease")).status == status


@pytest.mark.parametrize(
    ("wanted", "named"),
    [
        ({}, "at least one of keys, tags, patterns, all"),
        ({"keys": [], "all": False}, "at least one"),
        ({"key": "a"}, "key"),
        ({"keys": "a"}, "keys"),
        ({"keys": [""]}, "keys"),
        ({"keys": ["ü" * 513]}, "1024"),
        ({"patterns": [""]}, "patterns"),
        ({"tags": ["x" * 257]}, "tags"),
        ({"all": 1}, "all"),
        ({"all": True, "namespace": "a/b"}, "namespace"),
    ],
)
async def test_an_invalidation_that_is_not_understood_invalidates_nothing(
    site: Site, wanted: dict[str, Any], named: str
) -> None:
    await batch(site, {"op": "set", "key": "a", "value": "x"})
    answer = await invalidate(site, **wanted)
    assert answer.code == "bad_request"
    assert named in answer.detail
    assert (await site.ask("GET", "/v1/cache/default/a")).status == 200
