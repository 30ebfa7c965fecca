"""FastAPI and Starlette: the async client opened and closed with the application, and handed to routes.

from fastapi import Depends, FastAPI
from pannier.integrations.fastapi import CacheClient, install, lifespan

app = FastAPI(lifespan=lifespan())
install(app)

@app.get("/users/{user_id}")
async def user(user_id: str, client: CacheClient) -> User: ...
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends
from fastapi.responses import JSONResponse
from starlette.requests import HTTPConnection  # noqa: TC002 - FastAPI reads the annotations of a dependency

from pannier import aio
from pannier.errors import DeadlineExceeded, Overloaded, PannierError, QuotaExceeded, Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from fastapi import FastAPI
    from starlette.requests import Request

__all__ = ["CacheClient", "cache_client", "install", "lifespan"]

# What an application that asked for errors (on_unavailable="raise") passes on: come again. Every other error is a fault
# of the application or of its configuration, and stays a 500.
_PASSED_ON: tuple[type[PannierError], ...] = (Unavailable, Overloaded, DeadlineExceeded, QuotaExceeded)
_RETRY_AFTER_SECONDS = 1


def lifespan(
    client: aio.Client | None = None, inner: Callable[[FastAPI], AbstractAsyncContextManager[Any]] | None = None
) -> Callable[[FastAPI], AbstractAsyncContextManager[Any]]:
    """The application's lifespan with a client in it, closed when the application ends.

    Args:
        client: The client; none: the process's default, which the decorators use.
        inner: The lifespan that the application has already; it begins after the client, and ends before it.
    """

    @asynccontextmanager
    async def living(app: FastAPI) -> AsyncIterator[Any]:
        app.state.pannier = own = client or aio.client()
        try:
            if inner is None:
                yield None
            else:
                async with inner(app) as state:
                    yield state
        finally:
            await own.close()

    return living


def cache_client(connection: HTTPConnection) -> aio.Client:
    """A dependency: the application's client; without `lifespan`, the process's default."""
    client: aio.Client | None = getattr(connection.app.state, "pannier", None)
    return client or aio.client()


CacheClient = Annotated[aio.Client, Depends(cache_client)]


def install(app: FastAPI) -> None:
    """Answer 503 with Retry-After when a route raises that the sidecar is away, busy or out of quota."""
    for kind in _PASSED_ON:
        app.add_exception_handler(kind, _come_again)


def _come_again(_: Request, error: Exception) -> JSONResponse:
    code = error.code if isinstance(error, PannierError) else PannierError.code
    return JSONResponse(
        {"detail": "Temporarily unavailable", "code": code},
        status_code=503,
        headers={"Retry-After": str(_RETRY_AFTER_SECONDS)},
    )
