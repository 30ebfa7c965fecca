"""What an invalidation kills, by the order of one counter."""

import pytest

from pannierd.cache.versions import MOST_RULES, MOST_SOFT, Cause, Mark, Rules, Versions, weightier


class Story:
    """A tenant's invalidations in the order they happen, at the moment that the test says."""

    def __init__(self, max_tags: int = 100) -> None:
        self.versions = Versions(max_tags)
        self.rules = Rules()
        self.now = 0.0

    def cause(self, kind: str, name: str = "", *, soft: bool = False) -> Cause:
        return Cause(kind, name, self.versions.next(), self.now, soft, 0.0, "shop#1")

    def tag(self, name: str, *, soft: bool = False) -> Cause:
        cause = self.cause("tag", name, soft=soft)
        self.versions.invalidate_tag(cause)
        return cause

    def pattern(self, glob: str, *, soft: bool = False) -> Cause:
        cause = self.cause("pattern", glob, soft=soft)
        self.rules.add_pattern(cause)
        return cause

    def whole(self, *, soft: bool = False) -> Cause:
        cause = self.cause("namespace", soft=soft)
        self.rules.invalidate_all(cause)
        return cause


def test_a_tag_kills_what_was_seen_before_it_and_nothing_after() -> None:
    story = Story()
    before = story.versions.counter
    cause = story.tag("red")
    assert story.versions.killer(["blue", "red"], before) is cause
    assert story.versions.killer(["blue", "red"], cause.number) is None
    assert story.versions.killer(["blue"], before) is None
    assert story.versions.killer([], before) is None


def test_a_soft_invalidation_never_hides_a_hard_one_whatever_their_order() -> None:
    for softness in ([True, False], [False, True]):
        story = Story()
        causes = [story.tag("red", soft=soft) for soft in softness]
        hard = next(cause for cause in causes if not cause.soft)
        assert story.versions.killer(["red"], 0) is hard


def test_after_the_hard_one_was_seen_the_soft_one_still_counts() -> None:
    story = Story()
    hard = story.tag("red")
    soft = story.tag("red", soft=True)
    assert story.versions.killer(["red"], hard.number) is soft


def test_a_forgotten_mark_fails_closed() -> None:
    """Nobody remembers whether this tag was invalidated, so what carries it is taken for dead."""
    story = Story(max_tags=2)
    forgotten = story.tag("first")
    for name in ("second", "third"):
        story.tag(name)
    assert story.versions.killer(["first"], 0) is forgotten
    assert story.versions.killer(["never invalidated"], 0) is forgotten, "more than was asked for, never less"
    assert story.versions.killer(["never invalidated"], forgotten.number) is None


def test_a_forgotten_tag_that_is_invalidated_softly_still_kills_hard() -> None:
    story = Story(max_tags=2)
    hard = story.tag("first")
    story.tag("second")
    story.tag("third")
    story.tag("first", soft=True)
    assert story.versions.killer(["first"], 0) is hard


def test_the_longest_untouched_mark_is_forgotten_first() -> None:
    story = Story(max_tags=2)
    story.tag("first")
    second = story.tag("second")
    story.tag("first")
    story.tag("third")
    assert story.versions.killer(["unknown"], 0) is second


def test_the_marks_stay_within_their_bound() -> None:
    story = Story(max_tags=10)
    for number in range(1_000):
        story.tag(f"tag-{number}")
    assert repr(story.versions) == "<Versions 1000, 10 tags>"


def test_explain_is_told_the_number_of_the_tags_last_invalidation() -> None:
    story = Story()
    story.tag("red")
    soft = story.tag("red", soft=True)
    assert story.versions.tag_number("red") == soft.number
    assert story.versions.tag_number("blue") == 0


def test_a_pattern_kills_matching_keys_that_were_seen_before_it() -> None:
    story = Story()
    cause = story.pattern("user:*")
    assert story.rules.killer(b"user:1", 0) is cause
    assert story.rules.killer(b"user:1", cause.number) is None
    assert story.rules.killer(b"users:1", 0) is None


