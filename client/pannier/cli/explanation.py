"""The sidecar's explanation of a key, as people like to read it. Pure: JSON types to text."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

__all__ = ["duration", "explanation"]

_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000))
_STATES = {
    "fresh": "fresh: it is served",
    "stale": "stale: it is served only while one caller refreshes it",
    "absent": "absent: there is no value",
}


def explanation(told: dict[str, Any]) -> str:
    """What became of a key, one fact on a line."""
    entry, lease, death = told["entry"], told["lease"], told["death"]
    rows = [
        ("key", told.get("key", told.get("key_base64", ""))),
        ("namespace", told["namespace"]),
        ("state", _STATES.get(told["state"], told["state"])),
    ]
    if entry is not None:
        rows += _entry_rows(entry)
    if lease is not None:
        held, ends = duration(lease["held_ms"]), duration(lease["ends_in_ms"])
        rows.append(("loading", f"for {held}, at most {ends} more; {lease['waiting']} wait for it"))
    if death is not None:
        rows.append(("killed", _death(death)))
    rows += [("pattern", f"{rule['pattern']}{' (soft)' if rule['soft'] else ''}") for rule in told["rules"]]
    rows.append(("sidecar", told["sidecar"]))
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def duration(milliseconds: float) -> str:
    """The two largest units: 1h 5m, 12s 300ms."""
    left, parts = round(milliseconds), []
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    if left or not parts:
        parts.append(f"{left}ms")
    return " ".join(parts[:2])


def _entry_rows(entry: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        ("stored", f"{duration(entry['age_ms'])} ago"),
        ("fresh for", duration(entry["ttl_ms"])),
        ("then stale for", duration(entry["stale_ms"])),
        ("value", f"{entry['size_bytes']:,} bytes of {entry['content_type'] or 'no type'}, in {entry['tier']}"),
        ("load took", duration(entry["load_ms"]) if entry["load_ms"] else "unknown: it was not loaded under a lease"),
        ("tags", ", ".join(tag["tag"] for tag in entry["tags"]) or "none"),
    ]


def _death(death: dict[str, Any]) -> str:
    what = f"by {death['kind']} {death['name']}".rstrip()
    softly = ", softly" if death["soft"] else ""
    at = datetime.fromtimestamp(death["at"], UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"{what}{softly}, {at}" + (f", asked by {death['by']}" if death["by"] else "")
