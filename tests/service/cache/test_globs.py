"""Patterns mean what they mean in Redis: a real server says so for odd ones, a plain reference for random ones."""

import subprocess
import time
from collections.abc import Iterator

import pytest
import redis
from hypothesis import example, given
from hypothesis import strategies as st

from pannierd.cache.globs import matcher

ODD_PATTERNS = [
    *rb"* ** a *a a* *a* a*b *a*b* a?c ? ?? ?* *? ***a*** a**b *aab *ab*ab a*b*c*d \* \? \a a\ \\ \\* *\ ".split(),
    *rb"[abc] [^abc] [a-c] [c-a] [^c-a] [a- [a-] [-a] [a] [] [^] []a] [^]a] [ [^ [a [^a [\]] [\-a] [a\-c] [\ ".split(),
    *rb"[*] [?] [[] a[bc]d* *[^0-9] [0-9][0-9] user:* user:?:* {a}* *{b} a[ *[ [[a] [a]] ^a $ . .* a|b (a) + ".split(),
    *(b"\xff", b"a\nb", b"*\n", b"\x00*", b"[\x80-\xff]", b"[^\x80-\xff]", b"a b", b"[a\\"),
]
ODD_KEYS = [
    *rb"a b ab abc aab abab ababab acb a* * ? \ \a a\ [ ] [] [a [a] a] ]a - ^ ^a a-c a[ {a}b a{b} aabaab ".split(),
    *rb"user:1 user:12 user:1:name users:1 User:1 12 1a a1 . .. | + $ (a) a|b abcd aXbXcXd adcb abcabcd bdx ".split(),
    *(b"\xff", b"\xffa", b"\n", b"a\nb", b"\x00", b"\x00a", b" ", b"a b"),
]
SPECIAL = st.sampled_from([b"*", b"?", b"[", b"]", b"^", b"-", b"\\", b"a", b"b", b"c"])
PATTERNS = st.lists(SPECIAL, min_size=1, max_size=12).map(b"".join)
KEYS = st.lists(st.sampled_from([b"a", b"b", b"c", b"*", b"\\", b"]", b"-"]), min_size=1, max_size=12).map(b"".join)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis.Redis]:
    """A Redis that holds the odd keys."""
    folder = tmp_path_factory.mktemp("redis")
    socket = folder / "socket"
    command = ["redis-server", "--port", "0", "--unixsocket", str(socket), "--dir", str(folder), "--save", ""]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert any(b"eady to accept connections" in line for line in process.stdout), "redis-server did not start"
            with redis.Redis(unix_socket_path=str(socket)) as client:
                client.mset(dict.fromkeys(ODD_KEYS, b""))
                yield client
        finally:
            process.terminate()


@pytest.mark.parametrize("pattern", ODD_PATTERNS, ids=ascii)
def test_a_pattern_matches_what_redis_matches(pattern: bytes, server: redis.Redis) -> None:
    matches = matcher(pattern)
    assert {key for key in ODD_KEYS if matches(key)} == set(server.keys(pattern))


@given(PATTERNS, KEYS)
@example(b"*a?*b", b"aab")
def test_random_patterns_match_what_the_reference_matches(pattern: bytes, key: bytes) -> None:
    assert matcher(pattern)(key) == reference(pattern, key)


@given(st.binary(min_size=1, max_size=40))
def test_an_escaped_key_matches_itself_alone(key: bytes) -> None:
    escaped = b"".join(b"\\" + bytes([byte]) for byte in key)
    matches = matcher(escaped)
    assert matches(key)
    assert not matches(key + b"x")
    assert not matches(b"x" + key)


@pytest.mark.parametrize(
    ("pattern", "key"),
    [
        (b"*a" * 512, b"a" * 1023 + b"b"),
        (b"*" + b"a" * 511 + b"b*", b"a" * 1024),
        (b"*" + b"[ab]" * 250 + b"c*", b"a" * 1024),
        (b"*" + b"?" * 511 + b"b*", b"a" * 1024),
        (b"*a?*b[^c]*" * 100, b"ab" * 512),
        (b"[^]" * 341, b"a" * 341),
        (b"[\x01-\xff]" * 200, b"b" * 200),
        (b"[^a-z]*" * 146, b"A" * 1024),
    ],
    ids=range(8),
)
def test_no_pattern_is_slow(pattern: bytes, key: bytes) -> None:
    """The hardest of 1,024 bytes are compiled and matched in a few milliseconds; a blow-up would take ages."""
    began = time.process_time()
    matcher.__wrapped__(pattern)(key)
    assert time.process_time() - began < 0.1


def reference(pattern: bytes, key: bytes) -> bool:
    """Redis' stringmatchlen, without its short cuts."""
    if not pattern or not key:
        return not key and not pattern.strip(b"*")
    if pattern[:1] == b"*":
        return any(reference(pattern[1:], key[at:]) for at in range(len(key) + 1))
    if pattern[:1] == b"?":
        return reference(pattern[1:], key[1:])
    if pattern[:1] == b"[":
        rest, found = reference_set(pattern[1:], key[0])
        return found and reference(rest, key[1:])
    if pattern[:1] == b"\\" and len(pattern) > 1:
        pattern = pattern[1:]
    return pattern[0] == key[0] and reference(pattern[1:], key[1:])


def reference_set(pattern: bytes, byte: int) -> tuple[bytes, bool]:
    """What follows the set, and whether the byte is in it."""
    negated = pattern[:1] == b"^"
    pattern, found = pattern[negated:], False
    while pattern and pattern[:1] != b"]":
        if pattern[:1] == b"\\" and len(pattern) > 1:
            found |= pattern[1] == byte
            pattern = pattern[2:]
        elif pattern[1:2] == b"-" and len(pattern) > 2:
            found |= min(pattern[0], pattern[2]) <= byte <= max(pattern[0], pattern[2])
            pattern = pattern[3:]
        else:
            found |= pattern[0] == byte
            pattern = pattern[1:]
    return pattern[1:], found is not negated
