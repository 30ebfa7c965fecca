"""What must hold between knobs: each check is a pure function of the configuration that yields mistakes by key."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from pannierd.config.address import Address
from pannierd.config.names import NAMESPACE_PATTERN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pannierd.config.knobs import Config
    from pannierd.config.schema import Path

__all__ = ["mistakes"]

Mistake = tuple["Path", str]  # the knob or section, and what is wrong with it

LISTENERS: Final = ("web_address", "lane_address", "diagnostics_address")
GUARDED: Final = ("web_address", "lane_address")  # whoever reaches these may read and write
TENANT_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
NAMESPACE_NAME: Final = re.compile(NAMESPACE_PATTERN)
SHARE_ROUNDING: Final = 1e-9


def mistakes(config: Config) -> Iterator[Mistake]:
    """Everything that is wrong between the knobs of a configuration whose single values are right."""
    for check in CHECKS:
        yield from check(config)


def _addresses(config: Config) -> dict[str, Address]:
    """The listeners that are on and well formed, by key."""
    found = {}
    for key in LISTENERS:
        try:
            found[key] = Address.parse(getattr(config.server, key))
        except ValueError:
            continue
    return found


def _addresses_are_host_and_port(config: Config) -> Iterator[Mistake]:
    for key in LISTENERS:
        text = getattr(config.server, key)
        try:
            _ = text and Address.parse(text)
        except ValueError as error:
            yield ("server", key), f'{error}, or ""'


def _somebody_can_call(config: Config) -> Iterator[Mistake]:
    if not any(getattr(config.server, key) for key in ("web_address", "lane_socket", "lane_address")):
        yield ("server", "web_address"), "every listener for callers is switched off"


def _no_port_is_taken_twice(config: Config) -> Iterator[Mistake]:
    addresses = {key: address for key, address in _addresses(config).items() if address.port}
    ports = Counter(address.port for address in addresses.values())
    for key, address in addresses.items():
        first = next(other for other, one in addresses.items() if one.port == address.port)
        if ports[address.port] > 1 and key != first:
            yield ("server", key), f"port {address.port} is server.{first}'s already"


def _strangers_need_a_token(config: Config) -> Iterator[Mistake]:
    if config.tenants:
        return
    for key, address in _addresses(config).items():
        if key in GUARDED and not address.is_loopback:
            yield (
                ("server", key),
                f"other hosts can reach {address}, so callers need tokens: add [tenants.*] or listen on 127.0.0.1",
            )


def _tenants_can_be_told_apart(config: Config) -> Iterator[Mistake]:
    owners: dict[tuple[str, int], str] = {}
    for name, tenant in config.tenants.items():
        if not TENANT_NAME.fullmatch(name):
            yield ("tenants", name), f"a tenant's name matches {TENANT_NAME.pattern}"
        if not (tenant.token_file or tenant.peer_uids or tenant.peer_gids):
            yield ("tenants", name), "expected token_file, or peer_uids or peer_gids: nobody could call as this tenant"
        for key in ("peer_uids", "peer_gids"):
            for number in getattr(tenant, key):
                owner = owners.setdefault((key, number), name)
                if owner != name:
                    yield ("tenants", name, key), f"{number} is tenant {owner}'s already"


def _shares_fit(config: Config) -> Iterator[Mistake]:
    total = sum(tenant.memory_share or 0 for tenant in config.tenants.values())
    if total > 1 + SHARE_ROUNDING:
        last = [name for name, tenant in config.tenants.items() if tenant.memory_share][-1]
        yield ("tenants", last, "memory_share"), f"all shares together are {total:g}, at most 1 can be given away"
    for name, tenant in config.tenants.items():
        if tenant.memory_share is None and "use" in tenant.roles and total > 1 - SHARE_ROUNDING:
            yield (
                ("tenants", name),
                "the shares of the others leave it no memory: it could store nothing",
            )
        if tenant.memory_share is not None and "use" not in tenant.roles:
            yield ("tenants", name, "memory_share"), "a tenant without the role 'use' needs no memory"


def _lower_bounds_stay_below_upper_ones(config: Config) -> Iterator[Mistake]:
    if config.cache.lease_ms > config.cache.lease_max_ms:
        yield ("cache", "lease_ms"), f"expected at most cache.lease_max_ms, which is {config.cache.lease_max_ms}"
    for name, namespace in config.namespaces.items():
        if namespace.ttl_ms > namespace.max_ttl_ms:
            yield ("namespaces", name, "ttl_ms"), f"expected at most max_ttl_ms, which is {namespace.max_ttl_ms} here"


def _namespaces_have_names(config: Config) -> Iterator[Mistake]:
    for name in config.namespaces:
        if not NAMESPACE_NAME.fullmatch(name):
            yield ("namespaces", name), f"a namespace's name matches {NAMESPACE_NAME.pattern}"


CHECKS: Final[tuple[Callable[[Config], Iterator[Mistake]], ...]] = (
    _addresses_are_host_and_port,
    _somebody_can_call,
    _no_port_is_taken_twice,
    _strangers_need_a_token,
    _tenants_can_be_told_apart,
    _shares_fit,
    _lower_bounds_stay_below_upper_ones,
    _namespaces_have_names,
)
