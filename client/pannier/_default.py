"""The default client of a process: made on first use, made anew once it is closed, and replaceable in tests."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from pannier import _forks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Default"]


class _Closable(Protocol):
    """A client of either kind."""

    @property
    def is_closed(self) -> bool:
        """Whether it is of no use any more."""
        ...


T = TypeVar("T", bound=_Closable)


class Default(Generic[T]):
    """One client, or none yet.

    An application that ends closes it; another application of the same process (the next test, a second event loop)
    then gets one of its own.
    """

    def __init__(self, make: Callable[[], T], current: T | None = None) -> None:
        """Remember how to make it; or hold one from the beginning."""
        self._make = make
        self._lock = threading.Lock()
        # Read by hot paths; changed under the lock.
        self.current = current
        _forks.watch(self)

    def begin_anew(self) -> None:
        """This is another process now. The client goes on here: it is told of the fork itself."""
        self._lock = threading.Lock()

    def get(self) -> T:
        """The client, made now if need be. Raises what making it raises."""
        current = self.current
        if current is not None and not current.is_closed:
            return current
        with self._lock:
            if self.current is None or self.current.is_closed:
                self.current = self._make()
            return self.current

    @contextmanager
    def replaced(self, make: Callable[[], T]) -> Iterator[None]:
        """Within this, the default is made by somebody else."""
        with self._lock:
            previous = self._make, self.current
            self._make, self.current = make, None
        try:
            yield
        finally:
            with self._lock:
                self._make, self.current = previous

    def __repr__(self) -> str:
        """What it holds."""
        return f"<Default {self.current!r}>"
