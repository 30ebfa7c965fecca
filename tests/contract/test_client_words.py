"""Client and sidecar share no code, so what both must know alike is compared here."""

from __future__ import annotations

import pytest

import pannier
import pannierd
from pannier import errors as client_errors
from pannier._wire import MAX_KEY_BYTES, MAX_TAG_BYTES, MAX_TAGS
from pannierd import errors as service_errors
from pannierd.config import names

OWN = {client_errors.Misconfigured, client_errors.NotCacheable}


def test_both_have_one_table_of_codes_and_mean_the_same_by_each() -> None:
    ours = {kind.code: kind.retryable for kind in client_errors.PannierError.__subclasses__() if kind not in OWN}
    assert ours == {code: kind.retryable for code, kind in service_errors.codes().items()}


@pytest.mark.parametrize("code", service_errors.codes())
def test_every_error_of_the_lane_is_raised_as_its_class(code: str) -> None:
    error = client_errors.from_reply(f"{code.upper()} what happened")
    assert (error.code, error.detail) == (code, "what happened")


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ("NOAUTH Authentication required.", client_errors.Unauthenticated),
        ("WRONGPASS invalid username-password pair", client_errors.Unauthenticated),
        ("NOPERM no permission", client_errors.Forbidden),
        ("ERR unknown command", client_errors.BadRequest),
        ("EXECABORT aborted", client_errors.InternalError),
    ],
)
def test_the_words_of_redis_have_classes_too(reply: str, kind: type[Exception]) -> None:
    assert type(client_errors.from_reply(reply)) is kind


def test_the_limits_are_the_same() -> None:
    assert (MAX_KEY_BYTES, MAX_TAG_BYTES, MAX_TAGS) == (names.MAX_KEY_BYTES, names.MAX_TAG_BYTES, names.MAX_TAGS)


def test_both_have_one_version() -> None:
    assert pannier.__version__ == pannierd.__version__
