"""Tokens and peers become callers; files change under a running sidecar."""

import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import structlog

from pannierd.config import Tenant
from pannierd.config.mistakes import ConfigError
from pannierd.errors import Unauthenticated
from pannierd.tenancy import Tenants

LONG_TOKEN = "long-enough-not-to-be-guessed"


@dataclass
class Bench:
    """Tenants on a clock that the test turns, with what they logged and what they called degraded."""

    folder: Path
    now: float = 0.0
    degraded: set[str] = field(default_factory=set)
    logged: structlog.testing.LogCapture = field(default_factory=structlog.testing.LogCapture)

    def write(self, name: str, *lines: str, mode: int = 0o600) -> str:
        path = self.folder / name
        fresh = self.folder / f"{name}.new"
        fresh.write_text("".join(f"{line}\n" for line in lines))
        fresh.chmod(mode)
        fresh.replace(path)
        return str(path)

    def tenants(self, **tenants: Tenant) -> Tenants:
        log = structlog.wrap_logger(None, processors=[self.logged], wrapper_class=structlog.BoundLogger)
        return Tenants(tenants, lambda: self.now, log, self.degraded)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_without_tenants_everybody_is_default_and_may_do_everything(bench: Bench) -> None:
    tenants = bench.tenants()
    assert tenants.open
    caller = tenants.anonymous()
    assert caller is not None
    assert (caller.tenant, caller.label, caller.rate) == ("default", "default", None)
    assert caller.roles == {"use", "operator"}
    assert tenants.by_token("whatever") is caller, "a client that always sends a token works here too"


def test_a_token_stands_for_its_tenant_on_str_and_bytes(bench: Bench) -> None:
    tenants = bench.tenants(
        shop=Tenant(token_file=bench.write("shop", "# rotated in May", "", "first-token", "  second-token  ")),
        ops=Tenant(token_file=bench.write("ops", "ops-token"), roles=["operator"]),
    )
    assert not tenants.open
    assert tenants.anonymous() is None
    assert tenants.by_token("first-token").label == "shop#1"
    assert tenants.by_token(b"second-token").label == "shop#2"
    assert tenants.by_token("first-token").roles == {"use"}
    assert tenants.by_token("ops-token").roles == {"operator"}
    assert repr(tenants) == "<Tenants 2, 3 tokens>"


@pytest.mark.parametrize("token", ["", "first", "first-token ", "# rotated in May", "FIRST-TOKEN", "\udcff"])
def test_anything_else_is_nobody(bench: Bench, token: str) -> None:
    tenants = bench.tenants(shop=Tenant(token_file=bench.write("shop", "# rotated in May", "first-token")))
    with pytest.raises(Unauthenticated):
        tenants.by_token(token)


def test_a_changed_file_is_read_again_within_a_second_and_not_at_every_call(bench: Bench) -> None:
    tenants = bench.tenants(shop=Tenant(token_file=bench.write("shop", "old-token")))
    before = tenants.by_token("old-token")
    bench.write("shop", "old-token", "new-token")
    with pytest.raises(Unauthenticated):
        tenants.by_token("new-token")

    bench.now = 1.0
    assert tenants.by_token("new-token").label == "shop#2"
    assert tenants.by_token("old-token") is before, "what is cached by caller stays cached"

    bench.write("shop", "new-token")
    bench.now = 2.0
    with pytest.raises(Unauthenticated):
        tenants.by_token("old-token")


def test_a_reload_that_is_asked_for_reads_at_once(bench: Bench) -> None:
    tenants = bench.tenants(shop=Tenant(token_file=bench.write("shop", "old-token")))
    bench.write("shop", "new-token")
    assert tenants.reload(force=True)
    assert tenants.by_token("new-token").tenant == "shop"


@pytest.mark.parametrize("lines", [[], ["# only a comment"], ["two words"], ["umläut"]])
def test_a_file_that_turns_bad_leaves_its_tokens_valid_and_says_so_once(bench: Bench, lines: list[str]) -> None:
    tenants = bench.tenants(shop=Tenant(token_file=bench.write("shop", LONG_TOKEN)))
    bench.write("shop", *lines)
    bench.now = 1.0
    assert tenants.by_token(LONG_TOKEN).tenant == "shop"
    bench.now = 2.0
    assert tenants.by_token(LONG_TOKEN).tenant == "shop"
    assert bench.degraded == {"token_file"}
    assert [entry["log_level"] for entry in bench.logged.entries] == ["warning"]
    assert str(bench.folder / "shop") in bench.logged.entries[0]["reason"]

    bench.write("shop", "new-token")
    bench.now = 3.0
    assert tenants.by_token("new-token").tenant == "shop"
    assert not bench.degraded


def test_a_file_that_vanishes_leaves_its_tokens_valid(bench: Bench) -> None:
    path = bench.write("shop", "old-token")
    tenants = bench.tenants(shop=Tenant(token_file=path))
    Path(path).unlink()
    bench.now = 1.0
    assert tenants.by_token("old-token").tenant == "shop"
    assert bench.degraded == {"token_file"}


