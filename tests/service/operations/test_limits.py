from typing import Any

import pytest

from fakes import write
from pannierd.config.names import MAX_CONTENT_TYPE, MAX_KEY_BYTES, MAX_TAG_BYTES, MAX_TAGS
from pannierd.errors import BadRequest, TooLarge
from pannierd.operations.limits import check_key, check_namespace, check_pattern, check_tags, check_write


@pytest.mark.parametrize("key", [b"a", b"\x00", b"\xff" * MAX_KEY_BYTES, b"*", b"a b\r\n"], ids=lambda key: key[:4])
def test_a_key_is_any_bytes_within_its_length(key: bytes) -> None:
    check_key(key)


@pytest.mark.parametrize("key", [b"", b"a" * (MAX_KEY_BYTES + 1)], ids=len)
def test_a_key_out_of_bounds_is_refused(key: bytes) -> None:
    with pytest.raises(BadRequest, match="1 to 1024 bytes"):
        check_key(key)


@pytest.mark.parametrize("name", ["default", "a", "A-z_0.9:x", "n" * 64])
def test_a_well_formed_namespace_passes(name: str) -> None:
    check_namespace(name)


@pytest.mark.parametrize("name", ["", "n" * 65, "a/b", "a b", "é", "a\n", "a*", "{a}", "a|b"])
def test_a_malformed_namespace_is_refused(name: str) -> None:
    with pytest.raises(BadRequest):
        check_namespace(name)


def test_tags_are_bounded_in_bytes_not_in_characters() -> None:
    check_tags(["é" * (MAX_TAG_BYTES // 2), "\udcff" * MAX_TAG_BYTES])
    for tag in ("", "é" * (MAX_TAG_BYTES // 2 + 1)):
        with pytest.raises(BadRequest):
            check_tags(["fine", tag])


def test_a_pattern_keeps_its_bytes() -> None:
    assert check_pattern(b"\xffa*").encode("utf-8", "surrogateescape") == b"\xffa*"
    for pattern in (b"", b"*" * (MAX_KEY_BYTES + 1)):
        with pytest.raises(BadRequest):
            check_pattern(pattern)


def test_a_write_within_all_bounds_passes() -> None:
    tags = tuple(f"tag-{number}" for number in range(MAX_TAGS))
    check_write(write(bytes(10), ttl_ms=1, stale_ms=0, tags=tags, content_type="x" * MAX_CONTENT_TYPE), 10)


@pytest.mark.parametrize(
    "how",
    [
        {"ttl_ms": 0},
        {"ttl_ms": -1},
        {"stale_ms": -1},
        {"tags": ("t",) * (MAX_TAGS + 1)},
        {"tags": ("",)},
        {"content_type": "x" * (MAX_CONTENT_TYPE + 1)},
        {"content_type": "text/plain\r\nX-Injected: 1"},
        {"content_type": "\udcff"},
    ],
    ids=str,
)
def test_a_write_out_of_bounds_is_refused(how: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        check_write(write(**how), 10)


def test_a_value_over_its_size_is_refused_and_not_truncated() -> None:
    with pytest.raises(TooLarge, match="11 bytes"):
        check_write(write(bytes(11)), 10)
