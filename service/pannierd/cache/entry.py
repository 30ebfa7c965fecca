"""A cached value with its lives, ready to be sent.

An entry keeps the reply in wire form, so that a hit copies nothing.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, cast

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pannierd.cache.space import Space

OVERHEAD_BYTES: Final = 690
"""What an entry costs beside its key, value and tags: the object, its places in the dictionary and the expiry bucket,
and its share of the ghost queue. Measured; `test_memory_cost` holds it near the truth."""


TAG_BYTES: Final = 57
"""What a tag costs beside its text."""

TYPE_BYTES: Final = 49
"""What a content type costs beside its text."""


class Ready(Struct, gc=False, eq=False, kw_only=True):
    """What a hit reads. Python lays a class's fields out in front of those of its heirs, so these lie together.

    Attributes:
        wire: the RESP bulk reply of the value, ready to send.
        seen: no invalidation numbered up to this one concerns the entry. When it equals the tenant's counter, the
            entry needs no look at tags, patterns and namespace: that comparison is all the hot path pays.
        sure_until: a whole clock second until which the entry is certainly fresh; 0 when nothing is certain. Entries
            of one expiry bucket share the number, so that to ask it touches no memory of the entry's own.
        uses: S3-FIFO's counter, 0 to 3.
    """

    wire: bytes = b""
    seen: int = 0
    sure_until: int = 0
    uses: int = 0


class Entry(Ready, gc=False, eq=False):
    """One value. The engine owns it and changes it in place; everybody else only reads.

    Not traversed by the garbage collector (`gc=False`): with hundreds of thousands of entries a full collection would
    hold the loop for a fifth of a second. Nothing is lost by it, because an entry that leaves its queue is in no cycle.

    Attributes:
        space: the namespace it belongs to.
        key: the caller's key, without tenant and namespace.
        content_type: as the writer gave it, or "".
        tags: what the entry belongs to, for invalidation.
        stored_at, fresh_until, stale_until: clock seconds. Fresh before `fresh_until`; stale, and served only by
            fetch-or-lease, before `stale_until`; gone after that.
        load_cost: seconds that the load took, from lease to fill; 0 for a plain write.
        cost: bytes it counts for in its tenant's share.
        second: the expiry bucket it stands in, 0 for none.
        queue: the Fifo it stands in, as a small number (see memory.py); 0 when it is not cached any more.
        older, newer: its neighbours in that Fifo.
        known_etag: what `etag` computed; "" when nobody asked yet.
    """

    space: Space
    key: bytes
    content_type: str = ""
    tags: tuple[str, ...] = ()
    stored_at: float = 0.0
    fresh_until: float = 0.0
    stale_until: float = 0.0
    load_cost: float = 0.0
    cost: int = 0
    second: int = 0
    queue: int = 0
    older: Entry = cast("Entry", None)
    newer: Entry = cast("Entry", None)
    known_etag: str = ""

    def fill(self, value: bytes, content_type: str, tags: tuple[str, ...]) -> None:
        """Take a new value; the lives are set by the caller."""
        self.wire = b"$%d\r\n%b\r\n" % (len(value), value)
        self.content_type = content_type
        self.tags = tags
        self.known_etag = ""

    def fade(self, moment: float) -> None:
        """Be stale since that moment (clock seconds), for as long as was to follow the fresh life."""
        if moment < self.fresh_until:
            self.stale_until = moment + (self.stale_until - self.fresh_until)
            self.fresh_until = moment

    @property
    def value(self) -> bytes:
        """The bytes that were stored."""
        return self.wire[self.wire.index(b"\n") + 1 : -2]

    @property
    def size(self) -> int:
        """Length of the value in bytes."""
        return int(self.wire[1 : self.wire.index(b"\r")])

    @property
    def etag(self) -> str:
        """A strong validator: equal on every sidecar for the same content type and bytes. Without quotes."""
        if not self.known_etag:
            self.known_etag = etag_of(self.value, self.content_type)
        return self.known_etag

    def __repr__(self) -> str:
        return f"<Entry {self.key!r} {self.size} bytes>"


def weight(key: bytes, value: bytes, tags: Sequence[str], content_type: str) -> int:
    """Bytes that such an entry counts for."""
    cost = OVERHEAD_BYTES + len(key) + len(value) + sum(TAG_BYTES + len(tag) for tag in tags)
    return cost + TYPE_BYTES + len(content_type) if content_type else cost


def etag_of(value: bytes, content_type: str) -> str:
    """The strong hash of a content type and bytes (BLAKE2b, 128 bit, RFC 7693), in hexadecimal."""
    return hashlib.blake2b(content_type.encode() + b"\0" + value, digest_size=16).hexdigest()
