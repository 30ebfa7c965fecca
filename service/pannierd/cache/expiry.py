"""What is looked at because its time is over: no timer per key, no scan.

Entries stand in one bucket for each second, and a bucket is emptied when its second has passed. An entry has two ends:
of its fresh life, when its readers are told, and of its stale life, when it leaves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pannierd.cache.entry import Entry


class Bucket(set["Entry"]):
    """The entries that are looked at when `second` (of the clock) has begun."""

    __slots__ = ("before", "second")

    def __init__(self, second: int) -> None:
        super().__init__()
        self.second = second
        self.before = second - 1


class Expiry:
    """The buckets. An entry stands in at most one, never later than its next end; whoever finds it places it anew."""

    def __init__(self, now: float) -> None:
        self._buckets: dict[int, Bucket] = {}
        # Every bucket up to this second has been emptied.
        self._done = int(now)

    def place(self, entry: Entry, now: float) -> None:
        """Make sure that the entry is looked at when it next ends. Cheap when its end only moved away."""
        is_fresh = entry.fresh_until > now
        second = max(int(entry.fresh_until if is_fresh else entry.stale_until), self._done) + 1
        if entry.second > second:
            self.remove(entry)
        bucket = self._buckets.get(entry.second or second)
        if bucket is None:
            bucket = self._buckets[second] = Bucket(second)
        bucket.add(entry)
        entry.second = bucket.second
        entry.sure_until = bucket.before if is_fresh else 0

    def remove(self, entry: Entry) -> None:
        """The entry left for another reason."""
        bucket = self._buckets.get(entry.second)
        if bucket is not None:
            bucket.discard(entry)
            if not bucket:
                del self._buckets[entry.second]
        entry.second = entry.sure_until = 0

    def due(self, now: float, most: int) -> list[Entry]:
        """Take out up to `most` entries whose second has passed. What still lives, the caller places anew."""
        due: list[Entry] = []
        while self._done < int(now) and len(due) < most:
            second = self._done + 1
            bucket = self._buckets.get(second)
            while bucket and len(due) < most:
                entry = bucket.pop()
                entry.second = entry.sure_until = 0
                due.append(entry)
            if not bucket:
                self._buckets.pop(second, None)
                self._done = second
        return due

    def __repr__(self) -> str:
        return f"<Expiry {len(self._buckets)} seconds>"
