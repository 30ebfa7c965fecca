"""The flows, step by step, without any client: what a call asks for next, whatever it was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pannier import DeadlineExceeded, Unavailable
from pannier._commands import Fetched, Life, Space
from pannier._near_cache import NearEntry
from pannier._protocol import (
    Bypassed,
    Call,
    Discard,
    Fetch,
    Flow,
    Fly,
    Join,
    LastKnown,
    Loaded,
    Policy,
    Ran,
    Refresh,
    Release,
    Run,
    Step,
    Store,
    Uncached,
    Wait,
    load,
    reload,
)
from pannier._values import codec_for

if TYPE_CHECKING:
    from collections.abc import Sequence

BEGAN = 100.0
NOTHING = Fetched(b"miss", None, None, 0, b"")


def hit(value: bytes, lease: bytes | None = None, status: bytes = b"hit") -> Fetched:
    return Fetched(status, value, lease, 1_000, b"application/json")


def miss(lease: bytes) -> Fetched:
    return Fetched(b"miss", None, lease, 0, b"")


def call(tags: Sequence[str] = (), **policy: Any) -> Call:
    space = Space("users", is_bound=True)
    return Call(space, b"7", codec_for(int), Policy(**policy), lambda: None, lambda _: tags, "owner", BEGAN)


_NOTED = (Store, Release, Discard)


class Script:
    """Plays the client: sends a flow what the test says, and notes the steps; flies and refreshes inline."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.steps: list[Any] = []

    def play(self, flow: Flow) -> Loaded:
        """A whole call, after which nothing is left of the answers."""
        loaded = self.carry_out(flow)
        assert not self.answers
        return loaded

    def carry_out(self, flow: Flow) -> Loaded:
        try:
            step = next(flow)
            while True:
                self.steps.append(step if isinstance(step, _NOTED) else type(step))
                try:
                    answer = self.answer(step)
                except Exception as error:  # noqa: BLE001 - the flow decides
                    step = flow.throw(error)
                else:
                    step = flow.send(answer)
        except StopIteration as end:
            loaded: Loaded = end.value
            return loaded

    def answer(self, step: Step) -> Any:
        if isinstance(step, Fly | Refresh):
            return self.carry_out(step.flow)
        if isinstance(step, Release | Discard | Uncached | Bypassed):
            return None
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def ran(result: Any, began: float = BEGAN + 1) -> Ran:
    return Ran(result, began)


def test_a_hit_is_the_end() -> None:
    script = Script(hit(b"1"))
    assert script.play(load(call())).value == 1
    assert script.steps == [Fetch]


def test_a_miss_with_a_lease_runs_and_stores() -> None:
    script = Script(miss(b"L"), ran(1), True)
    one = call(tags=["t"], life=Life(60_000))
    loaded = script.play(load(one))
    assert (loaded.value, loaded.is_kept) == (1, True)
    store = one.space.store(b"7", (b"1", b"application/json"), Life(60_000), ["t"], b"L")
    assert script.steps == [Fetch, Fly, Run, Store(store, b"L")]


def test_nothing_is_stored_for_its_own_time() -> None:
    script = Script(miss(b"L"), ran(None), True)
    one = call(life=Life(60_000, None, 5_000))
    script.play(load(one))
    assert script.steps[-1].command == one.space.store(
        b"7", (b"", b"application/vnd.pannier.none"), Life(5_000), (), b"L"
    )


def test_a_failing_function_gives_the_lease_back() -> None:
    script = Script(miss(b"L"), LookupError("gone"))
    with pytest.raises(LookupError):
        script.play(load(call()))
    assert script.steps == [Fetch, Fly, Run, Release(b"L")]


def test_a_result_that_does_not_fit_is_returned_and_gives_the_lease_back() -> None:
    script = Script(miss(b"L"), ran("text"))
    assert script.play(load(call())) == Loaded("text", began=BEGAN + 1)
    assert script.steps == [Fetch, Fly, Run, Uncached, Release(b"L")]
    alone = Script(Unavailable("away"), None, ran("text"))
    assert alone.play(load(call())).value == "text"
    assert alone.steps[-1] == Uncached


@pytest.mark.parametrize(
    "joined", [Loaded(1, is_kept=True, began=BEGAN - 9), Loaded(1, began=BEGAN)], ids=["kept", "begun later"]
)
def test_a_joined_run_is_believed_when_no_invalidation_can_be_missed(joined: Loaded) -> None:
    script = Script(NOTHING, joined)
    assert script.play(load(call())) is joined
    assert script.steps == [Fetch, Join]


