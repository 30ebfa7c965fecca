"""What a writer asks for."""

from __future__ import annotations

from msgspec import Struct

from pannierd.cache.outcomes import Condition


class Write(Struct, frozen=True):
    """A value and how it is to be kept.

    Attributes:
        value: the bytes.
        ttl_ms: how long it is fresh; None is the namespace's.
        stale_ms: how long it may be served after that; None is the namespace's.
        tags: what it belongs to.
        content_type: of the value.
        lease: of a fill; None for the user's own word, which always stores.
        condition: whether the key must be absent, or present.
        etag: the value that must be there now.
        keep_ttl: keep the lives of the value that is there.
    """

    value: bytes
    ttl_ms: int | None = None
    stale_ms: int | None = None
    tags: tuple[str, ...] = ()
    content_type: str = ""
    lease: str | None = None
    condition: Condition = Condition.ALWAYS
    etag: str | None = None
    keep_ttl: bool = False
