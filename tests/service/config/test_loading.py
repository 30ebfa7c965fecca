"""Four sources become one configuration, and whatever is wrong is told with its place."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from pannierd.config import Config, ConfigError, Namespace
from pannierd.config.loading import Loaded, examine, load


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "pannier.toml"


def loaded(file: Path, text: str = "", environment: dict[str, str] | None = None, *assignments: str) -> Loaded:
    file.write_text(text)
    return load(file, environment or {}, assignments)


def mistakes(
    file: Path, text: str = "", environment: dict[str, str] | None = None, assignments: Sequence[str] = ()
) -> tuple[str, ...]:
    file.write_text(text)
    with pytest.raises(ConfigError) as refusal:
        load(file, environment or {}, assignments)
    return tuple(mistake.replace(f"{file}", file.name) for mistake in refusal.value.mistakes)


def test_with_no_source_at_all_everything_is_a_default() -> None:
    nothing = load(None, {"HOME": "/root", "PANNIER_URL": "the client's"}, [])
    assert nothing.config == Config(namespaces={"default": Namespace()})
    assert nothing.origins == {}


def test_later_sources_win_and_each_value_remembers_its_origin(file: Path) -> None:
    result = loaded(
        file,
        '# ours\n[cache.memory]\nmax_bytes = 1\nmax_tags = 2\n\n[server]\nweb_address = "127.0.0.1:1"\n',
        {"PANNIERD_CACHE__MEMORY__MAX_BYTES": "3", "PANNIERD_CACHE__LEASE_MS": "4"},
        "cache.lease_ms=5",
    )
    cache = result.config.cache
    assert (cache.memory.max_bytes, cache.memory.max_tags, cache.lease_ms) == (3, 2, 5)
    assert result.origins["cache", "memory", "max_bytes"] == "environment PANNIERD_CACHE__MEMORY__MAX_BYTES"
    assert result.origins["cache", "memory", "max_tags"] == f"{file}:4"
    assert result.origins["server", "web_address"] == f"{file}:7"
    assert result.origins["cache", "lease_ms"] == "--set"
    assert ("cache", "lease_max_ms") not in result.origins


def test_inline_tables_dotted_and_quoted_keys_have_lines_too(file: Path) -> None:
    result = loaded(
        file, 'server.drain_min_ms = 1\ncache = { memory = { max_bytes = 2 } }\n[namespaces."a.b"]\nttl_ms = 3\n'
    )
    assert result.origins["server", "drain_min_ms"] == f"{file}:1"
    assert result.origins["cache", "memory", "max_bytes"] == f"{file}:2"
    assert result.origins["namespaces", "a.b", "ttl_ms"] == f"{file}:4"


@pytest.mark.parametrize(
    ("text", "mode"), [("0660", "0660"), ("660", "660"), ('"0600"', "0600")], ids=["bare", "like a number", "quoted"]
)
def test_outside_of_toml_a_string_needs_no_quotes(text: str, mode: str) -> None:
    for result in (
        load(None, {"PANNIERD_SERVER__LANE_SOCKET_MODE": text}, []),
        load(None, {}, [f"server.lane_socket_mode={text}"]),
    ):
        assert result.config.server.lane_socket_mode == mode


def test_arrays_booleans_numbers_and_tables_are_read_as_toml() -> None:
    config = load(
        None,
        {
            "PANNIERD_SERVER__ALLOWED_HOSTS": '["a.example", "b.example"]',
            "PANNIERD_NAMESPACES__USERS__REFRESH_AHEAD": "false",
            "PANNIERD_NAMESPACES__USERS__JITTER": "0.25",
        },
        ["cache.memory={max_bytes = 1_000, max_tags = 7}", "logging.level=debug", 'namespaces."a.b".ttl_ms=8'],
    ).config
    assert config.server.allowed_hosts == ["a.example", "b.example"]
    assert config.namespaces["users"] == Namespace(refresh_ahead=False, jitter=0.25)
    assert (config.cache.memory.max_bytes, config.cache.memory.max_tags) == (1000, 7)
    assert config.logging.level == "debug"
    assert config.namespaces["a.b"].ttl_ms == 8


def test_a_text_cannot_smuggle_in_a_second_key(file: Path) -> None:
    (told,) = mistakes(file, environment={"PANNIERD_CACHE__LEASE_MS": "5\nother = 6"})
    assert told.endswith(r'got "5\nother = 6"')


def test_a_namespace_inherits_from_default_key_by_key_and_says_from_where(file: Path) -> None:
    result = loaded(
        file,
        "[namespaces.default]\nttl_ms = 1000\nstale_ms = 2000\n[namespaces.users]\nttl_ms = 3000\n[namespaces.o]\n",
        {"PANNIERD_NAMESPACES__DEFAULT__JITTER": "0.5"},
    )
    users, orders = result.config.namespaces["users"], result.config.namespaces["o"]
    assert users == Namespace(ttl_ms=3000, stale_ms=2000, jitter=0.5)
    assert orders == Namespace(ttl_ms=1000, stale_ms=2000, jitter=0.5)
    assert result.origins["namespaces", "users", "ttl_ms"] == f"{file}:5"
    assert result.origins["namespaces", "users", "stale_ms"] == f"{file}:3"
    assert result.origins["namespaces", "users", "jitter"] == "environment PANNIERD_NAMESPACES__DEFAULT__JITTER"


def test_tables_may_be_filled_by_several_sources(file: Path) -> None:
    config = loaded(
        file, "[tenants.shop]\n", {"PANNIERD_TENANTS__SHOP__TOKEN_FILE": "/t"}, "tenants.shop.burst=2"
    ).config
    assert (config.tenants["shop"].token_file, config.tenants["shop"].burst) == ("/t", 2)


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("[cache]\nmemry.max_bytes = 1", "pannier.toml:2: cache.memry: unknown key; did you mean cache.memory?"),
        ("[cahce]\nlease_ms = 1", "pannier.toml:2: cahce: unknown key; did you mean cache?"),
        ("[server]\nmax_body_bytes = 1", "server.max_body_bytes: unknown key; did you mean limits.max_body_bytes?"),
        ("[server]\nfrobnicate = 1", "pannier.toml:2: server.frobnicate: unknown key"),
        ("[cache]\nlease_ms = '1s'", 'cache.lease_ms: expected an integer from 0 to 31536000000, got "1s"'),
        ("[cache]\nlease_ms = []", "cache.lease_ms: expected an integer from 0 to 31536000000, got []"),
        ("[cache]\nlease_ms = {}", "cache.lease_ms: expected an integer from 0 to 31536000000, got {}"),
        ("[cache]\nlease_ms = 2020-01-01", 'expected an integer from 0 to 31536000000, got "2020-01-01"'),
        ("[cache]\nlease_ms = -1", "cache.lease_ms: expected an integer from 0 to 31536000000, got -1"),
        ("[cache.memory]\nmax_bytes = 1.5", "cache.memory.max_bytes: expected an integer of at least 0, got 1.5"),
        ("[cache]\nmemory = 3", "pannier.toml:2: cache.memory: expected a table, got 3"),
        ("namespaces = 3", "pannier.toml:1: namespaces: expected a table, got 3"),
        ("[namespaces.x]\nrefresh_ahead = 1", "namespaces.x.refresh_ahead: expected true or false, got 1"),
        ("[namespaces.x]\njitter = 0.6", "namespaces.x.jitter: expected a number from 0 to 0.5, got 0.6"),
        ("[tenants.x]\nmemory_share = 0", "tenants.x.memory_share: expected a number above 0.0, at most 1.0, got 0"),
        ("[tenants.x]\nroles = ['root']", 'expected an array, each item one of operator, use, got ["root"]'),
        ("[tenants.x]\nroles = 'use'", 'expected an array, each item one of operator, use, got "use"'),
        ("[logging]\nlevel = 'loud'", 'logging.level: expected one of debug, error, info, warning, got "loud"'),
        ("[server]\nlane_socket_mode = '999'", 'expected a string like ^0?[0-7]{3}$, such as "0660", got "999"'),
        ("[server]\nlane_socket_mode = 660", 'expected a string like ^0?[0-7]{3}$, such as "0660", got 660'),
        ("[server]\nlane_socket = 5", "pannier.toml:2: server.lane_socket: expected a string, got 5"),
        ("[server]\nlane_socket = true", "pannier.toml:2: server.lane_socket: expected a string, got true"),
        ("[http]\nport = 1", "http: unknown key; the sections are server, limits, tenants, cache, namespaces, logging"),
        ("[server", "pannier.toml: this is no TOML: "),
    ],
)
def test_a_mistake_names_its_place_and_what_was_expected(file: Path, text: str, mistake: str) -> None:
    (told,) = mistakes(file, text)
    assert mistake in told


def test_every_mistake_is_told_at_once(file: Path) -> None:
    told = mistakes(
        file,
        "[server]\nx = 1\ny = 2\n",
        {"PANNIERD_SERVER_WEB_ADDRESS": "z", "PANNIERD_CACHE__LEASE_MS": "soon"},
        ["limits.max_waiting_calls=0"],
    )
    assert told == (
        "pannier.toml:2: server.x: unknown key",
        "pannier.toml:3: server.y: unknown key",
        'environment PANNIERD_CACHE__LEASE_MS: cache.lease_ms: expected an integer from 0 to 31536000000, got "soon"',
        "environment PANNIERD_SERVER_WEB_ADDRESS: server_web_address: unknown key; did you mean server.web_address?",
        "--set: limits.max_waiting_calls: expected an integer of at least 1, got 0",
    )


@pytest.mark.parametrize("assignment", ["", "cache.lease_ms", "=5", "a b=5", "cache.=5"])
def test_an_assignment_without_key_or_value_is_refused(file: Path, assignment: str) -> None:
    assert mistakes(file, assignments=[assignment]) == ("--set: expected section.key=value",)


def test_no_mistake_repeats_a_text_that_may_be_a_secret(file: Path) -> None:
    told = mistakes(
        file,
        "[tenants.shop]\ntoken = 'canary'\ntoken_file = ['canary']\n",
        {"PANNIERD_TENANTS__OTHER": "canary"},
        ["server.allowed_hosts=canary"],
    )
    assert len(told) == 4
    assert "canary" not in str(told)


def test_a_mistake_repeats_no_more_of_a_text_than_tells_it_apart(file: Path) -> None:
    (told,) = mistakes(file, assignments=[f"logging.level={'x' * 10_000}"])
    assert told.endswith(f'got "{"x" * 39}…')


def test_what_is_right_can_be_looked_at_beside_the_mistakes() -> None:
    result, told = examine(
        None, {}, ["cache.lease_max_ms=soon", "cache.lease_ms=70_000", "tenants.shop.token_file=shop.token"]
    )
    assert [mistake.partition(": expected")[0] for mistake in told] == ["--set: cache.lease_max_ms"], (
        "a knob is not blamed for a neighbour that nobody has set"
    )
    assert result.config.tenants["shop"].token_file == "shop.token"
    assert result.config.cache.lease_ms == 70_000


def test_variables_that_kubernetes_makes_from_a_service_are_no_settings() -> None:
    links = {
        "PANNIERD_SERVICE_HOST": "10.0.0.1",
        "PANNIERD_SERVICE_PORT": "7480",
        "PANNIERD_PORT": "tcp://10.0.0.1:7480",
        "PANNIERD_PORT_7480_TCP_ADDR": "10.0.0.1",
    }
    assert load(None, links, []).origins == {}


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing\.toml: No such file or directory"):
        load(tmp_path / "missing.toml", {}, [])
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"binary\.toml: this is no TOML"):
        load(tmp_path / "binary.toml", {}, [])
