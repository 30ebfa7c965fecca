"""Where the sidecar is, who we are to it, and how long we wait for it: arguments first, then the environment.

PANNIER_URL         unix:///run/pannier/lane.sock or tcp://127.0.0.1:7481
PANNIER_TOKEN_FILE  a file with the token; read again for every connection, so a new token needs no restart
PANNIER_TOKEN       the token itself
PANNIER_NAMESPACE   the namespace of calls that name none, "default" when unset
PANNIER_TIMEOUT_MS  how long any one call may wait for the sidecar, 1,000 when unset

Without an address the client looks at /run/pannier/lane.sock, in the user's runtime folder, then at 127.0.0.1:7481.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pannier.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Endpoint", "NearCacheOptions", "Seconds", "Settings", "milliseconds", "read_token"]

Seconds = float | timedelta

_TIMEOUT_MS = 1_000  # the sidecar's own deadline for a call that names none
_NAMESPACE = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


def milliseconds(duration: Seconds | None, name: str) -> int | None:
    """A duration given in seconds, in whole milliseconds; none stays none.

    Raises:
        Misconfigured: It is negative, or no duration at all.
    """
    if duration is None:
        return None
    if isinstance(duration, timedelta):
        duration = duration.total_seconds()
    if isinstance(duration, bool) or not isinstance(duration, (int, float)) or not 0 <= duration < float("inf"):
        raise Misconfigured(f"{name}: expected seconds (a number that is not negative, or a timedelta): {duration!r}")
    return round(duration * 1_000)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One place where a sidecar may listen: a Unix socket when it has a path, else TCP."""

    path: str = ""
    host: str = ""
    port: int = 0
    guarded: bool = False  # the folder lies where anybody can make one: trusted only if it is the user's own

    @classmethod
    def parse(cls, url: str) -> Endpoint:
        """Read `unix:///path` or `tcp://host:port`.

        Raises:
            Misconfigured: It is neither.
        """
        expected = "expected unix:///path/to/lane.sock or tcp://host:port"
        if "@" in url and not url.startswith("unix:///"):  # a password perhaps: not shown
            raise Misconfigured(
                f"the sidecar's address …@{url.rpartition('@')[2]}: {expected}; the token goes elsewhere"
            )
        try:
            parts = urlsplit(url)
            if parts.scheme == "unix" and parts.path and not parts.netloc:
                return cls(path=parts.path)
            if parts.scheme == "tcp" and parts.hostname and parts.port and not parts.path.strip("/"):
                return cls(host=parts.hostname, port=parts.port)
        except ValueError as error:
            raise Misconfigured(f"the sidecar's address {url!r}: {error}") from error
        raise Misconfigured(f"the sidecar's address {url!r}: {expected}")

    def refusal(self, user: int) -> str:
        """Why this place is not to be trusted by this user of the system, or ""."""
        if not self.guarded:
            return ""
        try:
            owner = Path(self.path).parent.stat().st_uid
        except OSError:
            return ""  # connecting will say what is wrong
        return "" if owner in (0, user) else f"its folder belongs to user {owner}"

    def __str__(self) -> str:
        """The address as it is written in PANNIER_URL."""
        return f"unix://{self.path}" if self.path else f"tcp://{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class NearCacheOptions:
    """How much the near-cache may hold, and for how long.

    Attributes:
        max_bytes: Keys and values with their overhead; the least used go first.
        max_ttl: Seconds that a value may be kept near, however long it lives in the sidecar.
    """

    max_bytes: int = 16_777_216
    max_ttl: float = 60.0

    @classmethod
    def of(cls, choice: NearCacheOptions | int | None) -> NearCacheOptions | None:
        """Read the `near_cache=` argument: options, a budget in bytes, or whether there is one at all."""
        if choice is None or choice is False:
            return None
        if choice is True:
            return cls()
        options = cls(max_bytes=choice) if isinstance(choice, int) else choice
        if not isinstance(options, cls):
            raise Misconfigured(f"near_cache: expected True, a number of bytes or NearCacheOptions: {choice!r}")
        if options.max_bytes <= 0 or options.max_ttl <= 0:
            raise Misconfigured(f"near_cache: expected a budget and a life above zero: {options}")
        return options


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a client was told, made complete.

    Attributes:
        endpoints: Places to look for the sidecar, in this order.
        timeout: Seconds that any one call may wait for the sidecar.
    """

    endpoints: tuple[Endpoint, ...]
    namespace: str
    timeout: float
    near_cache: NearCacheOptions | None = None
    fixed_token: str = field(default="", repr=False)
    token_file: str = ""

    @classmethod
    def resolve(
        cls,
        url: str | None = None,
        *,
        token: str | None = None,
        namespace: str | None = None,
        timeout: Seconds | None = None,
        near_cache: NearCacheOptions | int | None = None,
        environment: Mapping[str, str],
    ) -> Settings:
        """Complete a client's arguments from the environment.

        Raises:
            Misconfigured: An argument or a variable cannot be right.
        """
        url = url or environment.get("PANNIER_URL")
        return cls(
            endpoints=(Endpoint.parse(url),) if url else _usual_places(environment),
            namespace=checked_namespace(namespace or environment.get("PANNIER_NAMESPACE") or "default"),
            timeout=_timeout(timeout, environment.get("PANNIER_TIMEOUT_MS")),
            near_cache=NearCacheOptions.of(near_cache),
            fixed_token=(token or environment.get("PANNIER_TOKEN", "")).strip(),  # a file's, read with its newline
            token_file="" if token else environment.get("PANNIER_TOKEN_FILE", ""),
        )

    def token(self) -> str:
        """The token of this moment, "" for none.

        Raises:
            Misconfigured: The file that should hold it cannot be read, or holds none.
        """
        return read_token(self.token_file, "PANNIER_TOKEN_FILE") if self.token_file else self.fixed_token


def read_token(path: str, source: str) -> str:
    """The token in a file: its first line that is neither empty nor a comment, as the sidecar reads it.

    The source says in errors who named the file.

    Raises:
        Misconfigured: The file cannot be read, or holds none.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{source} {path}: {error}") from error
    for line in map(str.strip, lines):
        if line and not line.startswith("#"):
            return line
    raise Misconfigured(f"{source} {path}: expected a line with a token")


