"""The judge of F4: it must find a read that is too old, and accuse no other."""

from pathlib import Path

from changes import Changes
from readings import Readings

MS = 1_000_000


def test_a_value_that_was_read_after_a_newer_one_was_acknowledged_lags() -> None:
    readings = Readings()
    readings.note([1, 1], at=0)
    readings.note([1, 2], at=250 * MS)
    assert readings.worst_lag_ms({0: [(3, 100 * MS)]}) == 150
    assert readings.worst_lag_ms({0: [(3, 300 * MS)]}) == 0


def test_a_value_that_was_gone_before_the_newer_one_was_acknowledged_does_not() -> None:
    readings = Readings()
    readings.note([1], at=0)
    readings.note([2], at=100 * MS)
    assert readings.worst_lag_ms({0: [(2, 50 * MS)]}) == 0


def test_the_first_change_that_was_missed_counts_and_those_before_the_value_do_not() -> None:
    readings = Readings()
    readings.note([5], at=100 * MS)
    assert readings.worst_lag_ms({0: [(4, 10 * MS), (6, 80 * MS), (7, 90 * MS)]}) == 20


def test_two_mappings_of_one_file_see_the_same_changes(tmp_path: Path) -> None:
    writer, reader = Changes(tmp_path / "changes"), Changes(tmp_path / "changes")
    writer.begin(1, key=7)
    assert reader.current[7] == 1
    assert reader.history() == {}
    writer.acknowledged(1, 123)
    assert reader.history() == {7: [(1, 123)]}