def test_of_many_patterns_a_hard_one_weighs_most() -> None:
    story = Story()
    hard = story.pattern("a*")
    soft = story.pattern("*", soft=True)
    assert story.rules.killer(b"abc", 0) is hard
    assert story.rules.killer(b"bcd", 0) is soft
    assert story.rules.killer(b"abc", hard.number) is soft


def test_an_equal_pattern_takes_the_new_number_and_a_retired_sweep_does_not_remove_it() -> None:
    story = Story()
    old = story.pattern("a*")
    new = story.pattern("a*")
    story.rules.retire(old)
    assert list(story.rules.patterns) == [new]
    story.rules.retire(new)
    assert not story.rules.patterns


@pytest.mark.parametrize("soft", [True, False])
def test_one_pattern_too_many_invalidates_the_whole_namespace(soft: bool) -> None:  # noqa: FBT001
    story = Story()
    for number in range(MOST_RULES):
        story.pattern(f"{number}-*")
    last = story.pattern("one more", soft=soft)
    assert story.rules.killer(b"matches nothing", 0) is last
    assert len(story.rules.patterns) == (MOST_RULES if soft else 0), "a hard one makes every rule needless"


def test_a_whole_namespace_is_killed_and_later_entries_are_not() -> None:
    story = Story()
    cause = story.whole()
    assert story.rules.killer(b"any", 0) is cause
    assert story.rules.killer(b"any", cause.number) is None


def test_a_pattern_that_is_no_text_keeps_its_bytes() -> None:
    story = Story()
    story.pattern(b"\xff*".decode("utf-8", "surrogateescape"))
    assert story.rules.killer(b"\xff1", 0) is not None
    assert story.rules.killer(b"\xfe1", 0) is None


def test_a_mark_keeps_the_last_hard_one_in_whatever_order_it_is_told() -> None:
    mark, story = Mark(), Story()
    old, new = story.cause("tag"), story.cause("tag")
    mark.put(new)
    mark.put(old)
    assert mark.since(0) is mark.last is new


def test_a_mark_tells_the_first_soft_one_that_an_entry_missed() -> None:
    mark, story = Mark(), Story()
    causes = [story.cause("tag", soft=True) for _ in range(MOST_SOFT)]
    for cause in reversed(causes):
        mark.put(cause)
    assert [mark.since(seen) for seen in range(MOST_SOFT)] == causes
    assert mark.since(MOST_SOFT) is None


def test_a_hard_one_makes_the_soft_ones_before_it_needless_and_leaves_those_after_it() -> None:
    mark, story = Mark(), Story()
    before, hard, after = story.cause("tag", soft=True), story.cause("tag"), story.cause("tag", soft=True)
    for cause in (before, after, hard):
        mark.put(cause)
    assert mark.soft == [after]
    assert mark.last is after


def test_of_too_many_soft_ones_the_two_closest_count_as_one_at_the_earlier_moment() -> None:
    """Nothing is served for longer than was asked for, and the mark stays small."""
    mark, story = Mark(), Story()
    for story.now in (0.0, 10.0, 20.0, 21.0, 31.0):
        mark.put(story.cause("tag", soft=True))
    assert [(cause.number, cause.moment) for cause in mark.soft] == [(1, 0.0), (2, 10.0), (4, 20.0), (5, 31.0)]
    for _ in range(1_000):
        mark.put(story.cause("tag", soft=True))
    assert len(mark.soft) == MOST_SOFT


def test_the_weightier_of_two_is_the_hard_one_else_the_earlier() -> None:
    story = Story()
    hard, soft = story.cause("tag"), story.cause("tag", soft=True)
    story.now = 1.0
    other = story.cause("tag", soft=True)
    assert weightier(soft, hard) is weightier(hard, soft) is hard
    assert weightier(soft, other) is weightier(other, soft) is soft
    assert weightier(None, soft) is weightier(soft, None) is soft
    assert weightier(None, None) is None
