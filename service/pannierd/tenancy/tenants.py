"""Tenants: a token, or the peer of a Unix socket, becomes a caller. Nothing that a caller sends names its tenant.

Tokens live in files. A file that changes is read again, at most one look a second, so a rotation is: add the new
token, let callers move over, remove the old one. A file that turns bad leaves its former tokens valid, is logged and
makes the sidecar say that it is degraded: to lock everybody out for a half-written file would be the greater harm.
A lane connection keeps the caller that it was given, as in Redis: a removed token opens no new ones.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pannierd.config.mistakes import ConfigError
from pannierd.errors import Unauthenticated
from pannierd.tenancy.rate import TokenBucket
from pannierd.tenancy.token_file import TokenFile, token_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from structlog.typing import FilteringBoundLogger

    from pannierd.config import Tenant

__all__ = ["Caller", "Tenants"]

DEFAULT_TENANT: Final = "default"
ALL_ROLES: Final = frozenset({"use", "operator"})
LOOK_EVERY_S: Final = 1.0
DEGRADED_REASON: Final = "token_file"


@dataclass(frozen=True, slots=True, eq=False)
class Caller:
    """Who calls. One object per token, also after files were read again, so that views bound to it stay cached."""

    tenant: str
    roles: frozenset[str]
    label: str  # which token or peer, without the token: "shop#1", "shop uid 1000", "default"
    rate: TokenBucket | None  # the tenant's, shared by all its callers; None: no limit


class Tenants:
    """Everybody who may call."""

    def __init__(
        self,
        tenants: Mapping[str, Tenant],
        clock: Callable[[], float],
        log: FilteringBoundLogger,
        degraded: set[str],
    ) -> None:
        """Reads every token file.

        Args:
            tenants: `[tenants.*]`. None of them: everybody is `default` and may do everything.
            clock: seconds, monotonic.
            log: told about files that were taken over or refused, and what is unsafe about them.
            degraded: holds "token_file" while a changed file cannot be used.

        Raises:
            ConfigError: a file cannot serve, or one token stands for two tenants.
        """
        self.open = not tenants
        self._clock = clock
        self._log = log
        self._degraded = degraded
        self._default = Caller(DEFAULT_TENANT, ALL_ROLES, DEFAULT_TENANT, None)
        self._models = {name: _model(name, tenant) for name, tenant in tenants.items()}
        self._files = {
            name: TokenFile(Path(tenant.token_file)) for name, tenant in tenants.items() if tenant.token_file
        }
        self._warn_of(self._files.values())
        refused = [file.refused for file in self._files.values() if file.refused]
        if refused:
            raise ConfigError(*refused)
        self._looked_at = clock()
        self._callers: dict[str, Caller] = {}  # by label
        self._by_hash: dict[bytes, Caller] = self._index()
        self._peers = tuple(self._map_peers(tenants))

    def by_token(self, token: str | bytes) -> Caller:
        """The caller whose token this is. Takes the same time whichever token matches, and when none does.

        Raises:
            Unauthenticated: nobody has this token.
        """
        if self.open:
            return self._default
        if self._clock() - self._looked_at >= LOOK_EVERY_S:
            self.reload()
        wanted = token_hash(token if isinstance(token, bytes) else token.encode(errors="surrogateescape"))
        found: Caller | None = None
        for known, caller in self._by_hash.items():
            if hmac.compare_digest(known, wanted):
                found = caller
        if found is None:
            raise Unauthenticated("nobody has this token")
        return found

    def by_peer(self, uid: int, gid: int) -> Caller | None:
        """The caller to whom the peer of a Unix socket is mapped: by user id first, then by group id."""
        for kind, number in (("uid", uid), ("gid", gid)):
            for peer_kind, peer_number, caller in self._peers:
                if (peer_kind, peer_number) == (kind, number):
                    return caller
        return None

    def anonymous(self) -> Caller | None:
        """Who a caller without a token is: `default` when nobody has tokens, else nobody."""
        return self._default if self.open else None

    def reload(self, *, force: bool = False) -> bool:
        """Read the token files that changed, or all of them; False while one of them cannot be used."""
        self._looked_at = self._clock()
        read = [file for file in self._files.values() if file.look(force=force)]
        if read:
            refused = [file.refused for file in self._files.values() if file.refused]
            try:
                self._by_hash = self._index()
            except ConfigError as error:
                refused.append(str(error))
            self._tell(refused)
            self._warn_of(file for file in read if not file.refused)
        return DEGRADED_REASON not in self._degraded

    def _tell(self, refused: list[str]) -> None:
        for reason in refused:
            self._log.warning("token file refused, the former tokens stay valid", reason=reason)
        if refused:
            self._degraded.add(DEGRADED_REASON)
        else:
            self._degraded.discard(DEGRADED_REASON)
            self._log.info("tokens reloaded", count=len(self._by_hash))

    def _warn_of(self, files: Iterable[TokenFile]) -> None:
        for file in files:
            for reason in file.doubts:
                self._log.warning("token file is unsafe", reason=reason)

    def _index(self) -> dict[bytes, Caller]:
        by_hash: dict[bytes, Caller] = {}
        for name, file in self._files.items():
            for number, token in enumerate(dict.fromkeys(file.hashes), start=1):
                owner = by_hash.setdefault(token, self._caller(name, f"{name}#{number}"))
                if owner.tenant != name:
                    raise ConfigError(f"{file.path}: a token in it belongs to tenant {owner.tenant} already")
        return by_hash

    def _map_peers(self, tenants: Mapping[str, Tenant]) -> Iterator[tuple[str, int, Caller]]:
        for name, tenant in tenants.items():
            for kind, numbers in (("uid", tenant.peer_uids), ("gid", tenant.peer_gids)):
                for number in numbers:
                    yield kind, number, self._caller(name, f"{name} {kind} {number}")

    def _caller(self, name: str, label: str) -> Caller:
        model = self._models[name]
        return self._callers.setdefault(label, Caller(name, model.roles, label, model.rate))

    def __repr__(self) -> str:
        return "<Tenants open>" if self.open else f"<Tenants {len(self._models)}, {len(self._by_hash)} tokens>"


def _model(name: str, tenant: Tenant) -> Caller:
    """What all callers of a tenant have in common."""
    if not tenant.requests_per_second:
        return Caller(name, frozenset(tenant.roles), name, None)
    rate = TokenBucket(tenant.requests_per_second, tenant.burst or tenant.requests_per_second)
    return Caller(name, frozenset(tenant.roles), name, rate)
