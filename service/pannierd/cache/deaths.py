"""Why a key is no longer there: the last deaths of a tenant, for `explain`."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from pannierd.cache.versions import Cause

MOST_DEATHS: Final = 10_000


class Death(Struct, frozen=True):
    """The end of an entry.

    Attributes:
        kind: tag, pattern, namespace, key (invalidated), emptied (a newer result was nothing), expired, capacity.
        name: of the tag or pattern.
        soft: whether it may still be served as stale.
        at: seconds since the epoch.
        by: label of the caller's token; "" when nobody asked.
    """

    kind: str
    name: str
    soft: bool
    at: float
    by: str

    @classmethod
    def of(cls, cause: Cause) -> Death:
        """The death that an invalidation brought, when it was asked for and not when it was found."""
        return cls(cause.kind, cause.name, cause.soft, cause.at, cause.by)


class Deaths:
    """The newest deaths by namespace and key; the oldest are forgotten."""

    def __init__(self) -> None:
        self._deaths: OrderedDict[tuple[str, bytes], Death] = OrderedDict()

    def put(self, namespace: str, key: bytes, death: Death) -> None:
        """Remember this one."""
        self._deaths[namespace, key] = death
        self._deaths.move_to_end((namespace, key))
        if len(self._deaths) > MOST_DEATHS:
            self._deaths.popitem(last=False)

    def get(self, namespace: str, key: bytes) -> Death | None:
        """The last death of a key, if it is still remembered."""
        return self._deaths.get((namespace, key))

    def forget(self, namespace: str, key: bytes) -> None:
        """The key lives again."""
        self._deaths.pop((namespace, key), None)
