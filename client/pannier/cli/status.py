"""`pannier status`: whether the sidecar answers, how fast, and what it says about itself.

It asks over the lane (INFO), as everything else here does: who can use the cache can ask, and there is one address to
know. What is about HTTP and readiness stands under `/v1/status` and `/readyz` of the sidecar's other listeners.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click
import orjson

from pannier import __version__
from pannier._wire import PING, pack
from pannier.cli.explanation import duration

if TYPE_CHECKING:
    from pannier.client import Client

__all__ = ["status"]

_MEBIBYTE = 1_048_576


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def status(client: Client, *, as_json: bool) -> None:
    """Say whether the sidecar answers, and how it is. Ends with 3 when none does."""
    ask = client.sidecar.ask
    told = read_info(ask(pack("INFO")))
    began = time.perf_counter()
    ask(PING)
    found = summary(told, client.settings.namespace, (time.perf_counter() - began) * 1_000)
    click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2) if as_json else described(found))


def read_info(reply: Any) -> dict[str, str]:
    """INFO's fields by name; of text with or without the name of its format before it."""
    text = reply.decode() if isinstance(reply, bytes) else str(reply)
    fields = (line.partition(":") for line in text.splitlines() if line and not line.startswith("#"))
    return {name: value for name, _, value in fields}


def summary(told: dict[str, str], namespace: str, round_trip_ms: float) -> dict[str, Any]:
    """What of it matters, in numbers."""
    hits, misses = int(told["keyspace_hits"]), int(told["keyspace_misses"])
    return {
        "sidecar_version": told["pannier_version"],
        "client_version": __version__,
        "round_trip_ms": round(round_trip_ms, 3),
        "uptime_seconds": int(told["uptime_in_seconds"]),
        "namespace": namespace,
        "used_bytes": int(told["used_memory"]),
        "max_bytes": int(told["maxmemory"]),
        "hits": hits,
        "misses": misses,
        "hit_ratio": round(hits / (hits + misses), 4) if hits + misses else None,
        "evicted": int(told["evicted_keys"]),
        "expired": int(told["expired_keys"]),
        "connections": int(told["connected_clients"]),
    }


def described(found: dict[str, Any]) -> str:
    """The same for people."""
    ratio = "no requests yet" if found["hit_ratio"] is None else f"{found['hit_ratio']:.1%} of the requests"
    rows = {
        "sidecar": f"{found['sidecar_version']}, up for {_uptime(found['uptime_seconds'])}",
        "client": found["client_version"],
        "answers in": f"{found['round_trip_ms']:.2f} ms",
        "namespace": found["namespace"],
        "memory": f"{found['used_bytes'] / _MEBIBYTE:.1f} of {found['max_bytes'] / _MEBIBYTE:.0f} MiB of this tenant",
        "hits": f"{found['hits']:,}, {ratio}",
        "misses": f"{found['misses']:,}",
        "let go": f"{found['expired']:,} expired, {found['evicted']:,} for want of room",
        "connections": f"{found['connections']:,}",
    }
    width = max(map(len, rows))
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows.items())


def _uptime(seconds: int) -> str:
    """INFO counts whole seconds."""
    return duration(seconds * 1_000) if seconds else "less than a second"
