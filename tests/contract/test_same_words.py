"""What client and sidecar each write down for themselves is the same: neither may import the other."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

import pannier
from pannier import _wire, errors
from pannier.testing import memory
from pannier.testing.globs import glob
from pannierd import __version__
from pannierd.cache import outcomes
from pannierd.cache.globs import matcher
from pannierd.config import Config, Namespace, names
from pannierd.errors import codes

OF_THE_CLIENT_ALONE = {"misconfigured", "not_cacheable"}


def clients_errors() -> dict[str, type[errors.PannierError]]:
    return {kind.code: kind for kind in errors.PannierError.__subclasses__()}


def test_every_error_has_the_same_code_on_both_sides() -> None:
    assert clients_errors().keys() - OF_THE_CLIENT_ALONE == codes().keys()


def test_both_sides_agree_on_which_errors_a_retry_can_heal() -> None:
    ours = clients_errors()
    assert {code: ours[code].retryable for code in codes()} == {code: kind.retryable for code, kind in codes().items()}


def test_an_error_of_the_lane_is_the_clients_error_of_that_code() -> None:
    for code in codes():
        assert type(errors.from_reply(f"{code.upper()} why")).code == code


def test_the_limits_are_the_same() -> None:
    assert (_wire.MAX_KEY_BYTES, _wire.MAX_TAG_BYTES, _wire.MAX_TAGS) == (
        names.MAX_KEY_BYTES,
        names.MAX_TAG_BYTES,
        names.MAX_TAGS,
    )


def test_the_media_type_of_nothing_is_the_same() -> None:
    assert _wire.NOTHING.decode() == outcomes.NONE_TYPE


def test_the_fake_lives_by_the_defaults_of_the_sidecar() -> None:
    policy = Namespace()
    assert (
        policy.ttl_ms,
        policy.stale_ms,
        policy.negative_ttl_ms,
        policy.max_value_bytes,
    ) == (memory._TTL_MS, memory._STALE_MS, memory._NEGATIVE_TTL_MS, memory.MAX_VALUE_BYTES)
    assert Config().cache.lease_max_ms == memory._LEASE_MAX_SECONDS * 1_000


def test_the_versions_are_the_same() -> None:
    assert pannier.__version__ == __version__


@given(
    pattern=st.text("ab-^*?[]\\", min_size=1, max_size=8).map(str.encode),
    key=st.text("ab-^]\\", min_size=1, max_size=4).map(str.encode),
)
@example(pattern=b"user:*", key=b"user:7")
@example(pattern=b"[b-a]", key=b"a")
def test_the_fake_reads_globs_as_the_sidecar_does(pattern: bytes, key: bytes) -> None:
    assert bool(glob(pattern).fullmatch(key)) == bool(matcher(pattern)(key))
