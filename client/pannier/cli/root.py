"""`pannier`, the group of all commands: where the sidecar is, who we are to it, and how errors end a command."""

from __future__ import annotations

from typing import Any

import click

from pannier import __version__
from pannier._config import read_token
from pannier.cli.cache import cache
from pannier.cli.status import status
from pannier.client import Client
from pannier.errors import Misconfigured, PannierError

__all__ = ["EXIT_CODES", "pannier"]

_REFUSED, _USAGE, _AWAY = 1, 2, 3
EXIT_CODES = {
    0: "done",
    _REFUSED: "there is no such value, or the sidecar refused the call",
    _USAGE: "the call itself was wrong: an option, an address",
    _AWAY: "no sidecar answered, or it said to come again",
}


class Commands(click.Group):
    """A group whose commands end with one line on standard error, and a code for programs, instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Carry out the command."""
        try:
            return super().invoke(ctx)
        except Misconfigured as error:
            _end(ctx, error, _USAGE)
        except PannierError as error:
            _end(ctx, error, _AWAY if error.retryable else _REFUSED)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog='Completion: eval "$(_PANNIER_COMPLETE=bash_source pannier)", or zsh_source, or fish_source.',
)
@click.version_option(__version__, prog_name="pannier")
@click.option("--url", help="unix:///path/to/lane.sock or tcp://host:port. [PANNIER_URL; else the usual places]")
@click.option(
    "--token-file",
    type=click.Path(exists=True, dir_okay=False),
    help="A file with the token that says who you are. [PANNIER_TOKEN_FILE]",
)
@click.option("-n", "--namespace", help="Which part of the cache. [PANNIER_NAMESPACE; else default]")
@click.option("--timeout", type=float, metavar="SECONDS", help="How long to wait for the sidecar.  [default: 1]")
@click.pass_context
def pannier(
    ctx: click.Context, url: str | None, token_file: str | None, namespace: str | None, timeout: float | None
) -> None:
    """Look into a Pannier sidecar, and change what it holds."""
    ctx.obj = ctx.with_resource(_client(url, token_file, namespace, timeout))


pannier.add_command(cache)
pannier.add_command(status)


def _client(url: str | None, token_file: str | None, namespace: str | None, timeout: float | None) -> Client:
    token = read_token(token_file, "--token-file") if token_file else None
    return Client(url, token=token, namespace=namespace, timeout=timeout)


def _end(ctx: click.Context, error: PannierError, code: int) -> None:
    click.echo(f"pannier: {error.detail} ({error.code})", err=True)
    ctx.exit(code)
