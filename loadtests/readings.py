"""Was a read older than it may be? What a process read, judged by when the changes of the origin were acknowledged."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    History = Mapping[int, Sequence[tuple[int, int]]]  # of each key: (change, time of its acknowledgement), in order

__all__ = ["Readings"]


class Readings:
    """Of each key and each change that was read: the last time at which it was. Times are nanoseconds."""

    def __init__(self) -> None:
        self._latest: Sequence[int] = ()
        self._at = 0
        self._ended: list[tuple[int, int, int]] = []  # key, change, the last time at which it was read

    def note(self, changes: Sequence[int], at: int) -> None:
        """A pass over all keys, begun at this time, read values of these changes."""
        if changes != self._latest:
            self._end_those_that_differ(changes)
        self._latest, self._at = changes, at

    def worst_lag_ms(self, history: History) -> float:
        """The longest time from an acknowledgement to a read, begun later, of something older; 0 when there is none."""
        reads = [*self._ended, *((key, change, self._at) for key, change in enumerate(self._latest))]
        lags = (at - _outdated_at(history.get(key, ()), change, at) for key, change, at in reads)
        return max(0, *lags) / 1e6

    def _end_those_that_differ(self, changes: Sequence[int]) -> None:
        for key, (old, new) in enumerate(zip(self._latest, changes, strict=False)):
            if old != new:
                self._ended.append((key, old, self._at))


def _outdated_at(changes: Sequence[tuple[int, int]], seen: int, otherwise: int) -> int:
    """When the first change after the one that was seen was acknowledged."""
    return next((acknowledged_at for change, acknowledged_at in changes if change > seen), otherwise)
