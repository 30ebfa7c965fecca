"""A shelf: one namespace holding values of one type. What the sync and the async Cache have in common, without I/O."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pannier._commands import NO_LIFE, Life, read_fetched
from pannier._config import milliseconds
from pannier._keys import lane_key
from pannier._protocol import Call, Policy
from pannier._values import NOT_FOUND, Codec, Undecodable
from pannier._wire import NOTHING
from pannier.errors import Misconfigured, NotCacheable, is_outage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pannier._bypass import Bypass
    from pannier._commands import Space
    from pannier._config import Seconds
    from pannier._near_cache import NearEntry
    from pannier._protocol import OnUnavailable
    from pannier.errors import PannierError

__all__ = ["MAX_CACHES", "Shelf", "checked_policy", "life_of"]

T = TypeVar("T")

_log = logging.getLogger("pannier")

MAX_CACHES = 1_024  # of one client: namespaces and types that are asked for again find what they made
_MAX_KNOWN = 16_384  # keys
_MAX_KNOWN_BYTES = 1_024  # of one of them


def life_of(ttl: Seconds | None, stale: Seconds | None = None, negative_ttl: Seconds | None = None) -> Life:
    """Lives given in seconds, in milliseconds.

    Raises:
        Misconfigured: One is no duration, or there would be nothing to cache.
    """
    if ttl is None and stale is None and negative_ttl is None:
        return NO_LIFE
    life = Life(
        milliseconds(ttl, "ttl"), milliseconds(stale, "stale"), milliseconds(negative_ttl, "negative_ttl") or None
    )
    if life.ttl_ms == 0:
        raise Misconfigured("ttl: expected a time above zero; leave it out for the namespace's own")
    return life


def checked_policy(on_unavailable: OnUnavailable) -> OnUnavailable:
    """What to do when the sidecar is away.

    Raises:
        Misconfigured: There is no such policy.
    """
    if on_unavailable not in ("bypass", "stale", "raise"):
        raise Misconfigured(f"on_unavailable: expected bypass, stale or raise, not {on_unavailable!r}")
    return on_unavailable


class Shelf(Generic[T]):
    """One namespace, one type, and what to do when the sidecar is away."""

    def __init__(self, space: Space, codec: Codec[T], on_unavailable: OnUnavailable, bypass: Bypass) -> None:
        """Bring the four together."""
        self.space = space
        self.codec = codec
        # Of keys that were used before: where each is kept near, and the command that asks for it.
        self.places: dict[str | bytes, bytes] = {}
        self.peeks: dict[str | bytes, bytes] = {}
        self.on_unavailable: OnUnavailable = checked_policy(on_unavailable)
        self._bypass = bypass
        # The log has heard that somebody stores here what this program cannot read.
        self._is_told = False

    def found(self, reply: Any) -> T:
        """The fresh value that the reply to a fetch brings, or NOT_FOUND: stale values are for callers that refresh.

        Raises:
            PannierError: The reply is an error, or nothing that this library understands.
        """
        if type(reply) is not list or reply[0] != b"hit":
            read_fetched(reply)
            return self._nothing()
        if self._bypass.is_on:
            self._bypass.end()
        try:
            return self.codec.decode(reply[1], reply[4])
        except Undecodable as error:  # of another type, or another version of it: a miss
            self._tell(error)
            return NOT_FOUND  # type: ignore[no-any-return]  # a mark that no value is equal to

    def place(self, key: str | bytes) -> bytes:
        """Where the key is kept near; remembered. Raises BadRequest if it can be none."""
        return _remembered(self.places, key, self.space.prefix + lane_key(key))

    def peek(self, key: str | bytes) -> bytes:
        """The command that asks for the key; remembered. Raises BadRequest if it can be none."""
        return _remembered(self.peeks, key, self.space.peek(lane_key(key)))

    def excused(self, error: PannierError, last_known: NearEntry | None) -> T:
        """What a look-up finds without an answer. Raises the error, if the policy or its kind says so."""
        if not is_outage(error) or self.on_unavailable == "raise":
            raise error
        self._bypass.begin(error)
        if self.on_unavailable == "stale" and last_known is not None:
            found: T = last_known.decoded(self.codec)
            return found
        return NOT_FOUND  # type: ignore[no-any-return]  # see found()

    def store(
        self, key: bytes, value: T | None, ttl: Seconds | None, stale: Seconds | None, tags: Sequence[str]
    ) -> bytes:
        """The command that stores a value in any case.

        Raises:
            NotCacheable: The value would not come back as it is.
            BadRequest: The tags are not right.
            Misconfigured: A life is not right.
        """
        try:
            record = self.codec.encode(value)
        except NotCacheable as error:
            name = key.decode("utf-8", "backslashreplace")
            advice = "name the type of a cache's values by cache(of=…)"
            raise NotCacheable(f"{name!r}: {error.detail}; {advice}") from error
        life = life_of(ttl, stale)
        if record[1] == NOTHING and ttl is None:
            life = Life(None, life.stale_ms)
        return self.space.store(key, record, life, tags)

    def _nothing(self) -> T:
        if self._bypass.is_on:
            self._bypass.end()
        return NOT_FOUND  # type: ignore[no-any-return]  # see found()

    def _tell(self, error: Undecodable) -> None:
        level = logging.DEBUG if self._is_told else logging.WARNING
        self._is_told = True
        _log.log(level, "a value in the namespace %s is passed over: %s", self.space.namespace, error)

    def call(
        self,
        key: bytes,
        run: Callable[[], Any],
        life: Life,
        tags: Sequence[str],
        owner: object,
        began: float,
    ) -> Call:
        """A call of get_or_set."""
        policy = Policy(life, on_unavailable=self.on_unavailable)
        return Call(self.space, key, self.codec, policy, run, lambda _: tags, owner, began)


def _remembered(known: dict[str | bytes, bytes], key: str | bytes, made: bytes) -> bytes:
    if len(made) <= _MAX_KNOWN_BYTES:
        if len(known) >= _MAX_KNOWN:
            known.clear()
        known[key] = made
    return made
