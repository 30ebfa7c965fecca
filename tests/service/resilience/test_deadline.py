from pannierd.resilience import Deadline


def test_a_deadline_counts_down_and_stays_at_nothing() -> None:
    now = [10.0]
    deadline = Deadline.after(250, lambda: now[0])
    assert deadline.left_ms() == 250
    assert repr(deadline) == "<Deadline 250 ms left>"
    now[0] = 10.1
    assert round(deadline.left_ms()) == 150
    now[0] = 11.0
    assert deadline.left_ms() == 0


def test_the_answer_is_on_its_way_before_the_caller_gives_up() -> None:
    left = [round(Deadline.ahead_of(ms, lambda: 0.0).left_ms(), 3) for ms in (1, 10, 100, 10_000)]
    assert left == [0.5, 8, 95, 9_500]
