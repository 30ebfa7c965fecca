"""`pannierd drain`: ask a sidecar to end as SIGTERM would, where a signal cannot reach it.

Which one: the `server.web_address` that was given, else the PANNIER_WEB_URL that `pannierd run` hands to its command,
else the default address.
"""

from __future__ import annotations

import http.client
import os
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pannierd.commands.exits import Exit, Failure
from pannierd.commands.sources import add_sources, loaded
from pannierd.config.address import Address

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping

    from pannierd.config.loading import Loaded

__all__ = ["arguments", "run"]

TIMEOUT_S: Final = 5.0


def arguments(parser: ArgumentParser) -> None:
    """--token-file, and where the sidecar is."""
    parser.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="its first token is an operator's; not needed without tenants",
    )
    add_sources(parser)


def run(options: Namespace) -> int:
    """POST /v1/admin/drain. Returns when the sidecar has begun to drain, not when it has ended."""
    address = _where(loaded(options), os.environ)
    headers = {"Authorization": f"Bearer {_first_token(options.token_file)}"} if options.token_file else {}
    with closing(http.client.HTTPConnection(address.host, address.port, timeout=TIMEOUT_S)) as connection:
        try:
            connection.request("POST", "/v1/admin/drain", headers=headers)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            raise Failure(Exit.NO, f"no sidecar answers at {address}: {_why(error)}") from error
    if status >= http.client.BAD_REQUEST:
        raise Failure(Exit.NO, _refusal(status, address))
    sys.stdout.write(f"draining the sidecar at {address}\n")
    return Exit.DONE


def _where(result: Loaded, variables: Mapping[str, str]) -> Address:
    handed_over = variables.get("PANNIER_WEB_URL")
    if handed_over and ("server", "web_address") not in result.origins:
        return _of_url(handed_over)
    web_address = result.config.server.web_address
    if not web_address:
        raise Failure(Exit.BAD_CONFIG, "server.web_address is switched off, so there is nobody to ask; send SIGTERM")
    return Address.parse(web_address).from_here


def _of_url(url: str) -> Address:
    try:
        return Address.parse(url.removeprefix("http://").removesuffix("/"))
    except ValueError as error:
        raise Failure(Exit.USAGE, f"PANNIER_WEB_URL is {url}: expected http://host:port") from error


def _why(error: OSError | http.client.HTTPException) -> str:
    if isinstance(error, TimeoutError):
        return f"nothing came within {TIMEOUT_S:g} s"
    if isinstance(error, http.client.RemoteDisconnected):
        return "it hung up"
    return getattr(error, "strerror", None) or "it does not speak HTTP"


def _first_token(file: Path) -> str:
    try:
        lines = file.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError) as error:
        raise Failure(Exit.USAGE, f"--token-file {file}: {error}") from error
    for line in map(str.strip, lines):
        if line and not line.startswith("#"):
            return line
    raise Failure(Exit.USAGE, f"--token-file {file}: no token in it")


def _refusal(status: int, address: Address) -> str:
    reasons = {
        http.client.UNAUTHORIZED: "it needs --token-file, with a token that it knows",
        http.client.FORBIDDEN: "the token needs the operator role",
        http.client.CONFLICT: "it was started by 'pannierd run', and ends with its command",
    }
    return f"the sidecar at {address} refused: {reasons.get(http.HTTPStatus(status), f'HTTP status {status}')}"
