"""Pannier's client: a cache that stays coherent across pods, for one decorator.

    from pannier import cache

    @cache(key="user:{user_id}", ttl=3600, tags=["user"])
    async def get_user(user_id: str) -> User: ...

The names here are for threads; `pannier.aio` has the same for tasks. The decorators serve both.
"""

from pannier import aio
from pannier._cache import Cache
from pannier._commands import Reach
from pannier._config import NearCacheOptions
from pannier.client import Client, client
from pannier.decorators import cache, cache_invalidate, cache_refresh
from pannier.errors import (
    BadRequest,
    CacheMiss,
    Conflict,
    DeadlineExceeded,
    Forbidden,
    HostRefused,
    InternalError,
    LeaseLost,
    Misconfigured,
    NotCacheable,
    NotFound,
    Overloaded,
    PannierError,
    PreconditionFailed,
    QuotaExceeded,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Unprocessable,
)

__all__ = [
    "BadRequest",
    "Cache",
    "CacheMiss",
    "Client",
    "Conflict",
    "DeadlineExceeded",
    "Forbidden",
    "HostRefused",
    "InternalError",
    "LeaseLost",
    "Misconfigured",
    "NearCacheOptions",
    "NotCacheable",
    "NotFound",
    "Overloaded",
    "PannierError",
    "PreconditionFailed",
    "QuotaExceeded",
    "Reach",
    "TooLarge",
    "Unauthenticated",
    "Unavailable",
    "Unprocessable",
    "aio",
    "cache",
    "cache_invalidate",
    "cache_refresh",
    "client",
]

__version__ = "0.1.0"
