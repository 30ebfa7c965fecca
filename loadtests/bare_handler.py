"""What F7 compares with: one aiohttp handler that answers with a ready value, on uvloop, and nothing round it."""

from __future__ import annotations

import sys

import uvloop
from aiohttp import web

VALUE = b"x" * 100


async def value(_: web.Request) -> web.Response:
    return web.Response(body=VALUE, content_type="application/octet-stream")


def main() -> None:
    application = web.Application()
    application.router.add_get("/value", value)
    web.run_app(
        application, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None, loop=uvloop.new_event_loop()
    )


if __name__ == "__main__":
    main()
