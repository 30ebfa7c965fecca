"""The engine's metrics: its plain counters in Prometheus' form, read when somebody scrapes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prometheus_client.metrics_core import Metric

    from pannierd.cache.engine import Engine


class CacheCollector:
    """What `pannier_cache_*` says, but for the durations, which the lanes measure."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def collect(self) -> Iterator[Metric]:
        """The families, for a prometheus_client registry."""
        tenants = self._engine.tenants.values()
        yield self._requests()
        yield GaugeMetricFamily(
            "pannier_cache_memory_bytes", "Cost of the cached entries, overhead included.", self._engine.memory_bytes
        )
        entries = sum(len(space.entries) for tenant in tenants for space in tenant.spaces.values())
        yield GaugeMetricFamily("pannier_cache_entries", "Entries in memory.", entries)
        yield GaugeMetricFamily(
            "pannier_cache_leases", "Loads in progress.", sum(len(tenant.flights) for tenant in tenants)
        )
        yield _family(
            "pannier_cache_evictions", "Entries that left.", "reason", (tenant.counts.evictions for tenant in tenants)
        )
        yield _family(
            "pannier_cache_invalidations",
            "Invalidations asked for.",
            "kind",
            (tenant.counts.invalidations for tenant in tenants),
        )
        yield _family(
            "pannier_cache_fills_rejected",
            "Fills that came too late.",
            "reason",
            (tenant.counts.fills_rejected for tenant in tenants),
        )

    def _requests(self) -> CounterMetricFamily:
        """By namespace: the configured ones by name, all others together."""
        family = CounterMetricFamily(
            "pannier_cache_requests",
            "Reads, counted once each at the tier that answered.",
            labels=["namespace", "tier", "outcome"],
        )
        totals: Counter[tuple[str, str, str]] = Counter()
        for tenant in self._engine.tenants.values():
            for name, counts in tenant.answers.items():
                totals[name, "memory", "hit"] += counts.hits
                totals[name, "memory", "stale"] += counts.stale
                totals[name, "none", "miss"] += counts.misses
        for labels, total in totals.items():
            family.add_metric(labels, total)
        return family


def _family(name: str, text: str, label: str, counters: Iterable[Counter[str]]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, text, labels=[label])
    for value, total in sum(counters, start=Counter[str]()).items():
        family.add_metric([value], total)
    return family
