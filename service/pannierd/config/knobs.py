"""Every knob: its name, unit, default and reason, in one place. Frozen; an unknown key is an error with its place.

Durations end in `_ms`, sizes in `_bytes`. The reference page of the documentation is generated from this file.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

__all__ = [
    "Cache",
    "Config",
    "Limits",
    "Logging",
    "Memory",
    "Namespace",
    "Server",
    "Tenant",
]

Milliseconds = Annotated[int, Meta(ge=0, le=365 * 24 * 3_600_000)]
Bytes = Annotated[int, Meta(ge=0)]
Count = Annotated[int, Meta(ge=1)]
Share = Annotated[float, Meta(gt=0.0, le=1.0)]


class Knobs(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A section of the configuration."""


class Server(Knobs, frozen=True):
    """Where the daemon listens, and how it ends."""

    web_address: Annotated[str, Meta(description='HTTP listener, host:port; "" switches it off')] = "127.0.0.1:7480"
    lane_socket: Annotated[
        str,
        Meta(description='Unix socket of the lane; "auto" is the user\'s runtime folder; "" switches it off'),
    ] = "auto"
    lane_socket_mode: Annotated[
        str, Meta(pattern="^0?[0-7]{3}$", examples=["0660"], description="mode of the socket file, octal")
    ] = "0660"
    lane_socket_group: Annotated[str, Meta(description='group of the socket file; "" leaves it')] = ""
    lane_address: Annotated[str, Meta(description='lane over TCP, host:port; "" switches it off')] = "127.0.0.1:7481"
    diagnostics_address: Annotated[str, Meta(description='health and metrics, host:port; "" switches it off')] = (
        "127.0.0.1:7482"
    )
    data_dir: Annotated[str, Meta(description='folder for what must outlive the process; "auto" is the user\'s')] = (
        "auto"
    )
    allowed_hosts: Annotated[
        list[str], Meta(description="further Host names that the web lane answers to, beside the loopback ones")
    ] = []
    allowed_origins: Annotated[
        list[str], Meta(description="Origin values that may call; a request with any other Origin is refused")
    ] = []
    drain_min_ms: Annotated[
        Milliseconds, Meta(description="after SIGTERM, how long the listeners stay open while /readyz says no")
    ] = 0
    drain_max_ms: Annotated[Milliseconds, Meta(description="how long calls in flight may take to finish")] = 5_000


class Limits(Knobs, frozen=True):
    """Every buffer has a bound, and every refusal is counted."""

    max_header_bytes: Annotated[Bytes, Meta(description="all headers of one HTTP request")] = 16_384
    max_body_bytes: Annotated[Bytes, Meta(description="body of one HTTP request")] = 16_777_216
    body_timeout_ms: Annotated[Milliseconds, Meta(description="a body that takes longer to arrive is refused")] = 10_000
    keepalive_ms: Annotated[Milliseconds, Meta(description="an idle HTTP connection is closed after this")] = 15_000
    max_deadline_ms: Annotated[Milliseconds, Meta(description="no call may last, or wait, for longer")] = 60_000
    max_connections: Annotated[Count, Meta(description="open connections per listener; one more is closed")] = 12_000
    max_waiting_calls: Annotated[
        Count, Meta(description="calls of one tenant that wait for another caller's load; one more is refused")
    ] = 1_024
    max_lane_arguments: Annotated[Count, Meta(description="arguments of one lane command")] = 65_536
    max_lane_command_bytes: Annotated[
        Bytes, Meta(description="all arguments of one lane command; a larger one ends the connection")
    ] = 67_108_864
    max_lane_output_bytes: Annotated[
        Bytes, Meta(description="answers that a lane connection may leave unread before it is closed")
    ] = 67_108_864
    lane_unread_ms: Annotated[
        Milliseconds, Meta(description="a lane connection that takes none of its answers for so long is closed")
    ] = 30_000
    max_batch_operations: Annotated[Count, Meta(description="operations in one HTTP batch")] = 1_000
    max_tracked_keys: Annotated[
        Count,
        Meta(description="keys per tenant whose readers are remembered for pushes, each reader of a key counted"),
    ] = 100_000


