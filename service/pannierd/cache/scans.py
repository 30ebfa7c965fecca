"""SCAN over a namespace: the keys as they were when the scan began, handed out page by page.

A key that is there from the first call to the last is returned, and returned once; one that died meanwhile is left
out. Open scans are bounded, in their number and in the keys that they have still to hand out: the one that rested
longest is dropped, and so is one that rested for too long. Its cursor is refused.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple

from pannierd.cache.globs import matcher
from pannierd.errors import BadRequest

if TYPE_CHECKING:
    from pannierd.cache.space import Space

MOST_SCANS: Final = 64
MOST_KEYS: Final = 1_000_000
"""Of all open scans of a tenant; a single one may have more."""

REST_SECONDS: Final = 60.0
"""How long a scan may rest between two pages."""


class _Scan(NamedTuple):
    space: Space
    keys: list[bytes]  # still to be handed out, the next ones last
    rested_at: float


class Scans:
    """The open scans of one tenant."""

    def __init__(self, most_keys: int = MOST_KEYS) -> None:
        self._most_keys = most_keys
        # By cursor, the one that rested longest first; and the keys of all of them.
        self._open: OrderedDict[int, _Scan] = OrderedDict()
        self._keys = 0
        self._last_cursor = 0

    def step(self, space: Space, cursor: int, match: bytes | None, count: int, now: float) -> tuple[int, list[bytes]]:
        """The next cursor (0: that was all) and the fresh, matching ones of the next `count` keys.

        Raises:
            BadRequest: no such cursor in this namespace.
        """
        self.end_rested(now)
        keys = list(space.entries) if cursor == 0 else self._take(space, cursor)
        page = keys[-count:]
        del keys[-count:]
        matches = matcher(match) if match is not None else None
        found = [key for key in page if (matches is None or matches(key)) and space.peek(key, now) is not None]
        return self._put(_Scan(space, keys, now)), found

    def end_rested(self, now: float) -> None:
        """Drop those that nobody went on with."""
        while self._open and next(iter(self._open.values())).rested_at + REST_SECONDS <= now:
            self._drop_oldest()

    def _take(self, space: Space, cursor: int) -> list[bytes]:
        scan = self._open.get(cursor)
        if scan is None or scan.space is not space:
            raise BadRequest("invalid cursor: begin again with 0")
        del self._open[cursor]
        self._keys -= len(scan.keys)
        return scan.keys

    def _put(self, scan: _Scan) -> int:
        if not scan.keys:
            return 0
        self._last_cursor += 1
        self._open[self._last_cursor] = scan
        self._keys += len(scan.keys)
        while len(self._open) > MOST_SCANS or (self._keys > self._most_keys and len(self._open) > 1):
            self._drop_oldest()
        return self._last_cursor

    def _drop_oldest(self) -> None:
        _, scan = self._open.popitem(last=False)
        self._keys -= len(scan.keys)

    def __repr__(self) -> str:
        return f"<Scans {len(self._open)} open, {self._keys} keys>"
