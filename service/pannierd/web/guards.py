"""The guard against browsers: a page from anywhere can make a browser call a loopback address.

A name that an attacker rebinds to 127.0.0.1 shows in `Host`; a call from a page shows in `Origin`, or in the browser's
own `Sec-Fetch-Site` where it sends no Origin (an image, a link). Neither is believed to be harmless for being absent:
Host is demanded, and no CORS header is ever sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multidict import istr

from pannierd.errors import Forbidden, HostRefused

if TYPE_CHECKING:
    from multidict import CIMultiDictProxy

    from pannierd.config import Server

__all__ = ["Guard"]

LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
WILDCARDS: Final = frozenset({"0.0.0.0", "[::]"})  # where to listen, and no name by which anybody should ask
NOT_FROM_A_PAGE: Final = frozenset({"none", "same-origin"})  # typed by a person, or our own answer asking again

HOST: Final = istr("Host")
ORIGIN: Final = istr("Origin")
SEC_FETCH_SITE: Final = istr("Sec-Fetch-Site")


class Guard:
    """Which hosts this listener answers to, and which origins may call it."""

    def __init__(self, server: Server) -> None:
        own_name, _, _ = server.web_address.lower().rpartition(":")
        self._hosts = LOOPBACK_NAMES | {host.lower() for host in server.allowed_hosts} | ({own_name} - WILDCARDS)
        self._origins = frozenset(server.allowed_origins)

    def check(self, headers: CIMultiDictProxy[str], authority: str | None) -> None:
        """Let the request pass or refuse it. `authority` is that of an absolute-form target, which overrules Host.

        Raises:
            HostRefused: the name by which the caller asked is not one of ours.
            Forbidden: a page asks whose origin is not allowed.
        """
        host = headers.get(HOST, "")
        if not self._is_ours(host) or not (authority is None or self._is_ours(authority)):
            raise HostRefused("this Host is not one that the sidecar answers to; server.allowed_hosts can add it")
        origin = headers.get(ORIGIN)
        if origin is not None:
            if origin not in self._origins:
                raise Forbidden("calls from web pages are refused; server.allowed_origins can allow this Origin")
        elif headers.get(SEC_FETCH_SITE, "none") not in NOT_FROM_A_PAGE:
            raise Forbidden("calls from web pages are refused, and this one names no Origin that could be allowed")

    def _is_ours(self, host: str) -> bool:
        """Whether the name is allowed, with any port or none."""
        name, colon, port = host.rpartition(":")
        return (name if colon and port.isdecimal() else host).lower() in self._hosts
