from pannierd.resilience import Deadline


def test_a_deadline_counts_down_and_stops_at_zero() -> None:
    now = [10.0]
    deadline = Deadline.after(250, lambda: now[0])
    assert deadline.left_ms() == 250
    assert not deadline.passed

    now[0] = 10.2
    assert round(deadline.left_ms(), 6) == 50

    now[0] = 10.25
    assert deadline.passed
    assert deadline.left_ms() == 0

    now[0] = 99
    assert deadline.left_ms() == 0
    assert repr(deadline) == "<Deadline 0 ms left>"
