"""Request ids: the caller's own when it has one that can be logged, else ours."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Final

from multidict import istr

if TYPE_CHECKING:
    from multidict import CIMultiDictProxy

__all__ = ["RequestIds"]

X_REQUEST_ID: Final = istr("X-Request-Id")
LONGEST: Final = 128


class RequestIds:
    """Numbers after the name of this sidecar: cheap, and no two alike.

    Args:
        instance: the name. A container that starts again has the same one, and its process the same number.
        life: what tells this life of it from the others, at random.
    """

    def __init__(self, instance: str, life: str) -> None:
        self._prefix = f"{instance}-{life}-"
        self._numbers = count(1)

    def of(self, headers: CIMultiDictProxy[str]) -> str:
        """The id of the request that has these headers."""
        given = headers.get(X_REQUEST_ID)
        if given and len(given) <= LONGEST and given.isascii() and given.isprintable():
            return given
        return self.fresh()

    def fresh(self) -> str:
        """The next of our own."""
        return f"{self._prefix}{next(self._numbers)}"
