import platform

from pannierd.telemetry.metrics import Metrics


def lines(metrics: Metrics) -> dict[str, float]:
    """The page as what a scraper reads: each sample with its labels, and its value."""
    page = metrics.page().decode().splitlines()
    return {sample: float(value) for sample, value in (line.rsplit(" ", 1) for line in page if line[0] != "#")}


def test_a_fresh_page_has_build_info_and_the_process() -> None:
    page = lines(Metrics("1.2.3"))
    assert page[f'pannier_build_info{{python="{platform.python_version()}",version="1.2.3"}}'] == 1
    assert page["process_open_fds"] > 0
    assert page["process_resident_memory_bytes"] > 0
    assert page["pannier_lane_connections"] == 0


def test_what_is_counted_stands_on_the_page() -> None:
    metrics = Metrics("1")
    metrics.refused("overloaded")
    metrics.refused("overloaded")
    metrics.lane_connections += 3
    metrics.lane_commands["GET"] += 16
    metrics.degraded.add("token_file")
    metrics.loop_lag_seconds = 0.25
    metrics.http_request("/v1/status", 200, 0.0003)
    metrics.http_request("", 404, 0.0003)

    page = lines(metrics)
    assert page['pannier_requests_refused_total{reason="overloaded"}'] == 2
    assert page["pannier_lane_connections"] == 3
    assert page['pannier_lane_commands_total{command="GET"}'] == 16
    assert page['pannier_degraded{reason="token_file"}'] == 1
    assert page["pannier_event_loop_lag_seconds"] == 0.25
    assert page['pannier_http_requests_total{route="/v1/status",status="200"}'] == 1
    assert page['pannier_http_requests_total{route="",status="404"}'] == 1
    assert page['pannier_http_request_duration_seconds_count{route="/v1/status"}'] == 1


def test_buckets_start_at_50_microseconds_and_are_cumulative() -> None:
    metrics = Metrics("1")
    histogram = metrics.histogram("pannier_test_seconds", "For this test.", {"operation": "get"})
    histogram.observe(0.00004)
    histogram.observe(0.00005, count=2)
    histogram.observe(0.00006)
    histogram.observe(3600)

    page = lines(metrics)
    buckets = {name: count for name, count in page.items() if name.startswith("pannier_test_seconds_bucket")}
    assert next(iter(buckets)) == 'pannier_test_seconds_bucket{le="5e-05",operation="get"}'
    assert list(buckets.values()) == [3, *[4] * 16, 5], "a bound belongs to its bucket"
    assert list(buckets)[-1] == 'pannier_test_seconds_bucket{le="+Inf",operation="get"}'
    assert page['pannier_test_seconds_count{operation="get"}'] == 5
    assert page['pannier_test_seconds_sum{operation="get"}'] == 3600.0002
    assert repr(histogram) == "<Histogram 5 events>"


def test_of_the_samples_of_a_millisecond_the_first_is_measured_and_all_are_counted() -> None:
    metrics = Metrics("1")
    histogram = metrics.histogram("pannier_test_seconds", "For this test.", {"operation": "get"})
    for began, ended in ((1.0, 1.25), (1.0005, 1.75), (1.0015, 1.5015)):
        histogram.sample(began, iter([ended]).__next__)
    assert (histogram.total, histogram.seconds) == (3, 0.25 + 0.25 + 0.5)


def test_what_was_measured_stands_for_the_events_that_are_counted_behind_it() -> None:
    metrics = Metrics("1")
    histogram = metrics.histogram("pannier_test_seconds", "For this test.", {"operation": "get"})
    histogram.measure(1.0, lambda: 1.25)
    assert histogram.total == 0
    histogram.repeat(2)
    histogram.sample(1.0005, lambda: 1.75)
    assert (histogram.total, histogram.seconds) == (3, 3 * 0.25)
    assert lines(metrics)['pannier_test_seconds_bucket{le="0.25",operation="get"}'] == 3


def test_the_same_name_and_labels_are_the_same_histogram() -> None:
    metrics = Metrics("1")
    get, put, again = (
        metrics.histogram("pannier_test_seconds", "For this test.", {"operation": operation})
        for operation in ("get", "put", "get")
    )
    assert again is get
    put.observe(1)
    assert lines(metrics)['pannier_test_seconds_count{operation="get"}'] == 0
