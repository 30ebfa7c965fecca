"""aiohttp: the async client opened and closed with the application.

from pannier.integrations.aiohttp import CLIENT, setup

setup(app)

async def handler(request: web.Request) -> web.Response:
    users = request.app[CLIENT].cache("users")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from pannier import aio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["CLIENT", "setup"]

CLIENT = web.AppKey("pannier", aio.Client)
"""Where the application has its client."""


def setup(app: web.Application, client: aio.Client | None = None) -> None:
    """Give the application a client, under the key CLIENT, from its start to its end.

    Args:
        app: The application.
        client: The client; none: the process's default, which the decorators use.
    """

    async def living(app: web.Application) -> AsyncIterator[None]:
        app[CLIENT] = own = client or aio.client()
        yield
        await own.close()

    app.cleanup_ctx.append(living)
