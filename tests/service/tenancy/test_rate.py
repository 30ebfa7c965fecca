import pytest
from hypothesis import given
from hypothesis import strategies as st

from pannierd.tenancy import TokenBucket


def test_a_burst_is_granted_at_once_and_then_the_rate_holds() -> None:
    bucket = TokenBucket(per_second=10, burst=3)
    assert [bucket.take(1, now=100.0) for _ in range(4)] == [0.0, 0.0, 0.0, pytest.approx(0.1)]
    assert bucket.take(1, now=100.11) == 0.0
    assert bucket.take(1, now=100.11) > 0


def test_a_refusal_takes_nothing_and_its_wait_is_true() -> None:
    bucket = TokenBucket(per_second=4, burst=4)
    assert bucket.take(4, now=0.0) == 0.0
    wait = bucket.take(2, now=0.0)
    assert wait == 0.5
    assert bucket.take(2, now=wait) == 0.0


def test_an_idle_bucket_holds_no_more_than_its_burst() -> None:
    bucket = TokenBucket(per_second=1000, burst=2)
    bucket.take(1, now=0.0)
    assert [bucket.take(1, now=60.0) for _ in range(3)][:2] == [0.0, 0.0]
    assert bucket.take(1, now=60.0) > 0


def test_a_pipeline_larger_than_the_burst_is_granted_from_a_full_bucket_and_owed() -> None:
    bucket = TokenBucket(per_second=10, burst=5)
    assert bucket.take(25, now=0.0) == 0.0
    assert bucket.take(1, now=0.0) == pytest.approx(2.1), "20 are owed and 1 is wanted, at 10 a second"


@given(
    st.integers(1, 100),
    st.integers(1, 50),
    st.lists(st.tuples(st.integers(1, 80), st.floats(0, 1)), max_size=60),
)
def test_over_any_time_no_more_is_granted_than_rate_and_burst_allow(
    rate: int, burst: int, calls: list[tuple[int, float]]
) -> None:
    bucket = TokenBucket(rate, burst)
    now, granted, largest = 0.0, 0, 0
    for n, pause in calls:
        now += pause
        if bucket.take(n, now) == 0.0:
            granted += n
            largest = max(largest, n)
    assert granted <= rate * now + max(burst, largest) + 1e-6
