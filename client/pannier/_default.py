"""The default client of a process: made on first use, and replaceable in tests."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Default"]

T = TypeVar("T")


class Default(Generic[T]):
    """One client, or none yet."""

    def __init__(self, make: Callable[[], T], current: T | None = None) -> None:
        """Remember how to make it; or hold one from the beginning."""
        self._make = make
        self._lock = threading.Lock()
        # Read by hot paths; changed under the lock.
        self.current = current

    def get(self) -> T:
        """The client, made now if need be. Raises what making it raises."""
        if self.current is None:
            with self._lock:
                if self.current is None:
                    self.current = self._make()
        return self.current

    @contextmanager
    def replaced(self, client: T) -> Iterator[T]:
        """Within this, the default is another one."""
        with self._lock:
            previous, self.current = self.current, client
        try:
            yield client
        finally:
            with self._lock:
                self.current = previous

    def __repr__(self) -> str:
        """What it holds."""
        return f"<Default {self.current!r}>"
