"""The sidecar as the sync client sees it: fetch, store, invalidate, with near-cache and outbox kept right.

A sync client has no thread that could repeat what the sidecar did not acknowledge. So whatever is asked next, reading
or writing, sends that first, within its own deadline; and closing the client does.
"""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING, Any

from pannier import _commands, _forks
from pannier._breaker import Breaker
from pannier._commands import Reach, Space, read_reach, sound
from pannier._heartbeat import Heartbeat
from pannier._line_feed import LineFeed
from pannier._near_cache import NearCache
from pannier._outbox import Outbox
from pannier._transport import Transport
from pannier.errors import PannierError, is_outage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

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
        # Once `close` was called.
        self.is_closed = False
        self.near = NearCache(settings.near_cache, clock) if settings.near_cache else None
        self._transport = Transport(settings, Breaker(clock, random.random), clock)
        self._feed = LineFeed(self._transport, self.near, clock) if self.near else None
        self._outbox = Outbox()
        # Paces what the outbox sends again.
        self._pace = Breaker(clock, random.random)
        # Keeps the leases of functions that run for long.
        self.heartbeat = Heartbeat(self._beat)
        _forks.watch(self)

    def begin_anew(self) -> None:
        """This is another process now."""
        # The near-cache first: its feed tells it, by its lock, that the line is lost.
        for part in (self.near, self._feed, self._transport, self._outbox, self.heartbeat):
            if part is not None:
                part.begin_anew()

    def ask(self, command: bytes) -> Any:
        """The reply to one command.

        Raises:
            PannierError: The sidecar is away, does not answer in time, or answered with an error.
        """
        return self._transport.ask(command, self._delivered())

    def ask_many(self, commands: Sequence[bytes]) -> list[Any]:
        """The replies to many commands, in order; what was the caller's fault is a PannierError among them.

        Raises:
            PannierError: The sidecar is away or does not answer in time.
        """
        return sound(self._transport.ask_many(commands, self._delivered()))

    def fetch(self, space: Space, key: bytes, command: bytes) -> Any:
        """The reply to a fetch of this key, kept near when it may be. Hot: F3 guards it.

        Raises:
            PannierError: The sidecar is away, refuses, or has yet to hear of an invalidation that concerns the key.
        """
        deadline = None
        if self._outbox.is_waiting:
            deadline = self._delivered()
            self._outbox.check(space.namespace, key)
        if self._feed is None:
            return self._transport.ask(command, deadline)
        return self._feed.fetch(space.prefix, key, command, deadline)

    def fetch_waiting(self, space: Space, key: bytes) -> Any:
        """The reply to a fetch that waits for somebody else's fill. Raises as `ask` does."""
        return self.ask(space.fetch_waiting(key, self.settings.timeout))

    def peek_many(self, space: Space, keys: Sequence[bytes]) -> list[Any]:
        """The replies to fetches of these keys, without a lease. Raises as `fetch` does."""
        deadline = self._delivered()
        for key in keys:
            self._outbox.check(space.namespace, key)
        return sound(self._transport.ask_many([space.peek(key) for key in keys], deadline))

    def store(self, space: Space, key: bytes, command: bytes) -> bool:
        """Store a value; whether it is kept.

        Raises:
            PannierError: The sidecar is away or refuses.
        """
        deadline = self._delivered()
        self._outbox.check(space.namespace, key)
        try:
            return bool(self._transport.ask(command, deadline) == b"stored")
        finally:
            self.forget((key,))

    def invalidate(self, invalidation: Invalidation) -> Reach:
        """Forget what it names, everywhere; while the sidecar is away, queue it.

        Raises:
            PannierError: The sidecar refuses it for good, or the client is closed and will not send it again.
        """
        is_settled = False
        try:
            reach = read_reach(self.ask(_commands.invalidate(invalidation)))
            is_settled = True
        except PannierError as error:
            is_settled = not is_outage(error)
            if is_settled or self.is_closed:
                raise
            reach = Reach.QUEUED
        finally:
            if is_settled:
                self._forget_what(invalidation)
            else:  # unanswered, or its caller was interrupted: it was meant all the same
                self.queue(invalidation)
        return reach

    def queue(self, invalidation: Invalidation) -> None:
        """Keep it until the sidecar acknowledges it, and bypass meanwhile what it concerns."""
        self._outbox.add(invalidation)
        self._forget_what(invalidation)

    def name(self, namespace: str) -> None:
        """This namespace is used here."""
        self._outbox.name(namespace)

    def forget(self, keys: Iterable[bytes] | None) -> None:
        """Drop these keys from the near-cache, or everything."""
        if self.near is not None:
            self.near.pushed(keys)

    def close(self) -> None:
        """Send what waits if that is possible now, and hang up. May be called twice."""
        self.is_closed = True
        self.heartbeat.end()
        if not self._outbox.is_closed:
            self._pace.probe_at_once()
            self._transport.probe_at_once()
            self._delivered()
            self._outbox.close()
        self.heartbeat.close()
        if self._feed is not None:
            self._feed.close()
        self._transport.close()

    def _delivered(self) -> float | None:
        """Send again what was not acknowledged, if it is time to: the deadline of the call that began with this."""
        if not self._outbox.is_waiting:
            return None
        deadline = self.clock() + self.settings.timeout
        if self._pace.lets_through():
            sent = self._outbox.waiting()
            commands = [_commands.invalidate(invalidation) for invalidation, _ in sent]
            try:
                self._outbox.settle(sent, self._transport.ask_many(commands, deadline))
            except PannierError as error:
                _log.debug("invalidations go on waiting: %s", error)
            if self._outbox.is_waiting:
                self._pace.gone()
            else:
                self._pace.answered()
        return deadline

    def _forget_what(self, invalidation: Invalidation) -> None:
        self.forget(None if invalidation.is_wide else invalidation.keys)

    def _beat(self) -> None:
        deadline = self.clock() + self.settings.timeout
        self._transport.beat(deadline)
        if self._feed is not None:
            self._feed.beat(deadline)

    def __repr__(self) -> str:
        """What it is made of."""
        return f"<Sidecar {self._transport!r}, {self._outbox!r}, {self.near!r}>"
