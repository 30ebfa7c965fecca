"""The page of the metrics, from the page of a running sidecar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markdown import code, page, section, table
from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric

INTRODUCTION = """\
`GET /metrics` on the diagnostics listener (`127.0.0.1:7482`) in Prometheus' text format. Label values come from
tables, never from what a caller sends: a namespace that is not configured is `other`. A histogram `name` has
`name_bucket`, `name_sum` and `name_count`; its buckets are seconds, from 50 µs to 10 s."""

PROCESS = "The process collector's own; `process_open_fds` against `process_max_fds` is the one to watch."
# A sample's labels that say nothing about the metric.
OF_A_BUCKET = "le"
# What has samples only in trouble, which a sidecar for documentation does not have.
OF_TROUBLE = {"pannier_degraded": ["reason"]}


def metrics_page(text: str) -> str:
    """Every metric, ours and the process's."""
    families = sorted(text_string_to_metric_families(text), key=lambda family: family.name)
    ours = [row for family in families if family.name.startswith("pannier_") for row in _rows(family)]
    process = [row for family in families if not family.name.startswith("pannier_") for row in _rows(family)]
    heads = ("metric", "type", "labels", "meaning")
    return page(
        "Metrics",
        INTRODUCTION,
        section("Pannier", table(heads, ours)),
        section("Process", PROCESS, table(heads, process)),
    )


def _rows(family: Metric) -> Iterator[tuple[str, str, str, str]]:
    name = f"{family.name}_total" if family.type == "counter" else family.name
    seen = {label: None for sample in family.samples for label in sample.labels if label != OF_A_BUCKET}
    labels = OF_TROUBLE.get(family.name, seen)
    yield code(name), family.type, ", ".join(map(code, labels)), family.documentation
