"""What the demo found, as a table that is read from top to bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from drive import Measured

PERCENTILES = (0.5, 0.9, 0.99)


class Tiers(NamedTuple):
    """Where the answers to some requests came from, and what an unlimited cache would have reached."""

    requests: int
    memory_hits: int
    loads: int
    unlimited: float

    @property
    def near_hits(self) -> int:
        """What never left the application's process: near hits, and requests that shared a load under way."""
        return self.requests - self.memory_hits - self.loads

    @property
    def hit_ratio(self) -> float:
        return 1 - self.loads / self.requests


class Write(NamedTuple):
    """One write through one worker, read through the other."""

    before: int
    after: int
    acknowledged_s: float
    visible_s: float
    old_reads: int


def latencies(rows: dict[str, Measured]) -> str:
    """Percentiles and rates, a row each."""
    lines = [f"{'time to answer':34}{'p50':>10}{'p90':>10}{'p99':>10}{'max':>10}{'answers/s':>12}"]
    for name, measured in rows.items():
        columns = [measured.percentile(part) for part in PERCENTILES] + [measured.percentile(1.0)]
        times = "".join(f"{1000 * seconds:>7.2f} ms" for seconds in columns)
        lines.append(f"{name:34}{times}{measured.per_second:>12,.0f}")
    return "\n".join(lines)


def hits(columns: dict[str, Tiers]) -> str:
    """Hit ratios by tier, a column for each part of the traffic."""

    def row(name: str, cells: list[str]) -> str:
        return f"{name:34}" + "".join(f"{cell:>20}" for cell in cells)

    tiers = list(columns.values())
    return "\n".join(
        [
            row("where the answers came from", list(columns)),
            row("  near (in the worker)", [f"{t.near_hits / t.requests:.1%}" for t in tiers]),
            row("  memory (in the sidecar)", [f"{t.memory_hits / t.requests:.1%}" for t in tiers]),
            row("  hit ratio", [f"{t.hit_ratio:.1%}" for t in tiers]),
            row("  a cache without limits has", [f"{t.unlimited:.1%}" for t in tiers]),
            row("queries without the sidecar", [f"{t.requests:,}" for t in tiers]),
            row("queries with it", [f"{t.loads:,}" for t in tiers]),
            row("  saved", [f"{t.requests - t.loads:,}" for t in tiers]),
        ]
    )


def invalidation(write: Write) -> str:
    """What became of the write."""
    seen = "Its first read" if not write.old_reads else f"After {write.old_reads} reads of the old price, the next one"
    return (
        f"one write: price {write.before} -> {write.after} through one worker, acknowledged after "
        f"{1000 * write.acknowledged_s:.1f} ms.\n"
        f"The other worker had the old price near. {seen} showed the new one; "
        f"it took {1000 * write.visible_s:.1f} ms, a query included."
    )
