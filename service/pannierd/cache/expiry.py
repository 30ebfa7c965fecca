"""What leaves because its time is over: no timer per key, no scan.

Entries stand in one bucket for each second, and a bucket is emptied when its second has passed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pannierd.cache.entry import Entry


class Expiry:
    """The buckets. An entry stands in at most one, never later than its end; one that lives on is moved when found."""

    def __init__(self, now: float) -> None:
        self._buckets: dict[int, set[Entry]] = {}
        # Every bucket up to this second has been emptied.
        self._done = int(now)

    def place(self, entry: Entry) -> None:
        """Make sure that the entry is looked at when it ends. Cheap when its end only moved away."""
        second = max(int(entry.stale_until), self._done) + 1
        if entry.second:
            if entry.second <= second:
                return
            self.remove(entry)
        entry.second = second
        bucket = self._buckets.get(second)
        if bucket is None:
            bucket = self._buckets[second] = set()
        bucket.add(entry)

    def remove(self, entry: Entry) -> None:
        """The entry left for another reason."""
        bucket = self._buckets.get(entry.second)
        if bucket is not None:
            bucket.discard(entry)
            if not bucket:
                del self._buckets[entry.second]
        entry.second = 0

    def due(self, now: float, most: int) -> list[Entry]:
        """Take out up to `most` entries whose time is over; those that live on are put where they now belong."""
        due: list[Entry] = []
        while self._done < int(now) and len(due) < most:
            second = self._done + 1
            bucket = self._buckets.get(second)
            while bucket and len(due) < most:
                entry = bucket.pop()
                entry.second = 0
                if entry.stale_until <= now:
                    due.append(entry)
                else:
                    self.place(entry)
            if not bucket:
                self._buckets.pop(second, None)
                self._done = second
        return due

    def __repr__(self) -> str:
        return f"<Expiry {len(self._buckets)} seconds>"
