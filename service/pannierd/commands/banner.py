"""The banner: where the sidecar listens, and three calls to try, for a person at a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pannierd import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["banner"]


def banner(listeners: Mapping[str, str]) -> str:
    """A few lines of plain text."""
    lines = [
        f"Pannier {__version__} serves.",
        "",
        *(f"  {name:<12}{place}" for name, place in _places(listeners)),
        "",
        "Try, in another terminal:",
        "",
        *(f"  {call}" for call in _calls(listeners)),
        "",
        "Ctrl+C ends it.",
        "",
    ]
    return "\n".join(lines)


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
    if web := listeners.get("web_address"):
        yield f"curl -X PUT -H 'Content-Type: text/plain; charset=utf-8' -d world http://{web}/v1/cache/default/hello"
    if socket := listeners.get("lane_socket"):
        yield f"redis-cli -s {socket} GET hello"
    elif lane := listeners.get("lane_address"):
        host, _, port = lane.rpartition(":")
        yield f"redis-cli -h {host} -p {port} GET hello"
    if url := lane_url(listeners):
        script = 'import pannier; print(pannier.client().cache("default").get("hello"))'
        yield f"PANNIER_URL={url} python -c '{script}'"


def lane_url(listeners: Mapping[str, str]) -> str:
    """What PANNIER_URL is for these listeners; "" when the lane is switched off."""
    if socket := listeners.get("lane_socket"):
        return f"unix://{socket}"
    return f"tcp://{listeners['lane_address']}" if "lane_address" in listeners else ""
