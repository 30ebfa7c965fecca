"""Canaries on the client's side: what it raises, warns, logs and shows of itself has neither tokens nor values in it.

tests/service/app/test_secrets.py lets them fly through the daemon.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from typing import TYPE_CHECKING, Any

import pytest

import pannier
import pannier.aio
from both_kinds import made
from daemon import Daemon, ask, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TOKEN = "canary-token-71d5"
STRANGER = "canary-stranger-55ee"
VALUE = "canary-value-93ab"
LIMIT_BYTES = 4_096


class Secret:
    """What JSON has no word for, and whose repr must not be asked for one."""

    def __repr__(self) -> str:
        return VALUE


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    file = tmp_path / "tokens"
    file.write_text(f"{TOKEN}\n")
    settings = (f"tenants.shop.token_file={file}", f"limits.max_lane_command_bytes={LIMIT_BYTES}")
    with serving(tmp_path, *settings, 'logging.level="debug"') as daemon:
        yield daemon


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def told(call: Callable[[], Any]) -> str:
    """All that an error says, with those that it came from. It must raise one."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - each kind is in the texts
        call()
    return "".join(traceback.format_exception_only(caught.value)) + repr(_chain(caught.value))


def _chain(error: BaseException | None) -> list[BaseException]:
    return [] if error is None else [error, *_chain(error.__cause__ or error.__context__)]


def test_the_client_tells_no_secret(
    kind: str, daemon: Daemon, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    url = f"unix://{daemon.socket}"
    monkeypatch.setenv("PANNIER_TOKEN", TOKEN)
    with made(kind, url, near_cache=True) as client, made(kind, url, token=STRANGER) as stranger:
        home, strange = getattr(client, "bare", client), getattr(stranger, "bare", stranger)
        cache, numbers = client.cache(on_unavailable="raise"), client.cache("default", of=int, on_unavailable="raise")
        assert cache.set("key", VALUE)
        assert cache.get("key") == VALUE
        shown = [*map(repr, (home, home.settings, home.sidecar, home.near, home.cache())), repr(strange)]
        errors = [
            told(lambda: stranger.cache(on_unavailable="raise").get("key")),
            told(lambda: cache.set("key", VALUE * LIMIT_BYTES)),
            told(lambda: cache.set("key", VALUE, ttl=-1)),
            told(lambda: numbers.set("key", VALUE)),
            told(lambda: cache.set("key", {"field": Secret()})),
        ]
        assert numbers.get("key", None) is None, "a value of another type is no value"
    daemon.process.terminate()
    assert daemon.ended() == 0
    spoken = "\n".join([*shown, *errors, caplog.text, repr(daemon.logged), daemon.stderr()])
    assert "Unauthenticated" in spoken
    assert "canary" not in spoken


def test_the_metrics_tell_no_key_value_or_token(daemon: Daemon) -> None:
    async def work() -> None:
        async with pannier.aio.Client(f"unix://{daemon.socket}", token=TOKEN) as client:
            await client.cache().set("canary-key", VALUE, tags=["canary-tag"])
            await client.cache().invalidate(tags=["canary-tag"])

    asyncio.run(work())
    status, page = ask(daemon.diagnostics, "GET", "/metrics")
    assert status == 200
    assert b"pannier_lane_commands_total" in page
    assert b"canary" not in page
