"""URLs: how a sidecar's listeners are called from this host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pannierd.config.address import Address

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["lane_url", "web_url"]


def lane_url(listeners: Mapping[str, str]) -> str:
    """What PANNIER_URL is for these listeners; "" when the lane is switched off."""
    if socket := listeners.get("lane_socket"):
        return f"unix://{socket}"
    return f"tcp://{_from_here(listeners['lane_address'])}" if "lane_address" in listeners else ""


def web_url(listeners: Mapping[str, str]) -> str:
    """The base of every HTTP path; "" when the web lane is switched off."""
    return f"http://{_from_here(listeners['web_address'])}" if "web_address" in listeners else ""


def _from_here(address: str) -> str:
    return str(Address.parse(address).from_here)
