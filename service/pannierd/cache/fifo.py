"""A first-in-first-out queue of entries that also gives up one from its middle at once, and knows its bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from pannierd.cache.entry import Entry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pannierd.cache.space import Space


class Fifo:
    """A ring of entries round one that stands for nothing. The links live in the entries: to leave costs no search."""

    def __init__(self) -> None:
        self._ring = Entry(cast("Space", None), b"")
        self._ring.older = self._ring.newer = self._ring
        self.bytes = 0

    def push(self, entry: Entry) -> None:
        """Append as the newest."""
        ring = self._ring
        newest = ring.older
        entry.older, entry.newer = newest, ring
        newest.newer = ring.older = entry
        self.bytes += entry.cost

    def remove(self, entry: Entry) -> None:
        """Take out one that is in this queue. Its links are cleared, so that nothing outlives it."""
        older, newer = entry.older, entry.newer
        older.newer, newer.older = newer, older
        entry.older = entry.newer = cast("Entry", None)
        self.bytes -= entry.cost

    def oldest(self) -> Entry | None:
        """The one that came first, still queued; None when the queue is empty."""
        oldest = self._ring.newer
        return None if oldest is self._ring else oldest

    def __iter__(self) -> Iterator[Entry]:
        entry = self._ring.newer
        while entry is not self._ring:
            yield entry
            entry = entry.newer

    def __repr__(self) -> str:
        return f"<Fifo {self.bytes} bytes>"
