"""Every error a caller can meet, as one tree; each class has a stable code and says whether a retry can help.

PannierError                 code                 retry helps
├── BadRequest               bad_request          no
├── Unauthenticated          unauthenticated      no
├── Forbidden                forbidden            no
├── NotFound                 not_found            no
├── CacheMiss                cache_miss           no
├── Conflict                 conflict             no
├── LeaseLost                lease_lost           no
├── PreconditionFailed       precondition_failed  no
├── TooLarge                 too_large            no
├── HostRefused              host_refused         no
├── Unprocessable            unprocessable        no
├── QuotaExceeded            quota_exceeded       yes
├── InternalError            internal             no
├── Unavailable              unavailable          yes
├── Overloaded               overloaded           yes
├── DeadlineExceeded         deadline_exceeded    yes
├── Misconfigured            misconfigured        no    raised by this library alone, also a ValueError
└── NotCacheable             not_cacheable        no    raised by this library alone, also a TypeError

The codes are those of the sidecar, in both of its lanes; nobody matches on text.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "BadRequest",
    "CacheMiss",
    "Conflict",
    "DeadlineExceeded",
    "Forbidden",
    "HostRefused",
    "InternalError",
    "LeaseLost",
    "Misconfigured",
    "NotCacheable",
    "NotFound",
    "Overloaded",
    "PannierError",
    "PreconditionFailed",
    "QuotaExceeded",
    "TooLarge",
    "Unauthenticated",
    "Unavailable",
    "Unprocessable",
]


class PannierError(Exception):
    """The root. `detail` is for people and may change; `code` is for programs and does not."""

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class BadRequest(PannierError):
    """The sidecar, or this library in its place, cannot understand the call: a bad key, an unknown option."""

    code = "bad_request"


class Unauthenticated(PannierError):
    """No token where one is needed, or a token that nobody has."""

    code = "unauthenticated"


class Forbidden(PannierError):
    """A known caller without the role that this call needs."""

    code = "forbidden"


class NotFound(PannierError):
    """No such thing."""

    code = "not_found"


class CacheMiss(PannierError):
    """The key has no live value."""

    code = "cache_miss"


class Conflict(PannierError):
    """The state of the thing forbids the call."""

    code = "conflict"


class LeaseLost(PannierError):
    """The fill came too late: an invalidation, another write or the lease's end was first."""

    code = "lease_lost"


class PreconditionFailed(PannierError):
    """The value is not the one that the caller expected. Nothing was stored."""

    code = "precondition_failed"


class TooLarge(PannierError):
    """A value over the namespace's limit. Nothing was stored."""

    code = "too_large"


class HostRefused(PannierError):
    """The listener does not answer to this name."""

    code = "host_refused"


class Unprocessable(PannierError):
    """Well formed, and still without a meaning for the sidecar."""

    code = "unprocessable"


class QuotaExceeded(PannierError):
    """The tenant spent its rate."""

    code = "quota_exceeded"
    retryable = True


class InternalError(PannierError):
    """A fault of the sidecar, or an answer that this library does not understand."""

    code = "internal"


class Unavailable(PannierError):
    """The sidecar is away, is going away, or cannot reach what it needs."""

    code = "unavailable"
    retryable = True


class Disconnected(Unavailable):
    """The connection broke before the answer came. Inside this library: what is asked once more over a new one."""


class Overloaded(PannierError):
    """Too much is in flight."""

    code = "overloaded"
    retryable = True


class DeadlineExceeded(PannierError):
    """No answer within the client's timeout."""

    code = "deadline_exceeded"
    retryable = True


class Misconfigured(PannierError, ValueError):
    """An address, a token file or an option that cannot be right, found before anything is sent."""

    code = "misconfigured"


class NotCacheable(PannierError, TypeError):
    """A type or a value that would not come back from the cache as it went in."""

    code = "not_cacheable"


# What plain Redis commands and the authentication answer, in Redis' own words.
_REDIS_WORDS: dict[str, type[PannierError]] = {
    "NOAUTH": Unauthenticated,
    "WRONGPASS": Unauthenticated,
    "NOPERM": Forbidden,
    "OOM": TooLarge,
    "ERR": BadRequest,
}
# Where Redis' words speak of HELLO and of users, people are told what to do instead.
_ADVICE = {
    "NOAUTH": "the sidecar wants a token: set PANNIER_TOKEN_FILE, or give token=",
    "WRONGPASS": "the sidecar knows nobody with this token: look at PANNIER_TOKEN_FILE, or at token=",
}
_BY_WORD = {error.code.upper(): error for error in PannierError.__subclasses__()} | _REDIS_WORDS


def is_outage(error: PannierError) -> bool:
    """The sidecar cannot answer now, or is at fault itself: nothing that the caller did."""
    return error.retryable or isinstance(error, InternalError)


def from_reply(text: str) -> PannierError:
    """The error that an answer of the lane (`CODE detail`) stands for."""
    word, _, detail = text.partition(" ")
    kind = _BY_WORD.get(word)
    return kind(_ADVICE.get(word) or detail or word) if kind else InternalError(text)
