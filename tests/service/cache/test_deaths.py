from pannierd.cache.deaths import MOST_DEATHS, Death, Deaths
from pannierd.cache.versions import Cause

DEATH = Death("expired", "", soft=False, at=1.0, by="")


def test_a_death_is_remembered_by_namespace_and_key_until_the_key_lives_again() -> None:
    deaths, here, elsewhere = Deaths(), "here", "elsewhere"
    deaths.put(here, b"key", DEATH)
    assert deaths.get(here, b"key") is DEATH
    assert deaths.get(elsewhere, b"key") is None
    deaths.forget(here, b"key")
    deaths.forget(here, b"key")
    assert deaths.get(here, b"key") is None


def test_the_oldest_deaths_are_forgotten() -> None:
    deaths, here = Deaths(), "here"
    deaths.put(here, b"dies twice", DEATH)
    deaths.put(here, b"first", DEATH)
    deaths.put(here, b"dies twice", DEATH)
    for number in range(MOST_DEATHS - 1):
        deaths.put(here, b"%d" % number, DEATH)
    assert deaths.get(here, b"first") is None
    assert deaths.get(here, b"dies twice") is DEATH


def test_a_death_by_invalidation_has_the_time_at_which_that_was_asked_for() -> None:
    cause = Cause("tag", "red", number=7, moment=1.5, soft=True, at=12.5, by="shop#1")
    assert Death.of(cause) == Death("tag", "red", soft=True, at=12.5, by="shop#1")
