"""The banner: where the sidecar listens, and three calls to try, for a person at a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pannierd import __version__
from pannierd.config.address import Address

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["banner", "lane_url", "web_url"]


def banner(listeners: Mapping[str, str], *, is_open: bool) -> str:
    """A few lines of plain text. The calls are left out where they would need a token."""
    calls = [f"  {call}" for call in _calls(listeners)] if is_open else []
    lines = [
        f"Pannier {__version__} serves.",
        "",
        *(f"  {name:<12}{place}" for name, place in _places(listeners)),
        "",
        *(["Try, in another terminal:", "", *calls] if calls else ["Callers need a token of [tenants.*]."]),
        "",
        "Ctrl+C ends it.",
        "",
    ]
    return "\n".join(lines)


def lane_url(listeners: Mapping[str, str]) -> str:
    """What PANNIER_URL is for these listeners; "" when the lane is switched off."""
    if socket := listeners.get("lane_socket"):
        return f"unix://{socket}"
    return f"tcp://{_from_here(listeners['lane_address'])}" if "lane_address" in listeners else ""


def web_url(listeners: Mapping[str, str]) -> str:
    """The base of every HTTP path; "" when the web lane is switched off."""
    return f"http://{_from_here(listeners['web_address'])}" if "web_address" in listeners else ""


def _places(listeners: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if web := listeners.get("web_address"):
        yield "HTTP", f"http://{web}"
    if socket := listeners.get("lane_socket"):
        yield "lane", f"unix://{socket}"
    if lane := listeners.get("lane_address"):
        yield "lane", f"tcp://{lane}"
    if diagnostics := listeners.get("diagnostics_address"):
        yield "metrics", f"http://{diagnostics}/metrics"


def _calls(listeners: Mapping[str, str]) -> Iterator[str]:
    """One key through each door, in this order: HTTP writes it, the others read it."""
    if web := web_url(listeners):
        yield f"curl -X PUT -H 'Content-Type: text/plain; charset=utf-8' -d world {web}/v1/cache/default/hello"
    if socket := listeners.get("lane_socket"):
        yield f"redis-cli -s {socket} GET hello"
    elif lane := listeners.get("lane_address"):
        address = Address.parse(lane).from_here
        yield f"redis-cli -h {address.host} -p {address.port} GET hello"
    if url := lane_url(listeners):
        yield f"""PANNIER_URL={url} python -c 'import pannier; print(pannier.client().cache("default").get("hello"))'"""


def _from_here(address: str) -> str:
    return str(Address.parse(address).from_here)
