"""The bypass: whether reads go on without the sidecar, and why. The log is told when that begins and when it ends.

Where every second read is refused, as at the edge of a quota, that happens all the time: so the log hears of a
beginning once a minute at most, and of an end only after a beginning that it has heard of.
"""

from __future__ import annotations

import logging
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pannier._config import Settings
    from pannier.errors import PannierError

__all__ = ["Bypass"]

_QUIET_S = 60.0

_log = logging.getLogger("pannier")


class Bypass:
    """Of one client. A race between threads costs one line more in the log."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        """Begin with a sidecar that answers."""
        self._places = ", ".join(map(str, settings.endpoints))
        self._clock = clock
        # The log has heard that reads are bypassed, and not yet that they are no more.
        self.is_on = False
        self._quiet_until = -inf

    def begin(self, error: PannierError) -> None:
        """A read went on without an answer."""
        now = self._clock()
        if self.is_on or now < self._quiet_until:
            return
        self.is_on = True
        self._quiet_until = now + _QUIET_S
        _log.warning("reads go on without the sidecar at %s: %s: %s", self._places, error.code, error)

    def end(self) -> None:
        """The sidecar answered a read."""
        self.is_on = False
        _log.info("the sidecar at %s answers reads again", self._places)

    def __repr__(self) -> str:
        """On or off."""
        return f"<Bypass {'on' if self.is_on else 'off'}>"
