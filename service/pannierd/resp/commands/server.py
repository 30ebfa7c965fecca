"""Commands on the server: what clients and people ask to find out with what they talk."""

from __future__ import annotations

import os
import platform
import resource
from typing import TYPE_CHECKING, Any, Final

from pannierd import __version__
from pannierd.cache.globs import matcher
from pannierd.resp.commands.connection import REDIS_VERSION
from pannierd.resp.commands.row import PLAIN, Row, container
from pannierd.resp.replies import strings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pannierd.resp.protocol import Command
    from pannierd.resp.session import Session

DEFAULT_SECTIONS: Final = frozenset({"default", "all", "everything"})


def time_(session: Session, _: Command) -> bytes:
    """Seconds since the epoch, and microseconds."""
    seconds, microseconds = divmod(round(session.lane.wall_clock() * 1_000_000), 1_000_000)
    return strings([b"%d" % seconds, b"%d" % microseconds])


def info(session: Session, command: Command) -> bytes:
    """INFO [section]...: in Redis' form, with what is true of this sidecar and of the caller's tenant."""
    wanted = {word.decode("utf-8", "replace").lower() for word in command[1:]} or DEFAULT_SECTIONS
    chosen = SECTIONS if wanted & DEFAULT_SECTIONS else {name: SECTIONS[name] for name in SECTIONS if name in wanted}
    sections = [_section(name, make(session)) for name, make in chosen.items()]
    return session.dialect.text("\r\n".join(sections))


def config_get(session: Session, command: Command) -> bytes:
    """CONFIG GET pattern...: the settings that clients look for."""
    matches = [matcher(pattern.lower()) for pattern in command[2:]]
    known = _settings(session)
    found = {name: value for name, value in known.items() if any(match(name.encode()) for match in matches)}
    return session.dialect.encode(found)


def _section(name: str, fields: Mapping[str, object]) -> str:
    lines = [f"# {name.capitalize()}", *(f"{field}:{value}" for field, value in fields.items()), ""]
    return "\r\n".join(lines)


def _server(session: Session) -> dict[str, object]:
    lane = session.lane
    uptime = int(lane.clock() - lane.started_at)
    return {
        "redis_version": REDIS_VERSION,
        "redis_mode": "standalone",
        "pannier_version": __version__,
        "os": f"{platform.system()} {platform.release()} {platform.machine()}",
        "arch_bits": 64,
        "process_id": os.getpid(),
        "uptime_in_seconds": uptime,
        "uptime_in_days": uptime // 86_400,
    }


def _clients(session: Session) -> dict[str, object]:
    lane = session.lane
    return {
        "connected_clients": len(lane.sessions),
        "maxclients": lane.limits.max_connections,
        "blocked_clients": lane.operations.waiting,
        "tracking_clients": sum(other.tracking is not None for other in lane.sessions.values()),
    }


def _memory(session: Session) -> dict[str, object]:
    """The tenant's share, not the process."""
    memory = session.bound.space.tenant.memory
    return {
        "used_memory": memory.bytes,
        "used_memory_rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "maxmemory": memory.max_bytes,
        "maxmemory_policy": "allkeys-s3fifo",
    }


def _persistence(_: Session) -> dict[str, object]:
    """Clients wait for `loading:0` before they send anything."""
    return {"loading": 0, "rdb_changes_since_last_save": 0, "aof_enabled": 0}


def _stats(session: Session) -> dict[str, object]:
    lane, tenant = session.lane, session.bound.space.tenant
    return {
        "total_commands_processed": sum(lane.metrics.lane_commands.values()),
        "keyspace_hits": sum(counts.hits for counts in tenant.answers.values()),
        "keyspace_misses": sum(counts.misses for counts in tenant.answers.values()),
        "expired_keys": tenant.counts.evictions["expired"],
        "evicted_keys": tenant.counts.evictions["capacity"],
    }


def _replication(_: Session) -> dict[str, object]:
    return {"role": "master", "connected_slaves": 0}


def _keyspace(session: Session) -> dict[str, object]:
    size = session.bound.size()
    return {"db0": f"keys={size},expires={size},avg_ttl=0"} if size else {}


def _settings(session: Session) -> dict[str, Any]:
    """As strings, as Redis has them."""
    limits = session.lane.limits
    return {
        "appendonly": "no",
        "databases": "1",
        "maxclients": str(limits.max_connections),
        "maxmemory": str(session.bound.space.tenant.memory.max_bytes),
        "maxmemory-policy": "allkeys-s3fifo",
        "proto-max-bulk-len": str(limits.max_lane_command_bytes),
        "save": "",
        "timeout": "0",
    }


SECTIONS: Final[Mapping[str, Callable[[Session], Mapping[str, object]]]] = {
    "server": _server,
    "clients": _clients,
    "memory": _memory,
    "persistence": _persistence,
    "stats": _stats,
    "replication": _replication,
    "cluster": lambda _: {"cluster_enabled": 0},
    "keyspace": _keyspace,
}

ROWS: Final = (
    Row("TIME", time_, 1, "The time of day."),
    Row("INFO", info, -1, "About the server.", PLAIN),
    container("CONFIG", "Reads settings.", Row("CONFIG|GET", config_get, -3, "The settings that match a pattern.")),
)
