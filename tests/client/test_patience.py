"""Breaker and outbox: how long the client goes without, and what it keeps in mind meanwhile."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from fakes import Clock, Draw
from pannier import Forbidden, InternalError
from pannier._breaker import Breaker
from pannier._outbox import Invalidation, Outbox

if TYPE_CHECKING:
    from collections.abc import Iterator


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


def test_a_probe_that_takes_time_is_followed_by_a_rest() -> None:
    probed = Probed()
    probed.breaker.gone()
    probed.clock.advance(0.05)
    assert probed.breaker.lets_through()
    probed.clock.advance(0.03)
    probed.breaker.unanswered()
    probed.clock.advance(0.59)
    assert not probed.breaker.lets_through()
    probed.clock.advance(0.02)
    assert probed.breaker.lets_through()


def test_no_rest_is_longer_than_a_second() -> None:
    probed = Probed()
    probed.breaker.gone()
    probed.clock.advance(0.05)
    assert probed.breaker.lets_through()
    probed.clock.advance(5.0)
    probed.breaker.unanswered()
    probed.clock.advance(1.0)
    assert probed.breaker.lets_through()


def test_the_last_chance_is_a_probe() -> None:
    breaker = Probed().breaker
    breaker.gone()
    breaker.probe_at_once()
    assert breaker.lets_through()
    assert not breaker.lets_through()


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


def test_tags_wait_on_in_a_full_outbox() -> None:
    """They concern every namespace, whichever this process has named."""
    outbox = Outbox()
    for number in range(700):
        outbox.add(Invalidation("teams", tags=("blue", "red"), keys=(b"%d" % number,)))
    assert waiting(outbox)[:2] == [
        Invalidation("teams", tags=("blue", "red")),
        Invalidation("teams", everything=True),
    ]
    assert len(outbox) < 700
    assert outbox.blocks("never-named", b"1")


def test_too_many_tags_widen_to_every_namespace_that_was_ever_named() -> None:
    outbox = Outbox()
    outbox.name("only-read")
    outbox.add(KEY)
    outbox.settle(outbox.waiting(), [b"OK"])
    outbox.add(Invalidation("teams", tags=tuple(f"tag{number}" for number in range(1_001))))
    named = ("only-read", "teams", "users")
    assert waiting(outbox) == [Invalidation(name, everything=True) for name in named]


def test_namespaces_are_remembered_up_to_a_thousand() -> None:
    outbox = Outbox()
    for number in range(1_200):
        outbox.add(Invalidation(f"space{number}", keys=(b"1",)))
        outbox.settle(outbox.waiting(), [b"OK"])
    outbox.add(Invalidation("tagged", tags=tuple(f"tag{number}" for number in range(1_001))))
    assert len(outbox) == 1_000
    assert outbox.blocks("space1199", b"1")
    assert not outbox.blocks("space0", b"1")


def test_what_the_sidecar_refuses_for_good_waits_no_longer_and_what_it_fails_at_does() -> None:
    outbox = Outbox()
    other = Invalidation("users", tags=("red",))
    outbox.add(KEY)
    outbox.add(other)
    outbox.settle(outbox.waiting(), [Forbidden("no"), InternalError("oh")])
    assert waiting(outbox) == [other]


def test_what_waits_when_the_outbox_is_closed_or_comes_later_is_lost_and_said(caplog: pytest.LogCaptureFixture) -> None:
    outbox = Outbox()
    outbox.add(KEY)
    outbox.add(Invalidation("users", tags=("red",)))
    outbox.close()
    outbox.close()
    outbox.add(KEY)
    lost = "invalidations that the sidecar has not acknowledged are lost: "
    assert [record.getMessage() for record in caplog.records] == [lost + "2", lost + "1"]
    assert not outbox.is_waiting


class Gated(list[bytes]):
    """Replies that can be read when the test says so."""

    def __init__(self) -> None:
        super().__init__([b"OK"])
        self.inside, self.gate = threading.Event(), threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        self.inside.set()
        self.gate.wait()
        return super().__iter__()


def test_threads_change_the_outbox_one_after_the_other() -> None:
    outbox, replies, later = Outbox(), Gated(), Invalidation("users", keys=(b"8",))
    outbox.add(KEY)
    settling = threading.Thread(target=outbox.settle, args=(outbox.waiting(), replies))
    adding = threading.Thread(target=outbox.add, args=(later,))
    settling.start()
    replies.inside.wait()
    adding.start()
    adding.join(0.05)
    assert adding.is_alive(), "it waits for its turn"
    replies.gate.set()
    settling.join()
    adding.join()
    assert (waiting(outbox), outbox.is_waiting) == ([later], True)
