"""What a call on the cache may come to, as values. Their names are the same in headers, replies, metrics and tests."""

from __future__ import annotations

import enum
from typing import Final

from msgspec import Struct

from pannierd.cache.entry import Entry  # noqa: TC001 - the structs below need it at run time

NONE_TYPE: Final = "application/vnd.pannier.none"
"""Content type of a result that is nothing; what has it is kept for `negative_ttl_ms`."""


class Hit(Struct, frozen=True):
    """A fresh value. `lease` is set for the one caller that may refresh it ahead of its end."""

    entry: Entry
    lease: str | None = None
    source: str = "memory"


class Stale(Struct, frozen=True):
    """A value past its life, which may still be served. `lease` is set for the one caller that may refresh it."""

    entry: Entry
    lease: str | None = None
    source: str = "memory"


class Miss(Struct, frozen=True):
    """No value. `lease` is set for the one caller that may fill."""

    lease: str | None = None


Outcome = Hit | Stale | Miss


class StoreResult(enum.Enum):
    """What became of a write."""

    STORED = "stored"
    LEASE_LOST = "lease_lost"
    NOT_STORED = "not_stored"


class Condition(enum.Enum):
    """When a write may happen."""

    ALWAYS = "always"
    IF_ABSENT = "if_absent"
    IF_PRESENT = "if_present"


class Reach(enum.Enum):
    """Who has been told of an invalidation when it is acknowledged.

    ALONE: there is no cluster tier, so this sidecar is the whole cache.
    """

    ALONE = ("local", "OK")

    @property
    def scope(self) -> str:
        """The word for it over HTTP."""
        return self.value[0]

    @property
    def reply(self) -> str:
        """The word for it on the lane."""
        return self.value[1]
