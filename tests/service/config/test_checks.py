"""What must hold between knobs."""

from pathlib import Path

import pytest

from pannierd.config import ConfigError
from pannierd.config.loading import load

TOKENS = "[tenants.shop]\ntoken_file = '/t'\n"


def mistakes(folder: Path, text: str) -> tuple[str, ...]:
    file = folder / "pannier.toml"
    file.write_text(text)
    try:
        load(file, {}, [])
    except ConfigError as refusal:
        return tuple(mistake.removeprefix(f"{folder}/") for mistake in refusal.mistakes)
    return ()


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        (
            "[server]\nweb_address = '0.0.0.0:80'",
            (
                "pannier.toml:2: server.web_address: other hosts can reach 0.0.0.0:80, so callers need tokens: "
                "add [tenants.*] or listen on 127.0.0.1"
            ),
        ),
        (
            "[server]\nlane_address = '[::]:7481'",
            (
                "pannier.toml:2: server.lane_address: other hosts can reach [::]:7481, so callers need tokens: "
                "add [tenants.*] or listen on 127.0.0.1"
            ),
        ),
        (
            "[server]\nweb_address = 'cache.example:80'",
            (
                "pannier.toml:2: server.web_address: other hosts can reach cache.example:80, so callers need tokens: "
                "add [tenants.*] or listen on 127.0.0.1"
            ),
        ),
        (
            "[server]\nweb_address = '80'",
            'pannier.toml:2: server.web_address: expected host:port, [host]:port for IPv6, or ""',
        ),
        (
            "[server]\nweb_address = ''\nlane_address = ''\nlane_socket = ''",
            "pannier.toml:2: server.web_address: every listener for callers is switched off",
        ),
        (
            "[server]\nlane_address = '127.0.0.1:7480'",
            "pannier.toml:2: server.lane_address: port 7480 is server.web_address's already",
        ),
        (
            "[tenants.a]\ntoken_file = '/a'\nmemory_share = 0.7\n[tenants.b]\ntoken_file = '/b'\nmemory_share = 0.4",
            "pannier.toml:6: tenants.b.memory_share: all shares together are 1.1, at most 1 can be given away",
        ),
        (
            "[tenants.a]\nroles = ['use']",
            (
                "pannier.toml:2: tenants.a: expected token_file, or peer_uids or peer_gids: "
                "nobody could call as this tenant"
            ),
        ),
        (
            "[tenants.'a b']\ntoken_file = '/a'",
            "pannier.toml:2: tenants.a b: a tenant's name matches [A-Za-z0-9_-]{1,64}",
        ),
        (
            "[tenants.a]\npeer_uids = [1]\n[tenants.b]\npeer_gids = [1]\npeer_uids = [2, 1]",
            "pannier.toml:5: tenants.b.peer_uids: 1 is tenant a's already",
        ),
        (
            "[tenants.a]\ntoken_file = '/a'\nmemory_share = 1\n[tenants.b]\ntoken_file = '/b'",
            "pannier.toml:5: tenants.b: the shares of the others leave it no memory: it could store nothing",
        ),
        (
            "[tenants.a]\ntoken_file = '/a'\nroles = ['operator']\nmemory_share = 1",
            "pannier.toml:4: tenants.a.memory_share: a tenant without the role 'use' needs no memory",
        ),
        (
            "[namespaces.'a b']\nttl_ms = 1",
            "pannier.toml:2: namespaces.a b: a namespace's name matches [A-Za-z0-9_.:-]{1,64}",
        ),
        (
            "[namespaces.x]\nttl_ms = 2\nmax_ttl_ms = 1",
            "pannier.toml:2: namespaces.x.ttl_ms: expected at most max_ttl_ms, which is 1 here",
        ),
        (
            "[cache]\nlease_max_ms = 9999",
            "default: cache.lease_ms: expected at most cache.lease_max_ms, which is 9999",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused_with_its_place(tmp_path: Path, text: str, mistake: str) -> None:
    assert mistakes(tmp_path, text) == (mistake,)


@pytest.mark.parametrize(
    "text",
    [
        "[server]\nweb_address = 'localhost:1'\nlane_address = '[::1]:2'\ndiagnostics_address = '127.0.0.5:3'",
        "[server]\ndiagnostics_address = '0.0.0.0:7482'",
        "[server]\nweb_address = '127.0.0.1:0'\nlane_address = '127.0.0.1:0'\ndiagnostics_address = '127.0.0.1:0'",
        "[server]\nweb_address = ''\nlane_address = ''",
        TOKENS + "[server]\nweb_address = '0.0.0.0:80'",
        "".join(f"[tenants.t{n}]\ntoken_file = '/t{n}'\nmemory_share = 0.1\n" for n in range(10)),
    ],
    ids=["loopback", "diagnostics", "free ports", "socket alone", "with tokens", "shares of exactly one"],
)
def test_what_fits_together_is_taken(tmp_path: Path, text: str) -> None:
    assert mistakes(tmp_path, text) == ()
