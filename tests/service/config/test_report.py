"""The effective configuration, as it is shown."""

import tomllib
from pathlib import Path

from pannierd.config.loading import load
from pannierd.config.report import as_json, as_toml, lines
from pannierd.config.schema import knobs

SETTINGS = """
[server]
lane_socket = "auto"
allowed_hosts = ["a.example"]
[tenants.shop]
token_file = "/etc/pannier/shop.token"
[namespaces.default]
ttl_ms = 1000
[namespaces."a.b"]
jitter = 0.5
"""


def test_what_is_shown_means_the_same_when_it_is_read_again(tmp_path: Path) -> None:
    first, second = tmp_path / "first.toml", tmp_path / "second.toml"
    first.write_text(SETTINGS)
    loaded = load(first, {}, [])
    second.write_text(as_toml(lines(loaded, {})))
    assert load(second, {}, []).config == loaded.config


def test_every_knob_is_shown_with_its_origin(tmp_path: Path) -> None:
    file = tmp_path / "pannier.toml"
    file.write_text(SETTINGS)
    shown = {line.path: line.origin for line in lines(load(file, {"PANNIERD_CACHE__LEASE_MS": "1"}, []), {})}
    assert shown["tenants", "shop", "token_file"] == f"{file}:6"
    assert shown["tenants", "shop", "burst"] == "default"
    assert shown["namespaces", "a.b", "ttl_ms"] == f"{file}:8"
    assert shown["cache", "lease_ms"] == "environment PANNIERD_CACHE__LEASE_MS"

    names = {"shop", "default", "a.b"}
    assert {tuple("*" if key in names else key for key in path) for path in shown} == set(knobs())


def test_auto_is_told_with_what_it_means() -> None:
    variables = {"XDG_RUNTIME_DIR": "/run/user/7", "XDG_DATA_HOME": "/home/seven/share"}
    text = as_toml(lines(load(None, {}, ["server.data_dir=/data"]), variables))
    assert "/lane.sock" in next(line for line in text.splitlines() if line.startswith("lane_socket ="))
    assert '\ndata_dir = "/data" ' in text
    assert "# --set\n" in text
    assert tomllib.loads(text)["server"]["lane_socket"] == "auto"


def test_programs_get_nested_values_with_origins() -> None:
    report = as_json(lines(load(None, {}, ["cache.memory.max_bytes=5"]), {}))
    assert report["cache"]["memory"]["max_bytes"] == {"value": 5, "origin": "--set"}
    assert report["logging"]["level"] == {"value": "info", "origin": "default"}
