import pytest

from pannierd.telemetry.traces import trace_id

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_a_traceparent_names_its_trace() -> None:
    assert trace_id(f"00-{TRACE}-00f067aa0ba902b7-01") == TRACE


@pytest.mark.parametrize("text", ["", "-", TRACE, f"00-{TRACE}-00f067aa0ba902b7-01\n", f"00-{TRACE.upper()}-00-01"])
def test_what_is_none_names_nothing(text: str) -> None:
    """It is the caller's, and goes to the log: nothing else of it may."""
    assert trace_id(text) is None
