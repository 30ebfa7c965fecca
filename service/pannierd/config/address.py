"""A listener's address: host and port, and whether other hosts can reach it."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

__all__ = ["Address"]

MAX_PORT: Final = 65_535
EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}
EXPECTED: Final = "expected host:port, [host]:port for IPv6"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a TCP listener is. Port 0 lets the system choose one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `host:port`; an IPv6 address stands in brackets.

        Raises:
            ValueError: the text is nothing of the kind.
        """
        host, colon, port = text.rpartition(":")
        bracketed = host.startswith("[") and host.endswith("]")
        if not (host and colon and port.isascii() and port.isdigit() and int(port) <= MAX_PORT):
            raise ValueError(EXPECTED)
        if bracketed != (":" in host):
            raise ValueError(EXPECTED)
        return cls(host[1:-1] if bracketed else host, int(port))

    @property
    def is_loopback(self) -> bool:
        """Whether only this host can reach it. A name other than localhost may mean anything, so it does not count."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def from_here(self) -> Address:
        """Where this host reaches it: who listens on every address is called on the loopback one."""
        return Address(EVERYWHERE.get(self.host, self.host), self.port)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
