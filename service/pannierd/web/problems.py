"""Problems: every error as RFC 9457 `application/problem+json`, with the code that both lanes share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from pannierd.errors import Unauthenticated
from pannierd.web.router import MethodRefused
from pannierd.web.wire import Reply

if TYPE_CHECKING:
    from pannierd.errors import PannierdError

__all__ = ["Problem", "problem_of", "problem_reply"]


class Problem(Struct, frozen=True, omit_defaults=True):
    """What went wrong.

    Attributes:
        type: `urn:pannier:error:<code>`.
        title: of the code, always the same.
        status: HTTP's.
        detail: for people: what was wrong with this request, and what to do.
        code: for programs.
        retryable: whether the same call may succeed later.
        retry_after_ms: when, where that is known.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    retryable: bool
    retry_after_ms: int | None = None


def problem_of(error: PannierdError) -> Problem:
    """An error as a struct."""
    return Problem(
        f"urn:pannier:error:{error.code}",
        error.title,
        error.status,
        error.detail,
        error.code,
        error.retryable,
        error.retry_after_ms,
    )


def problem_reply(error: PannierdError) -> Reply:
    """An error as a response."""
    fields = "Content-Type: application/problem+json\r\n"
    if error.status in {429, 503}:
        fields += f"Retry-After: {max(1, math.ceil((error.retry_after_ms or 0) / 1000))}\r\n"
    if isinstance(error, Unauthenticated):
        fields += 'WWW-Authenticate: Bearer realm="pannier"\r\n'
    if isinstance(error, MethodRefused):
        fields += f"Allow: {error.allow}\r\n"
    return Reply(error.status, fields, msgspec.json.encode(problem_of(error)))
