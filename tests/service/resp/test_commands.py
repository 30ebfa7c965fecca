"""Plain commands, for what a comparison with redis-server cannot show: lives, refusals, tenants, limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from structlog import wrap_logger
from structlog.testing import CapturingLogger

from fakes import NOON
from lane_bench import LaneBench, Talk, read
from pannierd.config import Tenant
from pannierd.operations.limits import MAX_NAMESPACES
from pannierd.resp.commands.row import Row
from pannierd.resp.commands.table import Table, full_table
from pannierd.resp.dispatch import Dispatch
from pannierd.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from pathlib import Path

    from pannierd.resp.protocol import Command
    from pannierd.resp.session import Session


@pytest.fixture
def lane() -> LaneBench:
    return LaneBench()


@pytest.fixture
def say(lane: LaneBench) -> Talk:
    return lane.session()


def tenant(folder: Path, name: str, **settings: object) -> Tenant:
    file = folder / name
    file.write_text(f"token-of-{name}")
    file.chmod(0o600)
    return Tenant(token_file=str(file), **settings)  # type: ignore[arg-type]  # what a test names


def test_set_without_a_life_takes_the_namespaces(lane: LaneBench, say: Talk) -> None:
    assert say("SET", "k", "v") == b"OK"
    assert say("TTL", "k") == 300
    assert say("PTTL", "k") == 300_000
    lane.clock.advance(300)
    assert say("GET", "k") is None
    assert say("TTL", "k") == -2


@pytest.mark.parametrize(
    ("words", "ttl_ms"),
    [
        (("EX", 10), 10_000),
        (("PX", 1_500), 1_500),
        (("EXAT", int(NOON) + 20), 20_000),
        (("PXAT", int(NOON) * 1000 + 2_500), 2_500),
        (("ex", 10), 10_000),
    ],
)
def test_a_life_is_written_in_four_ways(say: Talk, words: tuple[str | int, ...], ttl_ms: int) -> None:
    assert say("SET", "k", "v", *words) == b"OK"
    assert say("PTTL", "k") == ttl_ms
    say("SET", "k", "v")
    assert say("GETEX", "k", *words) == b"v"
    assert say("PTTL", "k") == ttl_ms


def test_a_moment_in_the_past_deletes(say: Talk) -> None:
    say("SET", "k", "v")
    assert say("SET", "k", "w", "PXAT", 1) == b"OK"
    assert say("GET", "k") is None
    say("SET", "k", "v")
    assert say("SET", "k", "w", "XX", "GET", "EXAT", 1) == b"v"
    assert say("EXISTS", "k") == 0
    assert say("SET", "k", "w", "XX", "EXAT", 1) is None
    say("SET", "k", "v")
    assert say("EXPIREAT", "k", 1) == 1
    assert say("EXISTS", "k") == 0


def test_keepttl_and_incr_keep_the_life_and_plain_set_does_not(say: Talk) -> None:
    say("SET", "n", "1", "EX", 7)
    assert say("INCRBY", "n", 41) == 42
    assert say("TTL", "n") == 7
    say("SET", "n", "5", "KEEPTTL")
    assert say("TTL", "n") == 7
    say("SET", "n", "5")
    assert say("TTL", "n") == 300


def test_incr_keeps_tags_and_type(say: Talk) -> None:
    say("PN.STORE", "n", "1", "TAGS", 1, "t", "TYPE", "text/plain")
    assert say("INCR", "n") == 2
    assert say("PN.FETCH", "n")[4] == b"text/plain"
    say("PN.INVALIDATE", "TAGS", 1, "t")
    assert say("GET", "n") is None


def test_persist_gives_the_namespaces_life(say: Talk) -> None:
    say("SET", "k", "v", "EX", 7)
    assert say("PERSIST", "k") == 1
    assert say("TTL", "k") == 300
    assert say("GETEX", "k", "EX", 9) == b"v"
    assert say("GETEX", "k", "PERSIST") == b"v"
    assert say("TTL", "k") == 300
    assert say("PERSIST", "absent") == 0


def test_expire_conditions_compare_with_the_life_that_is_left(say: Talk) -> None:
    say("SET", "k", "v", "EX", 100)
    assert say("EXPIRE", "k", 50, "NX") == 0
    assert say("EXPIRE", "k", 50, "GT") == 0
    assert say("EXPIRE", "k", 150, "LT") == 0
    assert say("EXPIRE", "k", 50, "XX") == 1
    assert say("EXPIRE", "k", 40, "LT") == 1
    assert say("PEXPIRE", "k", 60_000, "GT") == 1
    assert say("TTL", "k") == 60
    assert say("EXPIRETIME", "k") == int(NOON) + 60
    assert say("PEXPIRETIME", "k") == int(NOON) * 1000 + 60_000


def test_scan_visits_every_key_once(say: Talk) -> None:
    names = {f"user:{n}".encode() for n in range(57)}
    for name in names:
        say("SET", name, "v")
    say("SET", "other", "v")
    found: list[bytes] = []
    cursor: bytes | int = 0
    while True:
        cursor, page = say("SCAN", cursor, "MATCH", "user:*", "COUNT", 7)
        found += page
        if cursor == b"0":
            break
    assert sorted(found) == sorted(names)
    assert sorted(say("KEYS", "user:*")) == sorted(names)
    assert say("DBSIZE") == 58
    assert say("SCAN", 0, "COUNT", 1000, "TYPE", "hash") == [b"0", []]


def test_a_page_of_a_scan_is_no_larger_than_what_may_be_left_unread() -> None:
    lane = LaneBench(max_lane_output_bytes=10_500)
    say = lane.session()
    for n in range(40):
        say("SET", str(n).zfill(1_024), "v")
    assert say("KEYS", "*").startswith("ERR the reply is larger")
    pages = [say("SCAN", 0, "COUNT", 1_000_000)]
    while pages[-1][0] != b"0":
        pages.append(say("SCAN", pages[-1][0], "COUNT", 1_000_000))
    assert [len(keys) for _, keys in pages] == [10, 10, 10, 10]


def test_what_is_missing_or_wrong_in_a_command_is_no_refusal(lane: LaneBench, say: Talk) -> None:
    for words in (("PN.FETCH",), ("PN.NONSENSE",), ("GET", ""), ("INCRBY", "k", "x")):
        say(*words)
    assert lane.refused("bad_request") == 0


def test_flush_empties_the_connections_namespace_only(say: Talk) -> None:
    say("SET", "k", "v")
    say("PN.NS", "other")
    say("SET", "k", "w")
    assert say("FLUSHDB") == b"OK"
    assert say("GET", "k") is None
    say("PN.NS", "default")
    assert say("GET", "k") == b"v"
    assert say("FLUSHALL", "ASYNC") == b"OK"
    assert say("DBSIZE") == 0


def test_keys_and_values_have_bounds(say: Talk) -> None:
    assert say("SET", "", "v").startswith("ERR a key has 1 to 1024 bytes")
    assert say("GET", "k" * 1025).startswith("ERR a key has 1 to 1024 bytes")
    assert say("SET", "k", "v" * 8_388_609).startswith("OOM the value has 8388609 bytes")


def test_a_reply_that_would_be_too_large_is_refused_before_it_is_made() -> None:
    say = LaneBench(max_lane_output_bytes=10_000).session()
    say("SET", "k", "v" * 6_000)
    assert say("MGET", "k") == [b"v" * 6_000]
    assert say("MGET", "k", "k").startswith("ERR the reply is larger than max_lane_output_bytes")
    say("MULTI")
    say("GET", "k")
    say("GET", "k")
    assert say("EXEC").startswith("ERR the reply is larger")


def test_a_transaction_runs_together_and_errors_in_it_are_its_commands_own(say: Talk) -> None:
    assert say("MULTI") == b"OK"
    assert say("SET", "k", "text") == b"QUEUED"
    assert say("INCR", "k") == b"QUEUED"
    assert say("GET", "k") == b"QUEUED"
    assert say("EXEC") == [b"OK", "ERR value is not an integer or out of range", b"text"]


def test_a_command_that_cannot_be_queued_breaks_the_transaction(say: Talk) -> None:
    say("MULTI")
    say("SET", "k", "v")
    assert say("NONSENSE").startswith("ERR unknown command")
    assert say("EXEC") == "EXECABORT Transaction discarded because of previous errors."
    assert say("GET", "k") is None


def test_a_transaction_is_bounded() -> None:
    say = LaneBench(max_lane_command_bytes=1_000).session()
    say("MULTI")
    assert say("SET", "k", "v" * 990) == b"QUEUED"
    assert say("SET", "k", "v" * 990).startswith("OOM the transaction is larger")
    assert say("EXEC").startswith("EXECABORT")


def test_nothing_waits_inside_a_transaction(say: Talk, lane: LaneBench) -> None:
    assert lane.session()("PN.FETCH", "k")[2] is not None
    say("MULTI")
    say("PN.FETCH", "k", "WAIT", 10_000)
    assert say("EXEC") == [[b"miss", None, None, 0, b""]]


def test_who_has_no_token_may_only_say_who_it_is(tmp_path: Path) -> None:
    lane = LaneBench(tenants={"shop": tenant(tmp_path, "shop")})
    say = lane.session()
    for words in (("GET", "k"), ("PING",), ("CLIENT", "ID"), ("MULTI",), ("INFO",)):
        assert say(*words) == "NOAUTH Authentication required."
    assert say("PN.NS", "x") == "UNAUTHENTICATED say AUTH token, or HELLO 3 AUTH name token, first"
    assert say("HELLO", 3).startswith("NOAUTH HELLO must be called with the client already authenticated")
    assert say("AUTH", "wrong").startswith("WRONGPASS")
    assert say("HELLO", 3, "AUTH", "anybody", "wrong").startswith("WRONGPASS")
    assert lane.refused("unauthenticated") == 9
    assert say("AUTH", "token-of-shop") == b"OK"
    assert say("PING") == b"PONG"
    assert say("RESET") == b"RESET"
    assert say("PING") == "NOAUTH Authentication required."
    assert say("HELLO", 3, "AUTH", "anybody", "token-of-shop", "SETNAME", "me")[b"proto"] == 3
    assert say("CLIENT", "GETNAME") == b"me"


def test_tenants_see_neither_each_others_keys_nor_connections(tmp_path: Path) -> None:
    lane = LaneBench(tenants={name: tenant(tmp_path, name) for name in ("shop", "bank")})
    shop, bank = lane.session(), lane.session()
    shop("AUTH", "token-of-shop")
    bank("AUTH", "x", "token-of-bank")
    shop("SET", "k", "secret")
    assert bank("GET", "k") is None
    assert bank("KEYS", "*") == []
    assert b"shop" not in bank("CLIENT", "LIST")
    bank("FLUSHALL")
    assert shop("GET", "k") == b"secret"


def full_of_namespaces(tmp_path: Path) -> LaneBench:
    """A lane for two tenants, of which the bank has no room for one namespace more."""
    lane = LaneBench(tenants={name: tenant(tmp_path, name) for name in ("shop", "bank")})
    say = lane.session()
    say("AUTH", "token-of-bank")
    for n in range(MAX_NAMESPACES):
        say("PN.NS", f"space{n}")
        assert say("SET", "k", "the bank's") == b"OK"
    return lane


def test_who_cannot_become_another_tenant_stays_who_he_is_in_all_things(tmp_path: Path) -> None:
    say = full_of_namespaces(tmp_path).session()
    say("AUTH", "token-of-shop")
    say("PN.NS", "orders")
    say("SET", "k", "the shop's")
    assert say("AUTH", "token-of-bank").startswith("ERR a tenant has at most")
    assert b"user=shop#1" in say("CLIENT", "INFO")
    assert say("GET", "k") == b"the shop's"
    assert say("PN.NS", "space1") == b"OK"
    assert say("GET", "k") is None


def test_there_is_always_room_to_begin_in(tmp_path: Path) -> None:
    say = full_of_namespaces(tmp_path).session()
    assert say("AUTH", "token-of-bank") == b"OK"
    assert say("PN.NS", "space1") == b"OK"
    assert say("RESET") == b"RESET"


def test_a_role_that_is_missing_is_named(tmp_path: Path) -> None:
    lane = LaneBench(tenants={"ops": tenant(tmp_path, "ops", roles=["operator"])})
    say = lane.session()
    say("AUTH", "token-of-ops")
    assert say("GET", "k") == "NOPERM User ops#1 has no permissions to run the 'get' command"
    assert say("PN.STORE", "k", "v").startswith("FORBIDDEN User ops#1 has no permissions")
    assert lane.refused("forbidden") == 2
    assert say("PING") == b"PONG"


def test_a_tenant_over_its_rate_is_told_when_to_come_again(tmp_path: Path) -> None:
    lane = LaneBench(tenants={"shop": tenant(tmp_path, "shop", requests_per_second=10, burst=3)})
    say = lane.session()
    say("AUTH", "token-of-shop")
    assert say("MSET", "a", 1, "b", 2, "c", 3) == b"OK"
    assert say("GET", "a") == "ERR quota exceeded, retry in 100 ms"
    assert say("PN.FETCH", "a").startswith("QUOTA_EXCEEDED tenant shop")
    assert say("PING") == b"PONG"
    assert lane.refused("quota_exceeded") == 2
    lane.clock.advance(0.1)
    assert say("GET", "a") == b"1"


def test_a_fault_in_a_command_is_told_without_its_details_and_logged(say: Talk) -> None:
    def fault(_: Session, __: Command) -> bytes:
        raise ZeroDivisionError("secret")

    log = CapturingLogger()
    dispatch = Dispatch(Table([Row("FAULT", fault, 1, "Fails.")]), Metrics("0"), wrap_logger(log, processors=[]))
    assert read(dispatch.execute(say.session, [b"FAULT"], "0af7")) == "ERR a fault in the sidecar; its log has it"
    (entry,) = log.calls
    named = {"event": "command failed", "command": "FAULT", "client_id": 1, "tenant": "default", "trace_id": "0af7"}
    assert entry.kwargs.items() >= named.items()


def test_commands_are_counted_under_known_names_only(lane: LaneBench, say: Talk) -> None:
    say("set", "k", "v")
    say("CLIENT", "ID")
    say("NoNsEnSe")
    assert (lane.commands("SET"), lane.commands("CLIENT"), lane.commands("other")) == (1, 1, 1)


def test_what_a_browser_would_send_ends_the_session(say: Talk) -> None:
    assert say("POST", "/", "HTTP/1.1").startswith("ERR unknown command")
    assert say.session.is_ended


def test_the_table_tells_about_itself(say: Talk) -> None:
    names = {row.name.lower().encode() for row in full_table()}
    assert {entry[0] for entry in say("COMMAND")} == names
    assert say("COMMAND", "COUNT") == len(names)
    assert set(say("COMMAND", "LIST")) == names
    assert say("COMMAND", "LIST", "FILTERBY", "PATTERN", "PN.*")
    assert say("COMMAND", "INFO", "get", "nonsense")[0][:2] == [b"get", 2]
    assert say("COMMAND", "INFO", "get", "nonsense")[1] is None
    say("HELLO", 3)
    documented = say("COMMAND", "DOCS")
    assert documented.keys() == names
    assert all(entry[b"summary"].endswith(b".") for entry in documented.values())


def test_info_has_what_clients_look_for(say: Talk) -> None:
    say("SET", "k", "v")
    say("GET", "k")
    text = say("INFO").decode()
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    assert fields["redis_version"] == "7.4.0"
    assert fields["loading"] == "0"
    assert fields["role"] == "master"
    assert fields["cluster_enabled"] == "0"
    assert fields["keyspace_hits"] == "1"
    assert fields["db0"] == "keys=1,expires=1,avg_ttl=0"
    assert int(fields["used_memory"]) > 500
    assert say("INFO", "replication", "nonsense").startswith(b"# Replication\r\n")


def test_config_get_knows_what_clients_ask_for(say: Talk) -> None:
    assert say("CONFIG", "GET", "save") == [b"save", b""]
    say("HELLO", 3)
    assert say("CONFIG", "GET", "max*", "appendonly").keys() == {
        b"maxclients",
        b"maxmemory",
        b"maxmemory-policy",
        b"appendonly",
    }
    assert say("CONFIG", "SET", "x", "y").startswith("ERR unknown subcommand 'SET'")
