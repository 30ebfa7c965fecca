"""What turns rounds into the numbers of a report."""

from measurement import interleave, percentile, ratio
from report import at_least, at_most


def test_the_sides_take_turns_and_the_first_changes_with_the_round() -> None:
    turns: list[str] = []

    def side(name: str) -> float:
        turns.append(name)
        return len(turns)

    measured = interleave(3, {"ours": lambda: side("ours"), "theirs": lambda: side("theirs")})
    assert turns == ["ours", "theirs", "theirs", "ours", "ours", "theirs"]
    assert measured == {"ours": [1, 4, 5], "theirs": [2, 3, 6]}


def test_a_ratio_compares_within_rounds_so_a_machine_that_slows_down_does_not_move_it() -> None:
    assert ratio([100, 50, 10], [50, 25, 5]) == 2


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert percentile([4, 1, 3, 2], 0.5) == 2
    assert percentile([4, 1, 3, 2], 0.99) == 4


def test_a_target_is_reached_at_its_limit() -> None:
    assert at_least("rate", 2, 2).reached
    assert not at_least("rate", 1, 2).reached
    assert at_most("lag", 2, 2).reached
    assert not at_most("lag", 3, 2).reached
