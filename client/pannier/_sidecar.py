"""The sidecar as the sync client sees it: fetch, store, invalidate, with near-cache and outbox kept right."""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING, Any

from pannier import _commands
from pannier._breaker import Breaker
from pannier._commands import Reach, Space, read_reach
from pannier._line_feed import LineFeed
from pannier._near_cache import NearCache
from pannier._outbox import Outbox
from pannier._transport import Transport
from pannier.errors import PannierError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pannier._config import Settings
    from pannier._outbox import Invalidation

__all__ = ["Sidecar"]

_log = logging.getLogger("pannier")


class Sidecar:
    """One sidecar, for any number of threads."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        """Connect to nothing yet."""
        self.settings = settings
        self.clock = clock
        self.near = NearCache(settings.near_cache, clock) if settings.near_cache else None
        self._transport = Transport(settings, Breaker(clock, random.random), clock)
        self._feed = LineFeed(self._transport, self.near, clock) if self.near else None
        self._outbox = Outbox()
        # Paces what the outbox sends again.
        self._outbox_breaker = Breaker(clock, random.random)
        self.ask = self._transport.ask
        self.ask_many = self._transport.ask_many

    def fetch(self, space: Space, key: bytes, command: bytes) -> Any:
        """The reply to a fetch of this key, kept near when it may be. Hot: F3 guards it.

        Raises:
            PannierError: The sidecar is away, refuses, or has yet to hear of an invalidation that concerns the key.
        """
        if self._outbox.is_waiting:
            self.check_outbox(space, key)
        return self.ask(command) if self._feed is None else self._feed.fetch(space.prefix, key, command)

    def check_outbox(self, space: Space, key: bytes) -> None:
        """Send what waits, if it is time to.

        Raises:
            Unavailable: Something that concerns the key still waits.
        """
        if not self._outbox.is_waiting:
            return
        self.deliver()
        if self._outbox.blocks(space.namespace, key):
            raise Unavailable("the sidecar has not acknowledged an invalidation that concerns this key")

    def store(self, space: Space, key: bytes, command: bytes) -> bool:
        """Store a value; whether it is kept.

        Raises:
            PannierError: The sidecar is away or refuses.
        """
        self.check_outbox(space, key)
        try:
            return bool(self.ask(command) == b"stored")
        finally:
            self.forget((key,))

    def invalidate(self, invalidation: Invalidation) -> Reach:
        """Forget what it names, everywhere; while the sidecar is away, queue it.

        Raises:
            PannierError: The sidecar refuses it for good.
        """
        try:
            return read_reach(self.ask(_commands.invalidate(invalidation)))
        except PannierError as error:
            if not error.retryable:
                raise
            self._outbox.add(invalidation)
            return Reach.QUEUED
        finally:
            self.forget(None if invalidation.is_wide else invalidation.keys)

    def queue(self, invalidation: Invalidation) -> None:
        """Keep it until the sidecar acknowledges it, and bypass meanwhile what it concerns."""
        self._outbox.add(invalidation)
        self.forget(None if invalidation.is_wide else invalidation.keys)

    def forget(self, keys: Iterable[bytes] | None) -> None:
        """Drop these keys from the near-cache, or everything."""
        if self.near is not None:
            self.near.pushed(keys)

    def deliver(self) -> None:
        """Send again what was not acknowledged, unless it is too early for that."""
        if not self._outbox_breaker.lets_through():
            return
        for invalidation, number in self._outbox.waiting():
            try:
                self.ask(_commands.invalidate(invalidation))
            except PannierError as error:
                if error.retryable:
                    self._outbox_breaker.gone()
                    return
                _log.warning("the sidecar refuses an invalidation that waited: %s", error)
            self._outbox.acknowledged(invalidation, number)
        self._outbox_breaker.answered()

    def close(self) -> None:
        """Send what waits if that is possible now, and hang up. May be called twice."""
        if self._outbox.is_waiting:
            self.deliver()
        if self._feed is not None:
            self._feed.close()
        self._transport.close()

    def __repr__(self) -> str:
        """What it is made of."""
        return f"<Sidecar {self._transport!r}, {self._outbox!r}, {self.near!r}>"
