"""The application: product pages over HTTP, straight from the origin under /direct, through the sidecar under /cached.

One process is one worker. It says its port when it serves, and ends on SIGTERM.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web
from shop import Shop

from pannier import aio, cache, cache_invalidate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

NEAR_BYTES = 60_000
"""The near-cache of a worker: less than a tenth of all pages, so that the sidecar has something to do."""


class Catalogue:
    """The shop as the handlers use it: its calls leave the event loop, and the costly one is cached."""

    def __init__(self, shop: Shop, client: aio.Client) -> None:
        self.loads = 0
        self._shop = shop
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="shop")

        @cache(key="product:{product_id}", ttl=600, client=client)
        async def cached_page(product_id: int) -> dict[str, Any] | None:
            return await self.page(product_id)

        @cache_invalidate(key="product:{product_id}", client=client)
        async def change_price(product_id: int, price: int) -> None:
            await self._in_thread(self._shop.set_price, product_id, price)

        self.cached_page = cached_page
        self.change_price = change_price

    async def page(self, product_id: int) -> dict[str, Any] | None:
        self.loads += 1
        page: dict[str, Any] | None = await self._in_thread(self._shop.page, product_id)
        return page

    async def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    def close(self) -> None:
        self._thread.shutdown()


CATALOGUE: web.AppKey[Catalogue] = web.AppKey("catalogue", Catalogue)


async def direct(request: web.Request) -> web.Response:
    return shown(await request.app[CATALOGUE].page(int(request.match_info["id"])))


async def cached(request: web.Request) -> web.Response:
    return shown(await request.app[CATALOGUE].cached_page(int(request.match_info["id"])))


def shown(page: dict[str, Any] | None) -> web.Response:
    return web.json_response(page, status=HTTPStatus.OK if page else HTTPStatus.NOT_FOUND)


async def put_price(request: web.Request) -> web.Response:
    await request.app[CATALOGUE].change_price(int(request.match_info["id"]), int(await request.text()))
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def loads(request: web.Request) -> web.Response:
    return web.json_response(request.app[CATALOGUE].loads)


def build(shop_path: Path) -> web.Application:
    async def catalogue(app: web.Application) -> AsyncIterator[None]:
        shop = Shop(shop_path)
        async with aio.Client(near_cache=NEAR_BYTES) as client:
            app[CATALOGUE] = Catalogue(shop, client)
            yield
            app[CATALOGUE].close()
        shop.close()

    app = web.Application()
    app.cleanup_ctx.append(catalogue)
    app.add_routes(
        [
            web.get("/direct/{id:[0-9]+}", direct),
            web.get("/cached/{id:[0-9]+}", cached),
            web.put("/price/{id:[0-9]+}", put_price),
            web.get("/loads", loads),
        ]
    )
    return app


async def serve(shop_path: Path) -> None:
    """Serve on a free port until SIGTERM."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    runner = web.AppRunner(build(shop_path), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await ended.wait()
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
