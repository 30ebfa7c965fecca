"""The banner: where the sidecar listens, and three calls to try, for a person at a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pannierd import __version__
from pannierd.commands.urls import lane_url, web_url
from pannierd.config.address import Address

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["banner"]

PYTHON: Final = 'import pannier; print(pannier.client().cache("default").get("hello"))'


def banner(listeners: Mapping[str, str], *, is_open: bool, python: str = "python3") -> str:
    """A few lines of plain text.

    Args:
        listeners: where the sidecar listens, by the name of the knob.
        is_open: whether callers need no token; the calls are left out where they would.
        python: the interpreter that has the client.
    """
    calls = [f"  {call}" for call in _calls(listeners, python)] if is_open else []
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


def _places(listeners: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if web := listeners.get("web_address"):
        yield "HTTP", f"http://{web}"
    if socket := listeners.get("lane_socket"):
        yield "lane", f"unix://{socket}"
    if lane := listeners.get("lane_address"):
        yield "lane", f"tcp://{lane}"
    if diagnostics := listeners.get("diagnostics_address"):
        yield "metrics", f"http://{diagnostics}/metrics"


def _calls(listeners: Mapping[str, str], python: str) -> Iterator[str]:
    """One key through each door, in this order: HTTP writes it, the others read it."""
    if web := web_url(listeners):
        yield f"curl -X PUT -H 'Content-Type: text/plain; charset=utf-8' -d world {web}/v1/cache/default/hello"
    if socket := listeners.get("lane_socket"):
        yield f"redis-cli -s {socket} GET hello"
    elif lane := listeners.get("lane_address"):
        address = Address.parse(lane).from_here
        yield f"redis-cli -h {address.host} -p {address.port} GET hello"
    if url := lane_url(listeners):
        yield f"PANNIER_URL={url} {python} -c '{PYTHON}'"
