"""What callers are answered in JSON, as structs, and what the response headers mean."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import UNSET, Meta, Struct, UnsetType

from pannierd.web.problems import Problem  # noqa: TC001 - the struct below needs it at run time

__all__ = ["RESPONSE_HEADERS", "BatchResults", "Drain", "Invalidated", "OperationResult", "Reload"]

OUTCOMES: Final = ["hit", "miss", "stored", "not_stored", "deleted", "absent", "error"]
SCOPES: Final = ["local", "cluster"]

RESPONSE_HEADERS: Final = {
    "Age": "whole seconds since the value was stored",
    "Allow": "the methods that the path answers to",
    "ETag": "strong, in quotes; equal on every sidecar for equal bytes and content type",
    "Retry-After": "seconds after which the call may succeed",
    "WWW-Authenticate": "how to say who calls",
    "X-Cache": "hit or stale for a read; stored or not_stored for a write",
    "X-Cache-Lease": "held by this caller, who is to load the value and store it under this lease, or to give it back",
    "X-Cache-TTL-Ms": "milliseconds that the value is still fresh",
    "X-Cache-Tier": "which tier had the value",
    "X-Request-Id": "the caller's own, or one that was made for this request",
}


class OperationResult(Struct, frozen=True, omit_defaults=True):
    """The outcome of one operation of a batch."""

    outcome: Annotated[str, Meta(extra_json_schema={"enum": OUTCOMES})]
    value: Annotated[str, Meta(description="of a hit, when it is text in UTF-8")] | UnsetType = UNSET
    value_base64: Annotated[bytes, Meta(description="of a hit, when it is not")] | UnsetType = UNSET
    content_type: str | UnsetType = UNSET
    etag: str | UnsetType = UNSET
    age_ms: int | UnsetType = UNSET
    ttl_ms: int | UnsetType = UNSET
    error: Annotated[Problem, Meta(description="why this operation, and no other, was refused")] | UnsetType = UNSET


class BatchResults(Struct, frozen=True):
    """One result for each operation, in their order."""

    results: list[OperationResult]


class Invalidated(Struct, frozen=True):
    """No read through this sidecar can see the old values any more."""

    acknowledged: bool
    scope: Annotated[str, Meta(description="who knows of it already", extra_json_schema={"enum": SCOPES})]


class Drain(Struct, frozen=True):
    """The daemon is about to end."""

    draining: bool


class Reload(Struct, frozen=True):
    """Whether everything that changed was taken over; if not, the former stays in force and the log says why."""

    reloaded: bool
