import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pannierd.cache.policy import lives, refresh_is_due
from pannierd.config import Namespace

MILLISECONDS = st.integers(0, 10**9)
ASKED = st.none() | MILLISECONDS
PART = st.floats(0, 1)


@given(MILLISECONDS, MILLISECONDS, MILLISECONDS, st.floats(0, 0.5), ASKED, ASKED, PART)
def test_jitter_never_lengthens_and_shortens_by_no_more_than_its_part(
    ttl: int, stale: int, most: int, jitter: float, ttl_ms: int | None, stale_ms: int | None, shorten: float
) -> None:
    policy = Namespace(ttl_ms=ttl, stale_ms=stale, max_ttl_ms=most, jitter=jitter)
    asked = min(ttl if ttl_ms is None else ttl_ms, most) / 1000
    fresh, after = lives(policy, ttl_ms, stale_ms, shorten)
    assert asked * (1 - jitter) <= fresh * (1 + 1e-9)
    assert fresh <= asked
    assert 0 <= after <= (stale if stale_ms is None else stale_ms) / 1000
    assert fresh + after <= max(most / 1000, fresh) * (1 + 1e-9)


def test_a_life_longer_than_a_timer_can_count_is_kept() -> None:
    """2^31 ms are 24.8 days, and some timers end there."""
    assert lives(Namespace(), 29 * 24 * 3_600_000, 0, 0.0) == (29 * 24 * 3_600, 0)


def test_no_value_lives_longer_than_the_namespace_allows_stale_time_included() -> None:
    policy = Namespace(max_ttl_ms=10_000)
    assert lives(policy, 365 * 24 * 3_600_000, 1, 0.0) == (10, 0)
    assert lives(policy, 8_000, 9_000, 0.0) == (8, 2)


def test_a_value_that_cost_nothing_is_never_refreshed_early() -> None:
    assert not refresh_is_due(0.001, load_cost=0.0, draw=lambda: 0.999999)


def test_far_from_the_end_there_is_no_draw() -> None:
    def draw() -> float:
        raise AssertionError("a hit with much time left must not pay for randomness")

    assert not refresh_is_due(100.0, load_cost=1.0, draw=draw)


@pytest.mark.parametrize(("left", "load_cost"), [(1.0, 1.0), (3.0, 1.0), (0.5, 2.0)])
def test_the_chance_to_refresh_is_xfetchs(left: float, load_cost: float) -> None:
    """P(-Δ ln u ≥ left) = exp(-left / Δ)."""
    random = Random(1)
    share = sum(refresh_is_due(left, load_cost, random.random) for _ in range(20_000)) / 20_000
    assert share == pytest.approx(math.exp(-left / load_cost), abs=0.01)


@pytest.mark.parametrize("extreme", [0.0, math.nextafter(1.0, 0.0)])
def test_the_ends_of_the_draw_are_harmless(extreme: float) -> None:
    assert refresh_is_due(1.0, load_cost=1.0, draw=lambda: extreme) is (extreme > 0)
