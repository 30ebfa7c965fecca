"""What a client asked of the fake, for tests to look at."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Asked"]


class Asked(NamedTuple):
    """One call of the cache.

    Attributes:
        what: fetch, store, release, invalidate or explain.
        namespace: Where.
        keys: The key; of an invalidation, all that it names, be they none.
        tags: Of a store or an invalidation.
        patterns: Of an invalidation.
    """

    what: str
    namespace: str
    keys: tuple[bytes, ...] = ()
    tags: tuple[str, ...] = ()
    patterns: tuple[bytes, ...] = ()
