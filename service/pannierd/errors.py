"""Every error a caller can meet, as one tree; each class has a stable code and says whether a retry can help.

PannierdError                 code                 status  retry helps
├── BadRequest                bad_request          400     no
├── Unauthenticated           unauthenticated      401     no
├── Forbidden                 forbidden            403     no
├── NotFound                  not_found            404     no
├── CacheMiss                 cache_miss           404     no
├── Conflict                  conflict             409     no
├── LeaseLost                 lease_lost           409     no
├── PreconditionFailed        precondition_failed  412     no
├── TooLarge                  too_large            413     no
├── HostRefused               host_refused         421     no
├── Unprocessable             unprocessable        422     no
├── QuotaExceeded             quota_exceeded       429     yes
├── InternalError             internal             500     no
├── Unavailable               unavailable          503     yes
├── Overloaded                overloaded           503     yes
└── DeadlineExceeded          deadline_exceeded    504     yes

Both lanes and the client's exceptions use the same codes; nobody matches on text.
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
    "NotFound",
    "Overloaded",
    "PannierdError",
    "PreconditionFailed",
    "QuotaExceeded",
    "TooLarge",
    "Unauthenticated",
    "Unavailable",
    "Unprocessable",
    "codes",
]


class PannierdError(Exception):
    """The root. `detail` is for people and may change; `code` is for programs and does not.

    One that `turns_away` refuses a call whatever it was about, and is counted so; what is missing or wrong in a call is
    an answer to it.
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"
    retryable: ClassVar[bool] = False
    turns_away: ClassVar[bool] = False

    def __init__(self, detail: str, *, retry_after_ms: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after_ms = retry_after_ms


class BadRequest(PannierdError):
    """The request cannot be understood: a missing field, an unknown option, a value out of range."""

    code = "bad_request"
    status = 400
    title = "Bad request"


class Unauthenticated(PannierdError):
    """No token, or a token that nobody has."""

    code = "unauthenticated"
    status = 401
    title = "Unauthenticated"
    turns_away = True


class Forbidden(PannierdError):
    """A known caller without the role that this call needs."""

    code = "forbidden"
    status = 403
    title = "Forbidden"
    turns_away = True


class NotFound(PannierdError):
    """No such route or thing."""

    code = "not_found"
    status = 404
    title = "Not found"


class CacheMiss(PannierdError):
    """The key has no live value. A normal answer, not a fault."""

    code = "cache_miss"
    status = 404
    title = "Cache miss"


class Conflict(PannierdError):
    """The state of the thing forbids the call."""

    code = "conflict"
    status = 409
    title = "Conflict"


class LeaseLost(PannierdError):
    """The fill came too late: an invalidation, another write or the lease's end was first. Nothing was stored."""

    code = "lease_lost"
    status = 409
    title = "Lease lost"


class PreconditionFailed(PannierdError):
    """If-Match or If-None-Match does not hold. Nothing was stored."""

    code = "precondition_failed"
    status = 412
    title = "Precondition failed"


class TooLarge(PannierdError):
    """A body, value or header over its limit."""

    code = "too_large"
    status = 413
    title = "Too large"
    turns_away = True


class HostRefused(PannierdError):
    """The Host or Origin header is not one that this listener answers to."""

    code = "host_refused"
    status = 421
    title = "Host refused"
    turns_away = True


class Unprocessable(PannierdError):
    """Well formed, and still without a meaning here."""

    code = "unprocessable"
    status = 422
    title = "Unprocessable"


class QuotaExceeded(PannierdError):
    """The tenant spent its rate; `retry_after_ms` says when there is more."""

    code = "quota_exceeded"
    status = 429
    title = "Quota exceeded"
    retryable = True
    turns_away = True


class InternalError(PannierdError):
    """A fault of ours. The log has it under the request's id."""

    code = "internal"
    status = 500
    title = "Internal error"


class Unavailable(PannierdError):
    """Something behind the sidecar, or the sidecar itself (draining), cannot answer now."""

    code = "unavailable"
    status = 503
    title = "Unavailable"
    retryable = True
    turns_away = True


class Overloaded(PannierdError):
    """There is no room for one more now; `retry_after_ms` says when to come again."""

    code = "overloaded"
    status = 503
    title = "Overloaded"
    retryable = True
    turns_away = True


class DeadlineExceeded(PannierdError):
    """The caller's deadline passed before there was an answer."""

    code = "deadline_exceeded"
    status = 504
    title = "Deadline exceeded"
    retryable = True
    turns_away = True


def codes() -> dict[str, type[PannierdError]]:
    """Every code and its class: the table from which documentation and lanes are derived."""
    return {error.code: error for error in PannierdError.__subclasses__()}
