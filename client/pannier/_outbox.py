"""The outbox: invalidations that the sidecar has not acknowledged, kept until it does.

While one waits here, this process does not read what it may concern. The outbox is bounded: when it is full, single
keys and patterns widen to their whole namespace, and tags become one list without doubles. When that list is too long,
it widens to every namespace that this client has named (the last thousand of them). The outbox outlives the connection,
not the client.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pannier.errors import PannierError, Unavailable, is_outage

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Invalidation", "Outbox"]

_log = logging.getLogger("pannier")

_MAX_WAITING = 1_000  # keys, patterns and tags
_MAX_TAGS = 500  # once the outbox is full: what is left is room for more
_MAX_NAMESPACES = 1_000


@dataclass(frozen=True, slots=True)
class Invalidation:
    """What is to be forgotten, in one namespace (tags: in all of the tenant's)."""

    namespace: str
    keys: tuple[bytes, ...] = ()
    tags: tuple[str, ...] = ()
    patterns: tuple[bytes, ...] = ()
    everything: bool = False
    soft: bool = False

    @property
    def is_wide(self) -> bool:
        """It names more than single keys."""
        return bool(self.tags or self.patterns or self.everything)

    @property
    def size(self) -> int:
        """How many things it names."""
        return len(self.keys) + len(self.tags) + len(self.patterns) + self.everything


class Outbox:
    """What waits for an acknowledgement, oldest first. For any number of threads: whatever changes it is locked."""

    def __init__(self) -> None:
        """Begin empty."""
        self._lock = threading.Lock()
        # Each with a number of its own: the same invalidation, added again while its first copy is on its way, must
        # not be taken for acknowledged with it.
        self._waiting: dict[Invalidation, int] = {}
        self._added = 0
        # Something waits. A plain attribute: every look-up asks.
        self.is_waiting = False
        # What may not be read meanwhile: single keys, whole namespaces (globs are the sidecar's to match), or, with
        # tags, anything (an entry's tags are not known here). Made anew when something is acknowledged.
        self._keys: set[tuple[str, bytes]] = set()
        self._spaces: set[str] = set()
        self._blocks_all = False
        # Those that were named, the latest last.
        self._namespaces: dict[str, None] = {}
        # Nobody will send what waits any more.
        self.is_closed = False

    def begin_anew(self) -> None:
        """This is another process now. What waits is kept: its parent may end before it is told."""
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """How many invalidations wait."""
        return len(self._waiting)

    def waiting(self) -> list[tuple[Invalidation, int]]:
        """What waits at this moment, with the numbers by which to settle it."""
        with self._lock:
            return list(self._waiting.items())

    def name(self, namespace: str) -> None:
        """This namespace is used here: what is too much to be kept in detail may concern it."""
        with self._lock:
            self._note_namespace(namespace)

    def add(self, invalidation: Invalidation) -> None:
        """Keep it until it is acknowledged. When the client is closed it is lost, and the log says so."""
        with self._lock:
            if self.is_closed:
                _warn_of_loss(1)
                return
            self._note_namespace(invalidation.namespace)
            self._waiting.pop(invalidation, None)
            self._put(invalidation)
            if sum(waiting.size for waiting in self._waiting) > _MAX_WAITING:
                self._widen()

    def settle(self, sent: Sequence[tuple[Invalidation, int]], replies: Sequence[object]) -> None:
        """What was sent and acknowledged, or refused for good, waits no longer."""
        with self._lock:
            for (invalidation, number), reply in zip(sent, replies, strict=True):
                if isinstance(reply, PannierError):
                    if is_outage(reply):
                        continue
                    _log.warning("the sidecar refuses an invalidation that waited: %s", reply)
                if self._waiting.get(invalidation) == number:
                    del self._waiting[invalidation]
            self._block_anew()
            self.is_waiting = bool(self._waiting)

    def close(self) -> None:
        """Nobody will send what waits now, or is added later: it is lost, and the log says so. May be called twice."""
        with self._lock:
            if self._waiting and not self.is_closed:
                _warn_of_loss(len(self._waiting))
            self.is_closed = True
            self._waiting = {}
            self._block_anew()
            self.is_waiting = False

    def blocks(self, namespace: str, key: bytes) -> bool:
        """What the sidecar holds under this key may be older than an invalidation that it has not heard of."""
        return self._blocks_all or namespace in self._spaces or (namespace, key) in self._keys

    def check(self, namespace: str, key: bytes) -> None:
        """See whether the key may be read and filled.

        Raises:
            Unavailable: Something that concerns it waits.
        """
        if self.is_waiting and self.blocks(namespace, key):
            raise Unavailable("the sidecar has not acknowledged an invalidation that concerns this key")

    def _put(self, invalidation: Invalidation) -> None:
        self._added += 1
        self._waiting[invalidation] = self._added
        self._block(invalidation)
        self.is_waiting = True

    def _block_anew(self) -> None:
        self._keys, self._spaces, self._blocks_all = set(), set(), False
        for invalidation in self._waiting:
            self._block(invalidation)

    def _block(self, invalidation: Invalidation) -> None:
        if invalidation.tags:
            self._blocks_all = True
        if invalidation.patterns or invalidation.everything:
            self._spaces.add(invalidation.namespace)
        self._keys.update((invalidation.namespace, key) for key in invalidation.keys)

    def _note_namespace(self, name: str) -> None:
        self._namespaces.pop(name, None)
        self._namespaces[name] = None
        if len(self._namespaces) > _MAX_NAMESPACES:
            del self._namespaces[next(iter(self._namespaces))]

    def _widen(self) -> None:
        tags = {tag for invalidation in self._waiting for tag in invalidation.tags}
        named = {each.namespace for each in self._waiting if each.keys or each.patterns or each.everything}
        latest = next(reversed(self._namespaces))
        self._waiting = {}
        if len(tags) > _MAX_TAGS:
            named.update(self._namespaces)
        elif tags:
            self._put(Invalidation(latest, tags=tuple(sorted(tags))))
        for name in sorted(named):
            self._put(Invalidation(name, everything=True))
        self._block_anew()

    def __repr__(self) -> str:
        """How much waits."""
        return f"<Outbox {len(self)} waiting>"


def _warn_of_loss(count: int) -> None:
    _log.warning("invalidations that the sidecar has not acknowledged are lost: %d", count)
