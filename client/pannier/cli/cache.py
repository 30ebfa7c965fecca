"""`pannier cache get|set|delete|explain|invalidate`."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import orjson

from pannier._commands import NO_LIFE, Life, Reach, all_stored, read_fetched
from pannier._keys import lane_key
from pannier._wire import BYTES, JSON, NOTHING, TEXT
from pannier.cli.explanation import explanation
from pannier.errors import Unavailable

if TYPE_CHECKING:
    from pannier.client import Client

__all__ = ["cache"]

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "": 1.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|)")
_MEDIA_TYPES = {"text": TEXT, "json": JSON, "bytes": BYTES}
_REACHES = {
    Reach.ACKNOWLEDGED: "done",
    Reach.LOCAL: "done here; the shared tier has yet to hear of it",
}


class Duration(click.ParamType[int]):
    """A duration as people type it, in milliseconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read 500ms, 30s, 2m, 1h, 7d, or seconds."""
        found = _DURATION.fullmatch(str(value))
        if found is None:
            self.fail(f"{value!r} is no duration such as 500ms, 30s, 2m, 1h or 7d", param, ctx)
        return round(float(found[1]) * _UNITS[found[2]] * 1_000)


_KEY = click.argument("key")


@click.group()
def cache() -> None:
    """Read and change cached values."""


@cache.command()
@_KEY
@click.pass_obj
def get(client: Client, key: str) -> None:
    """Write the value of KEY to standard output, byte for byte. Ends with 1 when there is none."""
    fetched = read_fetched(client.sidecar.ask(client.space().peek(lane_key(key))))
    if fetched.status != b"hit" or fetched.value is None:
        click.echo(f"pannier: no value under {key!r} in {client.space().namespace}", err=True)
        sys.exit(1)
    if fetched.content_type == NOTHING:
        click.echo("pannier: the value is nothing (None)", err=True)
    output = sys.stdout.buffer
    output.write(fetched.value)
    if output.isatty():
        output.write(b"\n")
    output.flush()


@cache.command("set")
@_KEY
@click.argument("value", required=False)
@click.option("--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Take the value from here.")
@click.option("--ttl", type=Duration(), help="How long it is fresh: 30s, 1h.  [default: the namespace's]")
@click.option("--stale", type=Duration(), help="How long it may be served after that, while it is refreshed.")
@click.option("--tag", "tags", multiple=True, help="A tag to invalidate it by; may be repeated.")
@click.option(
    "--type",
    "kind",
    type=click.Choice(list(_MEDIA_TYPES)),
    help="What the value is to those who read it.  [default: json if it is, else text, else bytes]",
)
@click.pass_obj
def set_(
    client: Client,
    key: str,
    value: str | None,
    file: Path | None,
    ttl: int | None,
    stale: int | None,
    tags: tuple[str, ...],
    kind: str | None,
) -> None:
    """Store VALUE under KEY; with - as VALUE, what comes on standard input."""
    if (value is None) is (file is None):
        raise click.UsageError("give VALUE, - for standard input, or --file")
    data = _read(value, file)
    life = Life(ttl, stale) if (ttl, stale) != (None, None) else NO_LIFE
    record = (data, _MEDIA_TYPES[kind or _kind_of(data)])
    all_stored([client.sidecar.ask(client.space().store(lane_key(key), record, life, tags))])


@cache.command()
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@click.pass_obj
def delete(client: Client, keys: tuple[str, ...]) -> None:
    """Forget each KEY, whether or not it is there."""
    _tell(client.cache().invalidate(keys=keys))


@cache.command()
@click.option("--tag", "tags", multiple=True, help="Everything with this tag, in all namespaces; may be repeated.")
@click.option("--pattern", "patterns", multiple=True, help="Keys that match this glob, such as 'user:*'.")
@click.option("--key", "keys", multiple=True, help="This key; may be repeated.")
@click.option("--all", "everything", is_flag=True, help="The whole namespace.")
@click.option("--soft", is_flag=True, help="The old values may be served while they are refreshed.")
@click.pass_obj
def invalidate(
    client: Client,
    tags: tuple[str, ...],
    patterns: tuple[str, ...],
    keys: tuple[str, ...],
    *,
    everything: bool,
    soft: bool,
) -> None:
    """Forget values by tag, pattern or key. When it ends, no read through this sidecar sees them."""
    if not (tags or patterns or keys or everything):
        raise click.UsageError("name what to forget: --tag, --pattern, --key or --all")
    _tell(client.cache().invalidate(keys=keys, tags=tags, patterns=patterns, everything=everything, soft=soft))


@cache.command()
@_KEY
@click.option("--json", "as_json", is_flag=True, help="As the sidecar says it, for programs.")
@click.pass_obj
def explain(client: Client, key: str, *, as_json: bool) -> None:
    """Say why KEY is what it is. Its lives, its tags, who is loading it, and what killed it."""
    told = client.cache().explain(key)
    if as_json:
        click.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2))
    else:
        click.echo(explanation(told))


def _read(value: str | None, file: Path | None) -> bytes:
    if file is not None:
        return file.read_bytes()
    return sys.stdin.buffer.read() if value == "-" else (value or "").encode()


def _kind_of(data: bytes) -> str:
    try:
        orjson.loads(data)
    except orjson.JSONDecodeError:
        pass
    else:
        return "json"
    try:
        data.decode()
    except UnicodeDecodeError:
        return "bytes"
    return "text"


def _tell(reach: Reach) -> None:
    if reach not in _REACHES:  # a process that ends cannot keep it until the sidecar is back
        raise Unavailable("no sidecar has taken this invalidation")
    click.echo(_REACHES[reach], err=True)
