"""Metrics: the numbers of one process, under the names of the contract.

Whoever counts, counts in plain integers; Prometheus' form is made when the page is asked for. Label values come from
tables (routes, commands, reasons), never from what a caller sends.
"""

from __future__ import annotations

import platform
from collections import defaultdict
from typing import TYPE_CHECKING, TypeVar

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from pannierd.telemetry.histogram import Histogram

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prometheus_client import Metric

__all__ = ["Metrics"]

HTTP_DURATION = "pannier_http_request_duration_seconds"
HTTP_DURATION_HELP = "Time from a request's headers to its answer, by route template."


class Metrics(Collector):
    """Every counter that is not the cache's own, and the registry that other collectors join."""

    def __init__(self, version: str) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self.degraded: set[str] = set()  # reasons, each added and removed by the part that it concerns
        self.lane_connections = 0  # open now
        self.lane_commands: dict[str, int] = defaultdict(int)  # upper case names of known commands, and "other"
        self.loop_lag_seconds = 0.0  # how late the event loop was when it last woke by the clock
        self._version = version
        self._refused: dict[str, int] = defaultdict(int)
        self._http_requests: dict[tuple[str, int], int] = defaultdict(int)
        self._http_durations: dict[str, Histogram] = {}
        self._histograms: dict[str, _HistogramFamily] = {}
        self.registry.register(self)
        ProcessCollector(registry=self.registry)  # includes process_open_fds and process_max_fds

    def refused(self, reason: str) -> None:
        """Count a request, command or connection that was turned away. `reason` is a fixed word, such as a code."""
        self._refused[reason] += 1

    def http_request(self, route: str, status: int, seconds: float) -> None:
        """Count an answered HTTP request. `route` is the template, "" when none matched."""
        self._http_requests[route, status] += 1
        duration = self._http_durations.get(route)
        if duration is None:
            duration = self._http_durations[route] = self.histogram(HTTP_DURATION, HTTP_DURATION_HELP, {"route": route})
        duration.observe(seconds)

    def histogram(self, name: str, documentation: str, labels: Mapping[str, str]) -> Histogram:
        """The histogram of this name and these label values; the same one for the same question. Bind it once."""
        family = self._histograms.setdefault(name, _HistogramFamily(name, documentation, tuple(labels)))
        return family.child(tuple(labels.values()))

    def page(self) -> bytes:
        """The metrics page in Prometheus' text format."""
        return generate_latest(self.registry)

    def collect(self) -> Iterator[Metric]:
        """Called by the registry for each page."""
        build = GaugeMetricFamily("pannier_build_info", "Version of the sidecar.", labels=("version", "python"))
        build.add_metric((self._version, platform.python_version()), 1)
        yield build
        yield _gauges("pannier_degraded", "1 while something does not work as configured.", "reason", self.degraded)
        yield _counters("pannier_requests_refused", "Calls turned away.", ("reason",), _single(self._refused))
        yield _counters("pannier_http_requests", "HTTP requests answered.", ("route", "status"), self._http_requests)
        yield GaugeMetricFamily("pannier_lane_connections", "Open lane connections.", value=self.lane_connections)
        yield _counters("pannier_lane_commands", "Lane commands.", ("command",), _single(self.lane_commands))
        yield GaugeMetricFamily(
            "pannier_event_loop_lag_seconds", "How late the loop last woke.", value=self.loop_lag_seconds
        )
        for family in self._histograms.values():
            yield family.collect()


class _HistogramFamily:
    """Histograms of one name, told apart by label values."""

    __slots__ = ("_children", "_documentation", "_labels", "_name")

    def __init__(self, name: str, documentation: str, labels: tuple[str, ...]) -> None:
        self._name = name
        self._documentation = documentation
        self._labels = labels
        self._children: dict[tuple[str, ...], Histogram] = {}

    def child(self, values: tuple[str, ...]) -> Histogram:
        return self._children.setdefault(values, Histogram())

    def collect(self) -> HistogramMetricFamily:
        family = HistogramMetricFamily(self._name, self._documentation, labels=self._labels)
        for values, histogram in self._children.items():
            family.add_metric(values, histogram.buckets(), histogram.seconds)
        return family


_Labels = TypeVar("_Labels", tuple[str], tuple[str, int])


def _single(counts: Mapping[str, int]) -> dict[tuple[str], int]:
    return {(value,): count for value, count in counts.items()}


def _counters(
    name: str, documentation: str, labels: tuple[str, ...], counts: Mapping[_Labels, int]
) -> CounterMetricFamily:
    family = CounterMetricFamily(name, documentation, labels=labels)
    for values, count in counts.items():
        family.add_metric([str(value) for value in values], count)
    return family


def _gauges(name: str, documentation: str, label: str, present: set[str]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, documentation, labels=(label,))
    for value in sorted(present):
        family.add_metric((value,), 1)
    return family
