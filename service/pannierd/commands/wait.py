"""`pannierd wait`: until the sidecar serves. For entry points, health checks and scripts."""

from __future__ import annotations

import http.client
import time
from contextlib import closing
from typing import TYPE_CHECKING, Final

from pannierd.commands.durations import seconds
from pannierd.commands.exits import Exit, Failure
from pannierd.commands.sources import add_sources, loaded
from pannierd.config.address import Address

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from pannierd.config import Server

__all__ = ["arguments", "run"]

ASK_EVERY_S: Final = 0.05


def arguments(parser: ArgumentParser) -> None:
    """--max, and where the sidecar is."""
    parser.add_argument("--max", type=seconds, default=30.0, metavar="TIME", help="give up after this; default 30s")
    add_sources(parser)


def run(options: Namespace) -> int:
    """Ask `/startupz` of the diagnostics listener until it says yes."""
    address = _where(loaded(options).config.server)
    until = time.monotonic() + options.max
    while (left := until - time.monotonic()) > 0:
        if _serves(address, left):
            return Exit.DONE
        time.sleep(min(ASK_EVERY_S, max(0.0, until - time.monotonic())))
    raise Failure(Exit.NO, f"no sidecar serves at {address} after {options.max:g} s")


def _where(server: Server) -> Address:
    if not server.diagnostics_address:
        raise Failure(Exit.BAD_CONFIG, "server.diagnostics_address is switched off, so there is nobody to ask")
    address = Address.parse(server.diagnostics_address)
    if not address.port:
        raise Failure(Exit.BAD_CONFIG, "server.diagnostics_address has port 0, so nobody knows where to ask")
    return address.from_here


def _serves(address: Address, timeout_s: float) -> bool:
    with closing(http.client.HTTPConnection(address.host, address.port, timeout=timeout_s)) as connection:
        try:
            connection.request("GET", "/startupz")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
