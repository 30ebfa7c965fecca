"""Changes of an origin: which key was changed when, told by the process that changes to a process that reads.

Both map one file. A change has a number; the current number of a key is what its origin would answer, and is set before
the caches are told. When they acknowledged that, the time is noted: what is read later than that should be new. Times
are nanoseconds of CLOCK_MONOTONIC, which all processes of a machine share.
"""

from __future__ import annotations

import mmap
from collections import defaultdict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Changes"]

KEYS: Final = 1_000
CHANGES: Final = 65_536
WORD: Final = 8


class Changes:
    """The mapped file: the current number of each key, then key and time of each change. Change 0 never happens."""

    def __init__(self, file: Path) -> None:
        """Map the file; it is made when it is not there."""
        with file.open("ab+") as opened:
            opened.truncate((KEYS + 2 * CHANGES) * WORD)
            words = memoryview(mmap.mmap(opened.fileno(), 0)).cast("q")
        self.current = words[:KEYS]
        self._key_of = words[KEYS : KEYS + CHANGES]
        self._acknowledged_at = words[KEYS + CHANGES :]

    def begin(self, number: int, key: int) -> None:
        """From now on the origin answers with this change."""
        self._key_of[number] = key
        self.current[key] = number

    def acknowledged(self, number: int, now: int) -> None:
        """The caches confirmed that they know."""
        self._acknowledged_at[number] = now

    def history(self) -> dict[int, list[tuple[int, int]]]:
        """The acknowledged changes of each key, oldest first: (number, time of the acknowledgement)."""
        told: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for number, acknowledged_at in enumerate(self._acknowledged_at):
            if acknowledged_at:
                told[self._key_of[number]].append((number, acknowledged_at))
        return told
