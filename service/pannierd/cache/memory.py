"""What stays in memory: S3-FIFO by bytes, one for each tenant, so that a tenant that overruns its share evicts its own.

A new entry joins the small queue, a tenth of the share. Oldest first it leaves it: into the main queue when it was
used twice or more, else out, and only its fingerprint stays, in the ghost queue. What is stored while its
fingerprint is there goes to the main queue at once. The main queue is a clock: its oldest goes round once more for
each use it had, at most three, and leaves when it had none.

Source: Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023. The queues' sizes and the two uses
that admit are the authors' own.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from pannierd.cache.fifo import Fifo

if TYPE_CHECKING:
    from collections.abc import Callable

    from pannierd.cache.entry import Entry

OUT: Final = 0
SMALL: Final = 1
MAIN: Final = 2

SMALL_PART: Final = 0.1
GHOST_PART: Final = 0.9
ADMIT_USES: Final = 2
MOST_USES: Final = 3


class Memory:
    """A byte budget with its queues. `evict` is told of every entry that must go to make room."""

    def __init__(self, max_bytes: int, evict: Callable[[Entry], None]) -> None:
        self.max_bytes = max_bytes
        self._evict = evict
        self._small = Fifo()
        self._main = Fifo()
        # Fingerprints of what the small queue let go, oldest first, with the bytes they had. A fingerprint may
        # stand for two keys; the worst of that is an entry that starts in the main queue.
        self._ghosts: OrderedDict[int, int] = OrderedDict()
        self._ghost_bytes = 0
        # Until the first eviction there is nothing to protect: a full small queue overflows into the main one.
        self._has_evicted = False

    @property
    def bytes(self) -> int:
        """What the cached entries cost now."""
        return self._small.bytes + self._main.bytes

    def fits(self, cost: int) -> bool:
        """Whether an entry of this cost can be kept at all."""
        return cost <= self.max_bytes

    def add(self, entry: Entry) -> None:
        """Keep a new entry, evicting until it fits. Its cost must be set, and must fit."""
        self.make_room(entry.cost)
        entry.uses = 0
        if self._starts_in_main(entry):
            entry.queue = MAIN
            self._main.push(entry)
        else:
            entry.queue = SMALL
            self._small.push(entry)

    def remove(self, entry: Entry) -> None:
        """Forget one that is kept (deleted, expired, invalidated)."""
        self._queue_of(entry).remove(entry)
        entry.queue = OUT

    def change_cost(self, entry: Entry, cost: int) -> None:
        """A kept entry got another value in place. May evict any entry, this one too: then its queue is OUT."""
        queue = self._queue_of(entry)
        queue.bytes += cost - entry.cost
        entry.cost = cost
        self.make_room(0)

    def make_room(self, cost: int) -> None:
        """Evict until `cost` more bytes fit."""
        while self.bytes + cost > self.max_bytes and self.bytes:
            self._has_evicted = True
            if self._main.bytes > self.max_bytes * (1 - SMALL_PART) or not self._small.bytes:
                self._shrink_main()
            else:
                self._shrink_small()

    def _starts_in_main(self, entry: Entry) -> bool:
        ghost_bytes = self._ghosts.pop(_fingerprint(entry), None)
        if ghost_bytes is not None:
            self._ghost_bytes -= ghost_bytes
            return True
        small_bytes = self.max_bytes * SMALL_PART
        return entry.cost >= small_bytes or (not self._has_evicted and self._small.bytes >= small_bytes)

    def _queue_of(self, entry: Entry) -> Fifo:
        return self._small if entry.queue == SMALL else self._main

    def _shrink_small(self) -> None:
        """Let one entry go from the small queue, promoting the used ones that stand before it."""
        while (entry := self._small.oldest()) is not None:
            self._small.remove(entry)
            if entry.uses < ADMIT_USES:
                self._remember(entry)
                self._let_go(entry)
                return
            entry.uses = 0
            entry.queue = MAIN
            self._main.push(entry)

    def _shrink_main(self) -> None:
        """Let one entry go from the main queue; those that were used go round once more for each use."""
        while (entry := self._main.oldest()) is not None:
            self._main.remove(entry)
            if not entry.uses:
                self._let_go(entry)
                return
            entry.uses -= 1
            self._main.push(entry)

    def _let_go(self, entry: Entry) -> None:
        entry.queue = OUT
        self._evict(entry)

    def _remember(self, entry: Entry) -> None:
        fingerprint = _fingerprint(entry)
        self._ghost_bytes += entry.cost - self._ghosts.pop(fingerprint, 0)
        self._ghosts[fingerprint] = entry.cost
        while self._ghost_bytes > self.max_bytes * GHOST_PART:
            self._ghost_bytes -= self._ghosts.popitem(last=False)[1]

    def __repr__(self) -> str:
        return f"<Memory {self.bytes} of {self.max_bytes} bytes, {len(self._ghosts)} ghosts>"


def _fingerprint(entry: Entry) -> int:
    return hash((id(entry.space), entry.key))
