"""Why a key is what it is, for people: where it is, how long it lives, what would kill it, and what did."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from msgspec import to_builtins

if TYPE_CHECKING:
    from pannierd.cache.entry import Entry
    from pannierd.cache.space import Space


def explain(space: Space, key: bytes, now: float, instance: str) -> dict[str, Any]:
    """The state of a key as JSON types. Durations in milliseconds; never the value."""
    entry = space.find(key, now)
    death = space.tenant.deaths.get(space.name, key)
    return {
        "namespace": space.name,
        **key_fields(key),
        "state": _state(entry, now),
        "sidecar": instance,
        "version": space.versions.counter,
        "entry": None if entry is None else _entry_fields(space, entry, now),
        "lease": _lease_fields(space, key, now),
        "death": None if death is None else {**to_builtins(death), "name": shown(death.name), "sidecar": instance},
        "rules": [
            {"pattern": shown(rule.name), "version": rule.number, "soft": rule.soft} for rule in space.rules.patterns
        ],
    }


def key_fields(key: bytes) -> dict[str, str]:
    """A key in JSON: as text where it is text, else in base64."""
    try:
        return {"key": key.decode()}
    except UnicodeDecodeError:
        return {"key_base64": base64.b64encode(key).decode()}


def shown(name: str) -> str:
    """A tag or pattern in JSON, which has no room for bytes that are not text: those are written as escapes."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _state(entry: Entry | None, now: float) -> str:
    if entry is None:
        return "absent"
    return "fresh" if entry.fresh_until > now else "stale"


def _entry_fields(space: Space, entry: Entry, now: float) -> dict[str, Any]:
    return {
        "tier": "memory",
        "age_ms": round((now - entry.stored_at) * 1000),
        "ttl_ms": max(round((entry.fresh_until - now) * 1000), 0),
        "stale_ms": round((entry.stale_until - max(entry.fresh_until, now)) * 1000),
        "load_ms": round(entry.load_cost * 1000, 3),
        "content_type": entry.content_type,
        "size_bytes": entry.size,
        "memory_bytes": entry.cost,
        "etag": entry.etag,
        "uses": entry.uses,
        "tags": [{"tag": shown(tag), "version": space.versions.tag_number(tag)} for tag in entry.tags],
    }


def _lease_fields(space: Space, key: bytes, now: float) -> dict[str, Any] | None:
    flight = space.loads.get(key)
    if flight is None:
        return None
    holder = flight.holder
    return {
        "holder": None if holder is None else holder.label,
        "client_id": None if holder is None else holder.number,
        "held_ms": round((now - flight.granted_at) * 1000),
        "ends_in_ms": max(round((space.tenant.flights.ends_at(flight) - now) * 1000), 0),
        "waiting": len(flight.waiters),
    }
