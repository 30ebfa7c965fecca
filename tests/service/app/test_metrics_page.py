"""The live metrics page: what Prometheus' own checker says of it, and the names of the contract."""

import os
import re
import subprocess
from pathlib import Path

from daemon import ask, lane_call, serving
from patience import until_now

ROOT = Path(__file__).parents[3]
OF_THE_FOUNDATION = {
    "pannier_build_info",
    "pannier_degraded",
    "pannier_cache_requests_total",
    "pannier_cache_request_duration_seconds",
    "pannier_cache_memory_bytes",
    "pannier_cache_entries",
    "pannier_cache_evictions_total",
    "pannier_cache_invalidations_total",
    "pannier_cache_fills_rejected_total",
    "pannier_cache_leases",
    "pannier_requests_refused_total",
    "pannier_http_requests_total",
    "pannier_http_request_duration_seconds",
    "pannier_lane_connections",
    "pannier_lane_commands_total",
    "process_open_fds",
    "process_max_fds",
    "process_resident_memory_bytes",
}


def test_the_page_passes_promtool_and_has_every_name_of_the_contract(tmp_path: Path) -> None:
    with serving(tmp_path) as daemon:
        ask(daemon.web, "PUT", "/v1/cache/default/a", b"1")
        ask(daemon.web, "GET", "/no/such/route")
        ask(daemon.web, "GET", "/v1/cache/users/a", headers={"Host": "evil.example"})
        ask(daemon.web, "POST", "/v1/cache/default/none/lease")
        ask(daemon.web, "POST", "/v1/cache/default/a/lease")
        ask(daemon.web, "GET", "/v1/cache/default/none")
        lane_call(daemon.socket, "GET", "a")
        lane_call(daemon.socket, "PN.FETCH", "a")
        lane_call(daemon.socket, "PN.FETCH", "nothing")
        lane_call(daemon.socket, "PN.STORE", "b", "2")
        lane_call(daemon.socket, "DEL", "b")
        lane_call(daemon.socket, "PN.INVALIDATE", "TAGS", "1", "red")
        lane_call(daemon.socket, "NOSUCHCOMMAND", "a")
        # GETs are put into the metrics a millisecond later.
        until_now(lambda: b'lane_commands_total{command="GET"}' in ask(daemon.diagnostics, "GET", "/metrics")[1])
        _, page = ask(daemon.diagnostics, "GET", "/metrics")

    path = f"{ROOT / '.tools/bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=page, env={"PATH": path}, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")

    text = page.decode()
    assert set(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE)) >= OF_THE_FOUNDATION
    for sample in (
        'pannier_http_requests_total{route="",status="404"} 1.0',
        'pannier_requests_refused_total{reason="host_refused"} 1.0',
        'pannier_lane_commands_total{command="GET"} 1.0',
        'pannier_lane_commands_total{command="other"} 1.0',
    ):
        assert f"\n{sample}\n" in text
    counted = dict(re.findall(r"^pannier_cache_request_duration_seconds_count\{(.*)\} (\S+)$", text, re.MULTILINE))
    assert {labels: int(float(count)) for labels, count in counted.items() if float(count)} == {
        'operation="store",tier="memory"': 2,
        'operation="get",tier="memory"': 1,
        'operation="get",tier="none"': 1,
        'operation="fetch",tier="memory"': 2,
        'operation="fetch",tier="none"': 2,
        'operation="delete",tier="memory"': 1,
        'operation="invalidate",tier="memory"': 1,
    }
    assert "NOSUCHCOMMAND" not in text, "what callers invent is no label"
    assert "evil" not in text
