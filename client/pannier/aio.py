"""The async client: a cache that many tasks share, over one connection that carries the commands of a turn together.

async with pannier.aio.Client() as client:
    users = client.cache("users")
    await users.set("7", {"name": "Ada"}, ttl=60, tags=["user"])
    await users.get("7")
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from pannier._aio_cache import Cache
from pannier._aio_loader import AioLoader
from pannier._aio_sidecar import AioSidecar
from pannier._commands import Space
from pannier._config import Settings, checked_namespace
from pannier._default import Default
from pannier._shelf import MAX_CACHES, Shelf
from pannier._values import codec_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from pannier._config import NearCacheOptions, Seconds
    from pannier._protocol import OnUnavailable

__all__ = ["DEFAULT", "Cache", "Client", "client"]

T = TypeVar("T")


class Client:
    """A client for tasks, of any event loop and after a fork; connects on first use."""

    def __init__(
        self,
        url: str | None = None,
        *,
        token: str | None = None,
        namespace: str | None = None,
        timeout: Seconds | None = None,
        near_cache: NearCacheOptions | int | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """Complete the arguments from the environment (PANNIER_URL and the others).

        Args:
            url: `unix:///path/to/lane.sock` or `tcp://host:port`; none: the usual places, in order.
            token: Who we are; none: nobody, or as the environment says.
            namespace: The namespace of calls that name none.
            timeout: Seconds that any one call may wait for the sidecar.
            near_cache: Keep values in this process, too: True, a budget in bytes, or options.
            clock: Seconds that never go back; none: time.monotonic. For tests.

        Raises:
            Misconfigured: An argument or a variable cannot be right.
        """
        environment = os.environ
        settings = Settings.resolve(
            url, token=token, namespace=namespace, timeout=timeout, near_cache=near_cache, environment=environment
        )
        self.settings = settings
        # What the decorators work with.
        self.sidecar = AioSidecar(settings, clock or time.monotonic)
        self.loader = AioLoader(self.sidecar)
        self.near = self.sidecar.near
        self._caches: dict[Any, Cache[Any]] = {}

    @overload
    def cache(self, namespace: str | None = None, *, on_unavailable: OnUnavailable = "bypass") -> Cache[Any]: ...

    @overload
    def cache(
        self, namespace: str | None = None, *, of: type[T], on_unavailable: OnUnavailable = "bypass"
    ) -> Cache[T]: ...

    def cache(
        self, namespace: str | None = None, *, of: Any = Any, on_unavailable: OnUnavailable = "bypass"
    ) -> Cache[Any]:
        """The cache of one namespace.

        Args:
            namespace: Its name; none: the client's.
            of: The type of the values; by default plain JSON types, bytes and str, each as it was stored.
            on_unavailable: What look-ups and fills do while the sidecar is away.

        Raises:
            Misconfigured: The name or the policy cannot be.
            NotCacheable: Values of this type would not come back as they went in.
        """
        choice = (namespace, of, on_unavailable)
        cache = self._caches.get(choice)
        if cache is None:
            if len(self._caches) >= MAX_CACHES:
                self._caches.clear()
            shelf = Shelf(self.space(namespace), codec_for(of), on_unavailable, self.loader.bypass)
            cache = Cache(self.sidecar, self.loader, shelf)
            self._caches[choice] = cache
        return cache

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called. A default client that is closed is replaced by a new one."""
        return self.sidecar.is_closed

    def space(self, namespace: str | None = None) -> Space:
        """The commands of a namespace; none: the client's.

        Raises:
            Misconfigured: The name cannot be.
        """
        own = self.settings.namespace
        name = own if namespace is None else checked_namespace(namespace)
        self.sidecar.name(name)
        return Space(name, is_bound=name == own)

    async def close(self) -> None:
        """Send the invalidations that wait, if that is possible now, and hang up. May be called twice.

        In whichever loop it is called, the client is closed in all of them.
        """
        await self.sidecar.close()

    async def __aenter__(self) -> Self:
        """The client itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        await self.close()

    def __repr__(self) -> str:
        """Where it looks, and how things stand."""
        return f"<pannier.aio.Client {', '.join(map(str, self.settings.endpoints))}: {self.sidecar!r}>"


DEFAULT: Default[Client] = Default(Client)


def client() -> Client:
    """The default client of this process, made from the environment on first use.

    Raises:
        Misconfigured: A variable cannot be right.
    """
    return DEFAULT.get()
