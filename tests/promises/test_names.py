"""Names are data: no key, tag, namespace or tenant reaches into another, whatever characters it has."""

from __future__ import annotations

import unicodedata
from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from both_lanes import BothLanes
from fakes import Bench

if TYPE_CHECKING:
    from pathlib import Path

    from callers import Caller, Site

ODD_KEYS = [
    b"a:b",
    b"a",
    b"a:b:c",
    b"*",
    b"user:*",
    b"user:?",
    b"user:[12]",
    b"{user}:1",
    b"\\*",
    b"%FF",
    b"%25FF",
    b"\xff",
    b"a/b",
    b"a b",
    b"a+b",
    b"a?b=c",
    b"a#b",
    b"..%2f",
    b"\x00\x01\r\n\x7f",
    b"$3\r\nabc\r\n",
    "é".encode(),
    unicodedata.normalize("NFD", "é").encode(),
    b"None",
    b"1",
    b"1.0",
    b"True",
    b"lease",
    b"x" * 1_024,
]


def test_no_two_keys_are_one(site: Site) -> None:
    """T25: keys are told apart by their bytes."""
    for number, key in enumerate(ODD_KEYS):
        assert site.writer.store(key, b"%d" % number) == "stored"
    for number, key in enumerate(ODD_KEYS):
        assert site.loader.get(key) == b"%d" % number


def test_to_delete_one_key_deletes_no_other(site: Site) -> None:
    """T25: nor does a key reach into another."""
    for key in ODD_KEYS:
        site.writer.store(key, b"v")
    for number, key in enumerate(ODD_KEYS):
        site.writer.delete(key)
        left = [site.loader.get(other) is not None for other in ODD_KEYS]
        assert left == [False] * (number + 1) + [True] * (len(ODD_KEYS) - number - 1)


def test_an_invalidated_key_is_no_pattern(site: Site) -> None:
    """T25: what is special in a pattern is plain in a key."""
    for key in (b"user:1", b"user:*", b"user:?", b"user:[12]"):
        site.writer.store(key, b"v")
    site.writer.invalidate(keys=[b"user:*", b"user:?", b"user:[12]"])
    assert site.loader.get(b"user:1") == b"v"
    assert site.loader.get(b"user:*") is None


def test_a_pattern_that_escapes_its_stars_names_one_key(site: Site) -> None:
    """T25: what is special can be made plain."""
    for key in (b"user:1", b"user:*", b"user:\\"):
        site.writer.store(key, b"v")
    site.writer.invalidate(patterns=[b"user:\\*"])
    assert [site.loader.get(key) for key in (b"user:1", b"user:*", b"user:\\")] == [b"v", None, b"v"]


def test_a_tag_is_no_pattern_and_no_prefix(site: Site) -> None:
    site.writer.store(b"key", b"v", tags=["users"])
    site.writer.invalidate(tags=["user", "user*", "usersAbc", "*", "Users"])
    assert site.loader.get(b"key") == b"v"


@pytest.mark.parametrize("soft", [False, True], ids=["hard", "soft"])
def test_a_namespace_is_no_prefix_of_another(sidecar: BothLanes, soft: bool) -> None:  # noqa: FBT001
    """T25: `users` never clears `usersAbc`."""
    names = ["users", "usersAbc", "user", "users:1", "users.", "Users"]
    lanes = {name: sidecar.lane(name) for name in names}
    for number, name in enumerate(names):
        for kind in ({"everything": True}, {"patterns": [b"*"]}):
            for lane in lanes.values():
                lane.store(b"key", b"v")
            sidecar.web(name).invalidate(**kind, soft=soft)
            left = [lane.get(b"key") is not None for lane in lanes.values()]
            assert left == [other != number for other in range(len(names))]


def test_where_a_namespace_ends_and_a_key_begins_is_no_matter_of_characters(sidecar: BothLanes) -> None:
    """T25: no separator can be forged."""
    places = [("a", b"b:c"), ("a:b", b"c"), ("a:b:c", b":"), ("a", b"b:c:")]
    for number, (namespace, key) in enumerate(places):
        sidecar.lane(namespace).store(key, b"%d" % number)
    for number, (namespace, key) in enumerate(places):
        assert sidecar.web(namespace).get(key) == b"%d" % number


def test_a_namespace_out_of_another_tenants_mouth_is_the_callers_own(tmp_path: Path) -> None:
    """Nothing that a caller sends names its tenant."""
    tenants = ("shop", "shop:users", "users")
    with BothLanes(Bench(tenants=tenants), tmp_path, tenants) as sidecar:
        places = [(tenant, namespace) for tenant in tenants for namespace in ("users", "shop:users", "shop")]
        for tenant, namespace in places:
            sidecar.lane(namespace, tenant).store(b"key", f"{tenant}/{namespace}".encode(), tags=["red"])
        for tenant, namespace in places:
            assert sidecar.web(namespace, tenant).get(b"key") == f"{tenant}/{namespace}".encode()


def test_a_tenant_can_neither_read_fill_nor_invalidate_what_is_anothers(tmp_path: Path) -> None:
    tenants = ("one", "two")
    with BothLanes(Bench(tenants=tenants), tmp_path, tenants) as sidecar:
        for mine, other in permutations(tenants):
            owner = sidecar.lane("n", mine)
            strangers: list[Caller] = [sidecar.lane("n", other), sidecar.web("n", other)]
            lease = owner.fetch(b"loading").lease
            assert lease is not None
            owner.store(b"key", b"secret", tags=["red"])
            for stranger in strangers:
                assert stranger.get(b"key") is None
                assert stranger.store(b"loading", b"forged", lease=lease) == "lease_lost"
                stranger.release(b"loading", lease)
                stranger.delete(b"key")
                stranger.invalidate(keys=[b"key"], tags=["red"], patterns=[b"*"], everything=True)
            assert owner.get(b"key") == b"secret"
            assert owner.store(b"loading", b"mine", lease=lease) == "stored"
            owner.invalidate(everything=True)


def test_a_tracking_client_hears_nothing_of_another_tenants_changes(tmp_path: Path) -> None:
    tenants = ("one", "two")
    with BothLanes(Bench(tenants=tenants), tmp_path, tenants) as sidecar:
        reader = sidecar.dial("one")
        reader.call("HELLO", 3)
        reader.call("CLIENT", "TRACKING", "ON", "BCAST")
        other = sidecar.web("default", "two")
        other.store(b"key", b"v")
        other.invalidate(tags=["red"], everything=True)
        assert reader.call("PING") == b"PONG", "the first thing that it hears"
