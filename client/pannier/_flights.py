"""Flights: runs of cached functions that are under way in this process, which other threads may join."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from pannier import _forks

if TYPE_CHECKING:
    from pannier._protocol import Loaded

__all__ = ["Flight", "Flights"]


class Flight:
    """One run. It lands once: with what it loaded, with the exception that every joiner gets, or interrupted."""

    __slots__ = ("_landed", "error", "loaded")

    def __init__(self) -> None:
        """Begin under way."""
        self._landed = threading.Event()
        self.loaded: Loaded | None = None
        self.error: Exception | None = None

    def land(self) -> None:
        """It is over."""
        self._landed.set()

    def wait(self) -> Loaded | None:
        """What it loaded, once it landed; None when it was interrupted. Raises what the function raised."""
        self._landed.wait()
        if self.error is not None:
            raise self.error
        return self.loaded


class Flights:
    """What is under way, by function and place. A later flight of the same takes the earlier one's entry."""

    def __init__(self) -> None:
        """Begin with none."""
        self._under_way: dict[tuple[object, bytes], Flight] = {}
        _forks.watch(self)

    def begin_anew(self) -> None:
        """This is another process now: those of its parent never land here."""
        self._under_way = {}

    def find(self, owner: object, place: bytes) -> Flight | None:
        """The flight to join."""
        return self._under_way.get((owner, place))

    def begin(self, owner: object, place: bytes) -> Flight:
        """A new one."""
        flight = self._under_way[owner, place] = Flight()
        return flight

    def land(
        self,
        owner: object,
        place: bytes,
        flight: Flight,
        *,
        loaded: Loaded | None = None,
        error: Exception | None = None,
    ) -> None:
        """End this one, for those who wait; nobody joins it any more."""
        flight.loaded, flight.error = loaded, error
        if self._under_way.get((owner, place)) is flight:
            self._under_way.pop((owner, place), None)
        flight.land()

    def __repr__(self) -> str:
        """How many are under way."""
        return f"<Flights {len(self._under_way)} under way>"
