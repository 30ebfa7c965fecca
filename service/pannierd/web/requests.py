"""What callers send, as structs. Each decodes its request, and its schema in the OpenAPI document is made of it.

A header's or parameter's name on the wire is the field's `name`. `UNSET` is what was not sent.
"""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Final, Literal, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType, field

from pannierd.config.names import MAX_CONTENT_TYPE, MAX_KEY_BYTES, MAX_TAG_BYTES, MAX_TAGS, NAMESPACE_PATTERN

__all__ = [
    "IF_MATCH",
    "Batch",
    "Delete",
    "Get",
    "Invalidation",
    "LeaseParameters",
    "Operation",
    "ReadHeaders",
    "Ruled",
    "Set",
    "StoreHeaders",
    "given",
]

IF_MATCH: Final = re.compile(r'^(\*|"[^",]*")$')
YEAR_MS = 365 * 24 * 3_600_000

Life = Annotated[int, Meta(ge=1, le=YEAR_MS)]
StaleTime = Annotated[int, Meta(ge=0, le=YEAR_MS)]
Base64 = Annotated[
    bytes, Meta(extra_json_schema={"pattern": "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"})
]
KeyText = Annotated[str, Meta(min_length=1, max_length=MAX_KEY_BYTES, description="1 to 1,024 bytes as UTF-8")]
KeyBytes = Annotated[Base64, Meta(description="a key of any bytes, in base64")]
Tag = Annotated[str, Meta(min_length=1, max_length=MAX_TAG_BYTES)]
Tags = Annotated[list[Tag], Meta(max_length=MAX_TAGS)]
NamespaceName = Annotated[str, Meta(pattern=f"^{NAMESPACE_PATTERN}$")]

Value = TypeVar("Value")


def given(value: Value | UnsetType) -> Value | None:
    """What was sent; None for what was not."""
    return None if value is UNSET else value


class ReadHeaders(Struct, frozen=True):
    """Request headers of a read."""

    if_none_match: (
        Annotated[str, Meta(description="ETags the caller has; if one is the value's, the answer is 304")] | UnsetType
    ) = field(default=UNSET, name="If-None-Match")


class StoreHeaders(Struct, frozen=True):
    """Request headers of a write."""

    content_type: Annotated[str, Meta(description="of the value; answered with it")] = field(
        default="", name="Content-Type"
    )
    ttl_ms: Annotated[Life, Meta(description="how long it is fresh; else the namespace's")] | UnsetType = field(
        default=UNSET, name="X-Cache-TTL-Ms"
    )
    stale_ms: (
        Annotated[StaleTime, Meta(description="how long it may be served after that; else the namespace's")] | UnsetType
    ) = field(default=UNSET, name="X-Cache-Stale-Ms")
    tags: Annotated[str, Meta(description="what it belongs to, separated by commas")] = field(
        default="", name="X-Cache-Tags"
    )
    lease: Annotated[str, Meta(description="the lease under which it was loaded")] | UnsetType = field(
        default=UNSET, name="X-Cache-Lease"
    )
    if_none_match: (
        Annotated[Literal["*"], Meta(description="store only if there is no value; not together with If-Match")]
        | UnsetType
    ) = field(default=UNSET, name="If-None-Match")
    if_match: (
        Annotated[
            str,
            Meta(
                description="store only if this ETag is the value's; *: if there is one",
                extra_json_schema={"pattern": IF_MATCH.pattern, "minLength": 1},
            ),
        ]
        | UnsetType
    ) = field(default=UNSET, name="If-Match")


class LeaseParameters(Struct, frozen=True):
    """Query parameters of fetch-or-lease."""

    wait_ms: (
        Annotated[int, Meta(ge=0, le=60_000, description="how long to wait for another caller's fill")] | UnsetType
    ) = UNSET


class Ruled(Struct, frozen=True, forbid_unknown_fields=True):
    """A body whose fields depend on each other, in ways that the OpenAPI document tells as well.

    Attributes:
        EXACTLY_ONE: of each pair one field is sent, and one only.
        AT_LEAST_ONE: one of these says something.
    """

    EXACTLY_ONE: ClassVar[tuple[tuple[str, str], ...]] = ()
    AT_LEAST_ONE: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        for first, second in self.EXACTLY_ONE:
            if (getattr(self, first) is UNSET) == (getattr(self, second) is UNSET):
                raise ValueError(f"exactly one of {first} and {second} is needed")
        if self.AT_LEAST_ONE and not any(getattr(self, name) for name in self.AT_LEAST_ONE):
            raise ValueError(f"at least one of {', '.join(self.AT_LEAST_ONE)} is needed")


class Operation(Ruled, frozen=True, tag_field="op"):
    """One operation of a batch."""

    EXACTLY_ONE: ClassVar[tuple[tuple[str, str], ...]] = (("key", "key_base64"),)

    key: KeyText | UnsetType = UNSET
    key_base64: KeyBytes | UnsetType = UNSET

    @property
    def key_bytes(self) -> bytes:
        """The key, however it was sent."""
        if self.key_base64 is not UNSET:
            return self.key_base64
        return str(self.key).encode()


class Get(Operation, frozen=True, tag="get"):
    """Read a value."""


class Delete(Operation, frozen=True, tag="delete"):
    """Remove a value."""


class Set(Operation, frozen=True, tag="set"):
    """Write a value."""

    EXACTLY_ONE: ClassVar[tuple[tuple[str, str], ...]] = (("key", "key_base64"), ("value", "value_base64"))

    value: Annotated[str, Meta(description="text")] | UnsetType = UNSET
    value_base64: Annotated[Base64, Meta(description="any bytes, in base64")] | UnsetType = UNSET
    content_type: (
        Annotated[
            str, Meta(max_length=MAX_CONTENT_TYPE, description="else text/plain in UTF-8, or application/octet-stream")
        ]
        | UnsetType
    ) = UNSET
    ttl_ms: Life | UnsetType = UNSET
    stale_ms: StaleTime | UnsetType = UNSET
    tags: Tags = []

    @property
    def value_bytes(self) -> bytes:
        """The value, however it was sent."""
        if self.value_base64 is not UNSET:
            return self.value_base64
        return str(self.value).encode()

    @property
    def type_of_value(self) -> str:
        """The content type that was sent, or that of how the value was sent."""
        if self.content_type is not UNSET:
            return self.content_type
        return "application/octet-stream" if self.value is UNSET else "text/plain; charset=utf-8"


class Batch(Struct, frozen=True, forbid_unknown_fields=True):
    """Many operations in one request, carried out in order; each has its own outcome."""

    operations: list[Get | Set | Delete]
    namespace: NamespaceName = "default"


class Invalidation(Ruled, frozen=True):
    """What is to be invalidated."""

    AT_LEAST_ONE: ClassVar[tuple[str, ...]] = ("keys", "tags", "patterns", "all")

    namespace: NamespaceName = "default"
    keys: Annotated[list[KeyText], Meta(description="of the namespace")] = []
    tags: Annotated[list[Tag], Meta(description="the tenant's")] = []
    patterns: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=MAX_KEY_BYTES)]],
        Meta(description="globs over the namespace's keys"),
    ] = []
    all: Annotated[bool, Meta(description="everything in the namespace")] = False
    soft: Annotated[bool, Meta(description="let the old value be served as stale while it is refreshed")] = False