def test_one_token_for_two_tenants_is_refused_at_start_and_on_reload(bench: Bench) -> None:
    shop, ops = bench.write("shop", "same-token"), bench.write("ops", "same-token")
    with pytest.raises(ConfigError, match="belongs to tenant shop already"):
        bench.tenants(shop=Tenant(token_file=shop), ops=Tenant(token_file=ops))

    bench.write("ops", "ops-token")
    tenants = bench.tenants(shop=Tenant(token_file=shop), ops=Tenant(token_file=ops))
    bench.write("ops", "same-token")
    assert not tenants.reload()
    assert tenants.by_token("same-token").tenant == "shop"
    assert tenants.by_token("ops-token").tenant == "ops"


def test_every_file_that_cannot_serve_at_start_is_named(bench: Bench) -> None:
    with pytest.raises(ConfigError) as refusal:
        bench.tenants(
            shop=Tenant(token_file=str(bench.folder / "missing")),
            ops=Tenant(token_file=bench.write("ops")),
            dev=Tenant(token_file=str(bench.folder)),
        )
    missing, empty, folder = refusal.value.mistakes
    assert missing.endswith("missing: No such file or directory")
    assert empty.endswith("ops: no token in it; one token a line is expected")
    assert folder.endswith("Is a directory")


def test_a_huge_file_is_refused_without_being_read_whole(bench: Bench) -> None:
    path = bench.folder / "log"
    with path.open("wb") as file:
        os.truncate(file.fileno(), 10**12)
    with pytest.raises(ConfigError, match="this is no token file"):
        bench.tenants(shop=Tenant(token_file=str(path)))


def test_no_error_log_or_repr_has_the_token_in_it(bench: Bench) -> None:
    canary = "canary token"
    with pytest.raises(ConfigError) as refusal:
        bench.tenants(shop=Tenant(token_file=bench.write("shop", canary)))
    assert "canary" not in str(refusal.value)

    tenants = bench.tenants(shop=Tenant(token_file=bench.write("shop", "canary-token")))
    assert "canary" not in f"{tenants!r} {vars(tenants)!r} {tenants.by_token('canary-token')!r}"
    bench.write("shop", canary)
    tenants.reload()
    assert "canary" not in repr(bench.logged.entries)


@pytest.mark.parametrize(
    ("mode", "token", "doubts"),
    [
        (0o600, LONG_TOKEN, []),
        (0o440, LONG_TOKEN, []),
        (0o644, LONG_TOKEN, ["its mode is 0644, so every user of this host can get at it: chmod o= "]),
        (0o602, LONG_TOKEN, ["its mode is 0602, so every user of this host can get at it: chmod o= "]),
        (0o600, "fifteen-letters", ["a token of under 16 characters can be guessed"]),
    ],
)
def test_an_unsafe_file_serves_and_is_warned_of_at_start_and_when_it_changes(
    bench: Bench, mode: int, token: str, doubts: list[str]
) -> None:
    def warnings() -> list[str]:
        return [entry["reason"] for entry in bench.logged.entries if entry["event"] == "token file is unsafe"]

    other = Tenant(token_file=bench.write("other", "short"))
    tenants = bench.tenants(shop=Tenant(token_file=bench.write("shop", token, mode=mode)), other=other)
    assert tenants.by_token(token).tenant == "shop"
    (*at_start, _) = warnings()
    assert len(at_start) == len(doubts)
    for doubt, warning in zip(doubts, at_start, strict=True):
        assert doubt in warning
        assert token not in warning

    bench.logged.entries.clear()
    bench.write("shop", "# again", token, mode=mode)
    tenants.reload()
    assert len(warnings()) == len(doubts), "the file that did not change is not warned of again"


def test_the_rate_belongs_to_the_tenant_and_survives_a_reload(bench: Bench) -> None:
    path = bench.write("shop", "first", "second")
    tenants = bench.tenants(shop=Tenant(token_file=path, requests_per_second=2, burst=1))
    first, second = tenants.by_token("first"), tenants.by_token("second")
    assert first.rate is not None
    assert first.rate is second.rate
    assert first.rate.take(1, 0.0) == 0.0
    assert second.rate is not None
    assert second.rate.take(1, 0.0) == 0.5

    bench.write("shop", "third")
    tenants.reload()
    assert tenants.by_token("third").rate is first.rate


def test_without_a_burst_one_second_of_the_rate_may_come_at_once(bench: Bench) -> None:
    tenants = bench.tenants(shop=Tenant(token_file=bench.write("shop", "first"), requests_per_second=3))
    rate = tenants.by_token("first").rate
    assert rate is not None
    assert [rate.take(1, 0.0) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert rate.take(1, 0.0) > 0


def test_a_peer_is_mapped_by_user_id_first_and_then_by_group_id(bench: Bench) -> None:
    tenants = bench.tenants(
        shop=Tenant(token_file=bench.write("shop", "token"), peer_gids=[2000]),
        ops=Tenant(peer_uids=[1000], roles=["operator"]),
    )
    assert not tenants.open
    by_user, by_group = tenants.by_peer(1000, 2000), tenants.by_peer(1001, 2000)
    assert by_user is not None
    assert by_group is not None
    assert (by_user.tenant, by_user.label) == ("ops", "ops uid 1000")
    assert (by_group.tenant, by_group.label) == ("shop", "shop gid 2000")
    assert tenants.by_peer(2000, 1000) is None
    assert bench.tenants().by_peer(1000, 2000) is None