def test_a_joined_run_that_may_be_too_old_is_not_believed() -> None:
    script = Script(NOTHING, Loaded(1, began=BEGAN - 1), hit(b"2"))
    assert script.play(load(call())).value == 2
    assert script.steps == [Fetch, Join, Fetch]


def test_a_call_does_not_begin_again_for_ever() -> None:
    old = Loaded(1, began=BEGAN - 1)
    script = Script(NOTHING, old, NOTHING, old, NOTHING, old, ran(5))
    assert script.play(load(call())).value == 5
    assert script.steps[-2:] == [Fly, Run]


@pytest.mark.parametrize(
    ("waited", "rest", "steps"),
    [
        (hit(b"3"), [], []),
        (miss(b"L"), [ran(3), True], [Run, "store"]),
        (NOTHING, [ran(3)], [Run]),
        (DeadlineExceeded("late"), [ran(3)], [Bypassed, Run]),
    ],
    ids=["filled", "the lease", "neither", "no answer"],
)
def test_a_call_without_anything_waits_for_the_fill(waited: Any, rest: list[Any], steps: list[Any]) -> None:
    script = Script(NOTHING, None, waited, *rest)
    assert script.play(load(call())).value == 3
    shown = ["store" if isinstance(step, Store) else step for step in script.steps]
    assert shown == [Fetch, Join, Fly, Wait, *steps]


def test_a_refresh_ahead_is_the_policys_choice() -> None:
    script = Script(hit(b"1", b"L"))
    assert script.play(load(call(refresh_ahead=False))).value == 1
    assert script.steps == [Fetch, Release(b"L")]
    eager = Script(hit(b"1", b"L"), ran(2), True)
    assert eager.play(load(call())).value == 2


def test_what_is_of_another_version_is_discarded_and_loaded() -> None:
    script = Script(hit(b'"text"', b"L"), miss(b"M"), ran(2), True)
    assert script.play(load(call())).value == 2
    assert script.steps[:4] == [Fetch, Release(b"L"), Discard(soft=False), Fetch]


def test_without_a_sidecar_the_function_runs_and_others_join() -> None:
    script = Script(Unavailable("away"), None, ran(1))
    assert script.play(load(call())).value == 1
    assert script.steps == [Fetch, Bypassed, Join, Fly, Run]
    joined = Loaded(1)
    assert Script(Unavailable("away"), joined).play(load(call())) is joined


def test_without_a_sidecar_the_policy_may_prefer_the_last_known_value() -> None:
    known = NearEntry(b"8", b"application/json", 0)
    script = Script(Unavailable("away"), known)
    assert script.play(load(call(on_unavailable="stale"))).value == 8
    assert script.steps == [Fetch, Bypassed, LastKnown]
    unknown = Script(Unavailable("away"), None, None, ran(1))
    assert unknown.play(load(call(on_unavailable="stale"))).value == 1
    other_type = Script(Unavailable("away"), NearEntry(b"[]", b"application/json", 0), None, ran(1))
    assert other_type.play(load(call(on_unavailable="stale"))).value == 1


def test_without_a_sidecar_the_policy_may_raise() -> None:
    script = Script(Unavailable("away"))
    with pytest.raises(Unavailable):
        script.play(load(call(on_unavailable="raise")))
    assert script.steps == [Fetch]


def test_a_reload_voids_every_older_lease_first() -> None:
    script = Script(Fetched(b"stale", b"1", b"L", 0, b"application/json"), ran(2), True)
    assert script.play(reload(call())).value == 2
    assert [type(step) if isinstance(step, Store) else step for step in script.steps] == [
        Discard(soft=True),
        Fetch,
        Fly,
        Run,
        Store,
    ]


STALE = Fetched(b"stale", b"1", None, 0, b"application/json")


def test_a_reload_that_a_reader_overtook_tries_again() -> None:
    script = Script(STALE, hit(b"1"), miss(b"L"), ran(2), True)
    assert script.play(reload(call())).is_kept
    assert script.steps[:7] == [*[Discard(soft=True), Fetch] * 3, Fly]


@pytest.mark.parametrize("answers", [[STALE, hit(b"1"), NOTHING], [Unavailable("away")]], ids=["taken", "away"])
def test_a_reload_without_the_lease_does_not_store_and_leaves_nothing_older_behind(answers: list[Any]) -> None:
    script = Script(*answers, ran(2))
    assert script.play(reload(call())).value == 2
    assert script.steps == [*[Discard(soft=True), Fetch] * len(answers), Fly, Run, Discard(soft=False)]