class Tenant(Knobs, frozen=True):
    """One tenant: who may call in its name, and how much of the sidecar it may use."""

    token_file: Annotated[
        str, Meta(description='file with one token a line; two may be valid at once; "" with peer ids alone')
    ] = ""
    roles: Annotated[list[Literal["use", "operator"]], Meta(description="what its callers may do")] = field(
        default_factory=lambda: ["use"]
    )
    requests_per_second: Annotated[float, Meta(ge=0, description="rate; 0 is without limit")] = 0
    burst: Annotated[int, Meta(ge=0, description="requests above the rate at once; 0 is one second's worth")] = 0
    memory_share: Annotated[
        Share | None, Meta(description="part of cache.memory.max_bytes; none: what the others leave, in equal parts")
    ] = None
    peer_uids: Annotated[
        list[int], Meta(description="user ids that are this tenant on the Unix socket without a token")
    ] = []
    peer_gids: Annotated[
        list[int], Meta(description="group ids that are this tenant on the Unix socket without a token")
    ] = []


class Memory(Knobs, frozen=True):
    """The memory tier."""

    max_bytes: Annotated[Bytes, Meta(description="values, keys and their overhead, over all tenants")] = 268_435_456
    max_tags: Annotated[
        Count, Meta(description="tags per tenant whose invalidations are remembered; beyond, the oldest fail closed")
    ] = 100_000


class Cache(Knobs, frozen=True):
    """The cache's tiers."""

    memory: Memory = field(default_factory=Memory)
    lease_ms: Annotated[Milliseconds, Meta(description="how long a fill may take while its holder is silent")] = 10_000
    lease_max_ms: Annotated[Milliseconds, Meta(description="how long a fill may take at all")] = 60_000


class Namespace(Knobs, frozen=True):
    """The policy of a namespace. [namespaces.default] is every namespace's; another section overrides it by key."""

    ttl_ms: Annotated[Milliseconds, Meta(description="life of a value that is stored without one")] = 300_000
    stale_ms: Annotated[
        Milliseconds, Meta(description="after its life, how long a value may be served while one caller refreshes it")
    ] = 600_000
    jitter: Annotated[
        float, Meta(ge=0, le=0.5, description="a fill's life is shortened by up to this part, at random")
    ] = 0.05
    refresh_ahead: Annotated[
        bool, Meta(description="let one caller refresh a value shortly before it dies (XFetch)")
    ] = True
    negative_ttl_ms: Annotated[
        Milliseconds, Meta(description="life of a result that is nothing; 0: such a result is not cached")
    ] = 0
    max_value_bytes: Annotated[Bytes, Meta(description="a larger value is refused")] = 8_388_608
    max_ttl_ms: Annotated[Milliseconds, Meta(description="no value lives longer, stale time included")] = (
        30 * 24 * 3_600_000
    )
    wait_ms: Annotated[
        Milliseconds, Meta(description="how long a fetch waits for another caller's fill when it names no time")
    ] = 0


class Logging(Knobs, frozen=True):
    """What is logged, and how it looks."""

    level: Annotated[Literal["debug", "info", "warning", "error"], Meta(description="the least that is logged")] = (
        "info"
    )
    format: Annotated[
        Literal["auto", "json", "console"],
        Meta(description='"auto": readable on a terminal, JSON lines elsewhere'),
    ] = "auto"


class Config(Knobs, frozen=True):
    """The whole configuration."""

    server: Server = field(default_factory=Server)
    limits: Limits = field(default_factory=Limits)
    tenants: dict[str, Tenant] = {}
    cache: Cache = field(default_factory=Cache)
    namespaces: dict[str, Namespace] = {}
    logging: Logging = field(default_factory=Logging)
