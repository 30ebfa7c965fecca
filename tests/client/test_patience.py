"""Breaker and outbox: how long the client goes without, and what it keeps in mind meanwhile."""

from __future__ import annotations

import pytest

from fakes import Clock, Draw
from pannier._breaker import Breaker
from pannier._outbox import Invalidation, Outbox


class Probed:
    """A breaker whose time and chance are the test's; every pause is at its longest."""

    def __init__(self) -> None:
        self.clock = Clock(100.0)
        self.breaker = Breaker(self.clock, lambda: 1.0)

    def probes(self, seconds: float) -> int:
        """How many calls get through in a time in which none is answered."""
        count = 0
        for _ in range(round(seconds * 100)):
            self.clock.advance(0.01)
            if self.breaker.lets_through():
                count += 1
                self.breaker.unanswered()
        return count


def test_a_breaker_opens_after_three_unanswered_calls_in_a_row() -> None:
    breaker = Probed().breaker
    for _ in range(2):
        breaker.unanswered()
    breaker.answered()
    for _ in range(2):
        breaker.unanswered()
    assert not breaker.is_open
    breaker.unanswered()
    assert breaker.is_open
    assert not breaker.lets_through()


def test_where_nobody_listens_it_opens_at_once() -> None:
    breaker = Probed().breaker
    breaker.gone()
    assert breaker.is_open


def test_an_open_breaker_lets_one_probe_through_at_a_time() -> None:
    probed = Probed()
    probed.breaker.gone()
    probed.clock.advance(0.05)
    assert probed.breaker.lets_through()
    assert not probed.breaker.lets_through()
    probed.breaker.answered()
    assert probed.breaker.lets_through()
    assert not probed.breaker.is_open


def test_probes_become_rare_and_still_come_twice_a_second() -> None:
    probed = Probed()
    probed.breaker.gone()
    probed.probes(5)
    assert 15 <= probed.probes(10) <= 21


def test_pauses_differ_by_chance() -> None:
    chance = Draw()
    pauses = []
    for chance.value in (0.0, 0.5, 1.0):
        pauses.append(Breaker(Clock(), chance).pause())
    assert pauses == pytest.approx([0.025, 0.0375, 0.05])


KEY = Invalidation("users", keys=(b"7",))


def waiting(outbox: Outbox) -> list[Invalidation]:
    return [invalidation for invalidation, _ in outbox.waiting()]


def test_what_waits_blocks_what_it_may_concern() -> None:
    outbox = Outbox()
    assert not outbox.blocks("users", b"7")
    outbox.add(KEY)
    assert [outbox.blocks("users", b"7"), outbox.blocks("users", b"8"), outbox.blocks("other", b"7")] == [
        True,
        False,
        False,
    ]
    outbox.add(Invalidation("teams", patterns=(b"a*",)))
    assert [outbox.blocks("teams", b"b"), outbox.blocks("other", b"b")] == [True, False]
    outbox.add(Invalidation("all", everything=True))
    assert outbox.blocks("all", b"x")
    outbox.add(Invalidation("users", tags=("red",)))
    assert outbox.blocks("other", b"x")


def test_what_is_acknowledged_waits_no_longer() -> None:
    outbox = Outbox()
    outbox.add(KEY)
    outbox.settle(outbox.waiting(), [b"OK"])
    assert not outbox.is_waiting
    assert not outbox.blocks("users", b"7")


def test_the_acknowledgement_of_an_earlier_one_does_not_end_a_later_one() -> None:
    outbox = Outbox()
    outbox.add(KEY)
    earlier = outbox.waiting()
    outbox.add(KEY)
    outbox.settle(earlier, [b"OK"])
    assert waiting(outbox) == [KEY]


def test_a_full_outbox_widens_to_the_namespaces() -> None:
    outbox = Outbox()
    outbox.add(Invalidation("teams", keys=(b"1",)))
    for number in range(1_000):
        outbox.add(Invalidation("users", keys=(b"%d" % number,)))
    assert waiting(outbox) == [Invalidation("teams", everything=True), Invalidation("users", everything=True)]
    assert outbox.is_waiting


def test_tags_widen_to_every_namespace_that_was_ever_named() -> None:
    outbox = Outbox()
    outbox.add(KEY)
    outbox.settle(outbox.waiting(), [b"OK"])
    outbox.add(Invalidation("teams", tags=tuple(f"tag{number}" for number in range(1_001))))
    assert waiting(outbox) == [Invalidation("teams", everything=True), Invalidation("users", everything=True)]
