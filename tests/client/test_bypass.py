"""The bypass: what the log hears of reads that go on without the sidecar, and how often."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pannier import QuotaExceeded
from pannier._bypass import Bypass
from pannier._config import Settings

if TYPE_CHECKING:
    import pytest


def test_where_it_comes_and_goes_the_log_hears_of_it_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "pannier")
    now = [0.0]
    bypass = Bypass(Settings.resolve("tcp://127.0.0.1:7", environment={}), lambda: now[0])
    for seconds in range(61):
        now[0] = float(seconds)
        bypass.begin(QuotaExceeded("later"))
        if bypass.is_on:
            bypass.end()
    assert caplog.messages == 2 * [
        "reads go on without the sidecar at tcp://127.0.0.1:7: quota_exceeded: later",
        "the sidecar at tcp://127.0.0.1:7 answers reads again",
    ]
