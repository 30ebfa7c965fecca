"""One namespace of the cache, for tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from pannier._commands import Reach, all_stored, make_invalidation, read_json
from pannier._keys import lane_key
from pannier._outbox import Invalidation
from pannier._protocol import load
from pannier._shelf import Shelf, life_of
from pannier._values import NOT_FOUND
from pannier.errors import Disconnected, PannierError, is_outage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from pannier._aio_line import AioLine
    from pannier._aio_loader import AioLoader
    from pannier._aio_sidecar import AioSidecar
    from pannier._config import Seconds
    from pannier._near_cache import NearEntry

__all__ = ["Cache"]

T = TypeVar("T")
D = TypeVar("D")


class Cache(Generic[T]):
    """One namespace of the cache, with values of one type. Made by `aio.Client.cache`."""

    def __init__(self, sidecar: AioSidecar, loader: AioLoader, shelf: Shelf[T]) -> None:
        """Look at one shelf."""
        self._sidecar = sidecar
        self._loader = loader
        self._shelf = shelf
        self._space = shelf.space
        self._near = sidecar.near
        # The shelf's own, one look nearer.
        self._places = shelf.places
        self._peeks = shelf.peeks
        self._codec = shelf.codec
        self._found = shelf.found
        self._bare_line = sidecar.bare_line

    @overload
    async def get(self, key: str | bytes) -> T | None: ...

    @overload
    async def get(self, key: str | bytes, default: D) -> T | D: ...

    async def get(self, key: str | bytes, default: Any = None) -> Any:
        """The fresh value, or the default; also while the sidecar is away, under the policy "bypass".

        Raises:
            PannierError: The sidecar refuses; or it is away, under the policy "raise".
        """
        near = self._near
        if near is not None:
            place = self._places.get(key) or self._shelf.place(key)
            if (value := near.value(place, self._codec)) is not NOT_FOUND:
                return value
        command = self._peeks.get(key) or self._shelf.peek(key)
        line = self._bare_line()
        try:
            if line is not None:  # hot: F2 guards it
                value = self._found(await line.ask(command))
            else:
                value = self._found(await self._sidecar.fetch(self._space, lane_key(key), command))
        except PannierError as error:
            value = await self._found_again(lane_key(key), command, line, error)
        return default if value is NOT_FOUND else value

    async def get_many(self, keys: Iterable[str | bytes]) -> dict[str | bytes, T]:
        """The fresh values among these keys, in one exchange. Raises as `get` does."""
        names = {key: lane_key(key) for key in keys}
        try:
            replies = await self._sidecar.peek_many(self._space, list(names.values()))
        except PannierError as error:
            values = {key: self._shelf.excused(error, self._last_known(name)) for key, name in names.items()}
        else:
            values = {key: self._shelf.found(reply) for key, reply in zip(names, replies, strict=True)}
        return {key: value for key, value in values.items() if value is not NOT_FOUND}

    async def set(
        self,
        key: str | bytes,
        value: T | None,
        *,
        ttl: Seconds | None = None,
        stale: Seconds | None = None,
        tags: Sequence[str] = (),
    ) -> bool:
        """Store a value in any case; whether it is stored.

        While the sidecar is away it is not, and the key's older value is invalidated as soon as the sidecar is back.

        Args:
            key: 1 to 1,024 bytes; a longer one is shortened to a hash.
            value: The value. None is stored for `ttl`, or for the namespace's time for nothing.
            ttl: Seconds that it is fresh; none: the namespace's.
            stale: Seconds after that in which it may be served while it is refreshed; none: the namespace's.
            tags: Names under which it can be invalidated, the tenant's in all namespaces.

        Raises:
            NotCacheable: The value would not come back as it is.
            PannierError: The sidecar refuses; or it is away, under the policy "raise".
        """
        return await self.set_many({key: value}, ttl=ttl, stale=stale, tags=tags)

    async def set_many(
        self,
        values: Mapping[Any, T | None],
        *,
        ttl: Seconds | None = None,
        stale: Seconds | None = None,
        tags: Sequence[str] = (),
    ) -> bool:
        """Store values in any case, in one exchange; whether all are stored. Raises as `set` does."""
        names = {lane_key(key): value for key, value in values.items()}
        commands = [self._shelf.store(name, value, ttl, stale, tags) for name, value in names.items()]
        try:
            replies = await self._sidecar.ask_many(commands)
        except PannierError as error:
            if is_outage(error):
                self._sidecar.queue(Invalidation(self._space.namespace, keys=tuple(names)))
            if not is_outage(error) or self._shelf.on_unavailable == "raise":
                raise
            return False
        finally:
            self._sidecar.forget(names)
        return all_stored(replies)

    async def delete(self, key: str | bytes) -> Reach:
        """Forget one key; how far that got. Raises as `invalidate` does."""
        return await self.invalidate(keys=[key])

    async def get_or_set(
        self,
        key: str | bytes,
        function: Callable[[], Awaitable[T]],
        *,
        ttl: Seconds | None = None,
        stale: Seconds | None = None,
        negative_ttl: Seconds | None = None,
        tags: Sequence[str] = (),
    ) -> T:
        """The cached value; or the function's, which is then cached. Of concurrent callers, one runs the function.

        Raises:
            PannierError: The sidecar refuses; or it is away, under the policy "raise".
            Exception: What the function raises.
        """
        name = lane_key(key)
        if self._near is not None:
            value: T = self._near.value(self._space.prefix + name, self._shelf.codec)
            if value is not NOT_FOUND:
                return value
        life = life_of(ttl, stale, negative_ttl)
        call = self._shelf.call(name, function, life, tags, self, self._sidecar.clock())
        loaded: T = await self._loader.value(call, load(call))
        return loaded

    async def invalidate(
        self,
        *,
        keys: Sequence[str | bytes] = (),
        tags: Sequence[str] = (),
        patterns: Sequence[str | bytes] = (),
        everything: bool = False,
        soft: bool = False,
    ) -> Reach:
        """Forget keys, tags (in all of the tenant's namespaces), globs over the keys, or the whole namespace.

        With `soft`, the old values may be served while they are refreshed. While the sidecar is away the invalidation
        waits, and this process bypasses what it concerns.

        Raises:
            BadRequest: It names nothing, or something that cannot be.
        """
        invalidation = make_invalidation(
            self._space.namespace, keys=keys, tags=tags, patterns=patterns, everything=everything, soft=soft
        )
        return await self._sidecar.invalidate(invalidation)

    async def explain(self, key: str | bytes) -> dict[str, Any]:
        """Why the key is what it is.

        Raises:
            PannierError: The sidecar is away or refuses.
        """
        return read_json(await self._sidecar.ask(self._space.explain(lane_key(key))))

    async def _found_again(self, name: bytes, command: bytes, line: AioLine | None, error: PannierError) -> Any:
        """The value, when looking it up failed: over a new line if the old one broke, else as the policy says."""
        if line is not None and isinstance(error, Disconnected):
            try:
                return self._found(await self._sidecar.fetch_again(self._space, name, command, line))
            except PannierError as another:
                error = another
        return self._shelf.excused(error, self._last_known(name))

    def _last_known(self, name: bytes) -> NearEntry | None:
        return self._near.last_known(self._space.prefix + name) if self._near is not None else None

    def __repr__(self) -> str:
        """The namespace."""
        return f"<pannier.aio.Cache {self._space.namespace}>"
