"""Who read what, and is told when it changes: CLIENT TRACKING for the readers of a tenant.

Two ways, as in Redis. A tracker that **watches** is remembered for each key it read and told once when that key
changes; then it is forgotten for that key until it reads it again. A tracker that **broadcasts** names prefixes in one
namespace and is told of every change under them. What changes many keys at once (a tag, a pattern, a whole namespace)
is told as "drop everything", to everybody.

The table is bounded, counting each reader of each key: beyond its bound the key that was watched longest is told as
changed, which costs its readers one read and nobody the truth. Trackers are remembered by number, so that one that
went away costs no search: its numbers are met, and skipped, when their keys change.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Sequence


class Tracker(Protocol):
    """A connection with tracking on."""

    def push_invalidate(self, keys: list[bytes] | None) -> None:
        """These keys changed; None: everything may have."""


class _Broadcast(Struct, frozen=True):
    namespace: str
    prefixes: tuple[bytes, ...]


class Tracking:
    """One tenant's trackers."""

    def __init__(self, max_watched: int) -> None:
        self._max_watched = max_watched
        self._watched = 0  # pairs of key and reader
        self._numbers: dict[Tracker, int] = {}
        self._trackers: dict[int, Tracker] = {}
        self._last_number = 0
        # By namespace and key, the longest watched first: the one watcher that most keys have, or several.
        self._watchers: OrderedDict[tuple[str, bytes], int | set[int]] = OrderedDict()
        self._broadcasts: dict[Tracker, _Broadcast] = {}

    def watch(self, tracker: Tracker, namespace: str, key: bytes) -> None:
        """Tell this tracker, once, when the key changes."""
        place, number = (namespace, key), self._number(tracker)
        known = self._watchers.get(place)
        if known is None:
            self._watchers[place] = number
            self._watched += 1
        elif isinstance(known, set):
            self._watched += number not in known
            known.add(number)
        elif known != number:
            self._watchers[place] = {known, number}
            self._watched += 1
        while self._watched > self._max_watched:
            (_, oldest), numbers = self._watchers.popitem(last=False)
            self._tell(numbers, oldest, None)

    def broadcast(self, tracker: Tracker, namespace: str, prefixes: Sequence[bytes]) -> None:
        """Tell this tracker of every change under the prefixes of a namespace; of none means of every key."""
        self._number(tracker)
        self._broadcasts[tracker] = _Broadcast(namespace, tuple(prefixes) or (b"",))

    def forget(self, tracker: Tracker) -> None:
        """The tracker went away, or wants to hear no more."""
        number = self._numbers.pop(tracker, None)
        if number is not None:
            del self._trackers[number]
            self._broadcasts.pop(tracker, None)

    def changed(self, namespace: str, key: bytes, origin: Tracker | None) -> None:
        """A key was written or deleted. `origin` asked not to hear of its own changes."""
        if not self._trackers:
            return
        numbers = self._watchers.pop((namespace, key), None)
        if numbers is not None:
            self._tell(numbers, key, origin)
        for tracker, broadcast in list(self._broadcasts.items()):
            if tracker is not origin and broadcast.namespace == namespace and key.startswith(broadcast.prefixes):
                tracker.push_invalidate([key])

    def everything_changed(self) -> None:
        """More changed than can be named."""
        self._watchers.clear()
        self._watched = 0
        for tracker in list(self._trackers.values()):
            tracker.push_invalidate(None)

    def _number(self, tracker: Tracker) -> int:
        number = self._numbers.get(tracker)
        if number is None:
            self._last_number += 1
            number = self._numbers[tracker] = self._last_number
            self._trackers[number] = tracker
        return number

    def _tell(self, watchers: int | set[int], key: bytes, origin: Tracker | None) -> None:
        """These watchers, taken out of the table, hear of the key."""
        numbers = watchers if isinstance(watchers, set) else {watchers}
        self._watched -= len(numbers)
        for number in numbers:
            tracker = self._trackers.get(number)
            if tracker is not None and tracker is not origin:
                tracker.push_invalidate([key])

    def __repr__(self) -> str:
        return f"<Tracking {len(self._trackers)} trackers, {len(self._watchers)} keys>"
