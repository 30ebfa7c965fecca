"""What dialling is made of, for asyncio: one place is tried, and we say there who we are."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from pannier._commands import greeting

if TYPE_CHECKING:
    from collections.abc import Callable

    from pannier._aio_line import AioLine
    from pannier._config import Endpoint, Settings

__all__ = ["connect", "greet"]


async def connect(endpoint: Endpoint, make: Callable[[], AioLine]) -> AioLine:
    """A line to this place. Raises OSError when nobody is there, or not whom it should be."""
    if refusal := endpoint.refusal(os.getuid()):
        raise PermissionError(1, refusal)
    loop = asyncio.get_running_loop()
    if endpoint.path:
        _, line = await loop.create_unix_connection(make, endpoint.path)
    else:
        _, line = await loop.create_connection(make, endpoint.host, endpoint.port)
    return line


async def greet(line: AioLine, settings: Settings, *, tracking: bool) -> None:
    """Say who we are; with `tracking`, ask for pushes, too. Hangs up when that fails, and raises the PannierError."""
    replies = [line.ask(command) for command in greeting(settings, tracking=tracking)]
    try:
        answers = await asyncio.gather(*replies, return_exceptions=True)
    except BaseException:
        line.abort()
        raise
    for answer in answers:
        if isinstance(answer, BaseException):
            line.abort()
            raise answer
