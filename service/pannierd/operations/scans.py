"""SCAN over a namespace: the keys as they were when the scan began, handed out page by page.

A key that is there from the first call to the last is returned, and returned once; one that died meanwhile is left
out. A tenant has a bounded number of open scans: the one that rested longest is dropped, and its cursor is refused.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from pannierd.cache.globs import matcher
from pannierd.errors import BadRequest

if TYPE_CHECKING:
    from pannierd.cache.space import Space

MOST_SCANS: Final = 64


class Scans:
    """The open scans of one tenant."""

    def __init__(self) -> None:
        self._open: OrderedDict[int, tuple[Space, list[bytes]]] = OrderedDict()
        self._last_cursor = 0

    def step(self, space: Space, cursor: int, match: bytes | None, count: int, now: float) -> tuple[int, list[bytes]]:
        """The next cursor (0: that was all) and the fresh, matching ones of the next `count` keys.

        Raises:
            BadRequest: no such cursor in this namespace.
        """
        keys = list(space.entries) if cursor == 0 else self._take(space, cursor)
        page = keys[-count:]
        del keys[-count:]
        matches = matcher(match) if match is not None else None
        found = [key for key in page if (matches is None or matches(key)) and space.peek(key, now) is not None]
        return self._put(space, keys), found

    def _take(self, space: Space, cursor: int) -> list[bytes]:
        owner, keys = self._open.get(cursor, (None, []))
        if owner is not space:
            raise BadRequest("invalid cursor: begin again with 0")
        del self._open[cursor]
        return keys

    def _put(self, space: Space, keys: list[bytes]) -> int:
        if not keys:
            return 0
        self._last_cursor += 1
        self._open[self._last_cursor] = (space, keys)
        if len(self._open) > MOST_SCANS:
            self._open.popitem(last=False)
        return self._last_cursor
