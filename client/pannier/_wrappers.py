"""The wrappers that the decorators put round functions: each once for threads and once for tasks."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pannier._cached import is_async
from pannier._default import Default
from pannier._protocol import load, reload
from pannier._values import NOT_FOUND
from pannier.aio import DEFAULT as AIO_DEFAULT
from pannier.aio import Client as AioClient
from pannier.client import DEFAULT, Client
from pannier.errors import Misconfigured

if TYPE_CHECKING:
    from pannier._cached import AnyClient, CachedFunction
    from pannier._outbox import Invalidation

__all__ = ["applied", "home_of", "invalidating", "looking_up", "running"]

F = TypeVar("F", bound=Callable[..., Any])
Invalidate = Callable[..., "Invalidation | None"]


def applied(decorate: Callable[[F], Any], function: F | None) -> F | Callable[[F], F]:
    """A decorator written bare is given the function; with brackets it is given it later."""

    def decorated(function: F) -> F:
        if isinstance(function, (classmethod, staticmethod)):
            return cast("F", type(function)(decorate(cast(F, function.__func__))))
        decorated_one: F = decorate(function)
        return decorated_one

    return decorated if function is None else decorated(function)


def home_of(function: Callable[..., Any], client: AnyClient | None) -> Default[Any]:
    """The client that a function uses, whenever it is called.

    Raises:
        Misconfigured: The client is of the other kind.
    """
    home: Default[Any] = AIO_DEFAULT if is_async(function) else DEFAULT
    if client is None:
        return home
    kind: type[AnyClient] = AioClient if is_async(function) else Client
    if not isinstance(client, kind):
        raise Misconfigured(f"{function.__qualname__} needs a {kind.__module__}.Client, not {client!r}")
    return Default(lambda: client, client)  # closed or not: it is the one that was asked for


def looking_up(plan: CachedFunction, home: Default[Any]) -> Any:
    """Answer from the cache, or run the function and keep its result."""
    function = plan.function
    hit = plan.hit

    async def aio_wrapper(*args: Any, **kwargs: Any) -> Any:
        value = hit(home.current, args, kwargs)
        if value is not NOT_FOUND:
            return value
        client: AioClient = home.get()
        call = plan.call(client, args, kwargs)
        if call is None:
            return await function(*args, **kwargs)
        value = plan.found(client, call)
        return await client.loader.value(call, load(call)) if value is NOT_FOUND else value

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        value = hit(home.current, args, kwargs)
        if value is not NOT_FOUND:
            return value
        client: Client = home.get()
        call = plan.call(client, args, kwargs)
        if call is None:
            return function(*args, **kwargs)
        value = plan.found(client, call)
        return client.loader.value(call, load(call)) if value is NOT_FOUND else value

    return functools.wraps(function)(aio_wrapper if is_async(function) else wrapper)


def running(plan: CachedFunction, home: Default[Any]) -> Any:
    """Run the function in any case, and keep its result in place of the older one."""
    function = plan.function

    async def aio_wrapper(*args: Any, **kwargs: Any) -> Any:
        client: AioClient = home.get()
        call = plan.call(client, args, kwargs)
        return await client.loader.value(call, reload(call)) if call else await function(*args, **kwargs)

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        client: Client = home.get()
        call = plan.call(client, args, kwargs)
        return client.loader.value(call, reload(call)) if call else function(*args, **kwargs)

    return functools.wraps(function)(aio_wrapper if is_async(function) else wrapper)


def invalidating(function: Callable[..., Any], invalidation: Invalidate, home: Default[Any]) -> Any:
    """Run the function, then forget what it made untrue, if it is anything."""

    async def aio_wrapper(*args: Any, **kwargs: Any) -> Any:
        result = await function(*args, **kwargs)
        client: AioClient = home.get()
        if (untrue := invalidation(client, args, kwargs, result)) is not None:
            await client.sidecar.invalidate(untrue)
        return result

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        client: Client = home.get()
        if (untrue := invalidation(client, args, kwargs, result)) is not None:
            client.sidecar.invalidate(untrue)
        return result

    return functools.wraps(function)(aio_wrapper if is_async(function) else wrapper)