def checked_namespace(name: str) -> str:
    """The name, if it can be a namespace.

    Raises:
        Misconfigured: It cannot.
    """
    if not _NAMESPACE.fullmatch(name):
        raise Misconfigured(f"namespace {name!r}: expected 1 to 64 of A-Z a-z 0-9 _ . : -")
    return name


def _usual_places(environment: Mapping[str, str]) -> tuple[Endpoint, ...]:
    sockets = [Endpoint(path="/run/pannier/lane.sock")]
    if runtime := environment.get("XDG_RUNTIME_DIR"):
        sockets.append(Endpoint(path=f"{runtime}/pannier/lane.sock"))
    sockets.append(Endpoint(path=f"/tmp/pannier-{os.getuid()}/lane.sock", guarded=True))  # noqa: S108 - so it is looked at before use
    return (*sockets, Endpoint(host="127.0.0.1", port=7_481))


def _timeout(given: Seconds | None, variable: str | None) -> float:
    if given is not None:
        if not (timeout_ms := milliseconds(given, "timeout")):
            raise Misconfigured(f"timeout: expected a time above zero: {given!r}")
        return timeout_ms / 1_000
    if not variable:
        return _TIMEOUT_MS / 1_000
    if not variable.isdecimal() or not int(variable):
        raise Misconfigured(f"PANNIER_TIMEOUT_MS: expected whole milliseconds above zero: {variable!r}")
    return int(variable) / 1_000
