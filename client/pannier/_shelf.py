"""A shelf: one namespace holding values of one type. What the sync and the async Cache have in common, without I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pannier._commands import NO_LIFE, Life
from pannier._config import milliseconds
from pannier._protocol import Call, Policy
from pannier._values import Codec, Undecodable
from pannier._wire import NOTHING
from pannier.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pannier._commands import Fetched, Space
    from pannier._config import Seconds
    from pannier._near_cache import NearEntry
    from pannier._protocol import OnUnavailable
    from pannier.errors import PannierError

__all__ = ["NOT_FOUND", "Shelf", "checked_policy", "life_of"]

T = TypeVar("T")

# What a look-up found when it found nothing: None is a value.
NOT_FOUND: Any = object()


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

    def __init__(self, space: Space, codec: Codec[T], on_unavailable: OnUnavailable) -> None:
        """Bring the three together."""
        self.space = space
        self.codec = codec
        self.on_unavailable = checked_policy(on_unavailable)

    def found(self, fetched: Fetched) -> T:
        """The value that a fetch brought, or NOT_FOUND: stale values are for callers that can refresh them."""
        if fetched.value is None or fetched.status != b"hit":
            return NOT_FOUND  # type: ignore[no-any-return]  # a mark that no value is equal to
        return self._decoded(fetched.value, fetched.content_type)

    def near(self, entry: NearEntry) -> T:
        """The value of a near entry, or NOT_FOUND; what cannot be changed is decoded once and shared."""
        codec = self.codec
        if entry.codec is codec:
            shared: T = entry.value
            return shared
        value = self._decoded(entry.data, entry.content_type)
        if codec.shareable and value is not NOT_FOUND:
            entry.value = value
            entry.codec = codec
        return value

    def excused(self, error: PannierError, last_known: NearEntry | None) -> T:
        """What a look-up finds without an answer. Raises the error, if the policy or its kind says so."""
        if not error.retryable or self.on_unavailable == "raise":
            raise error
        if self.on_unavailable == "stale" and last_known is not None:
            return self.near(last_known)
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
        record = self.codec.encode(value)
        life = life_of(ttl, stale)
        if record[1] == NOTHING and ttl is None:
            life = Life(None, life.stale_ms)
        return self.space.store(key, record, life, tags)

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

    def _decoded(self, data: bytes, content_type: bytes) -> T:
        try:
            return self.codec.decode(data, content_type)
        except Undecodable:
            return NOT_FOUND  # type: ignore[no-any-return]  # of another type, or another version of it: a miss
