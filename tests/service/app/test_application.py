"""The order in which parts start and end, with listeners that only take notes."""

import errno
from collections.abc import Mapping
from pathlib import Path

import pytest
import structlog

from fakes import Bench
from lane_bench import LaneBench
from pannierd.app import App, CannotStart, application
from pannierd.app.heap_trim import HeapTrim, trim_heap
from pannierd.app.life import Life, Phase
from pannierd.config import Server
from pannierd.errors import Conflict
from pannierd.telemetry.loop_watch import LoopWatch
from pannierd.telemetry.metrics import Metrics
from pannierd.tenancy import Tenants


class Listener:
    """Writes down what it was asked to do."""

    def __init__(self, name: str, notes: list[str], refusal: OSError | None = None) -> None:
        self.address = f"at {name}"
        self._name = name
        self._notes = notes
        self._refusal = refusal

    async def start(self) -> None:
        if self._refusal:
            raise self._refusal
        self._notes.append(f"start {self._name}")

    def stop_accepting(self) -> None:
        self._notes.append(f"stop {self._name}")

    async def drain(self, max_ms: float) -> None:
        self._notes.append(f"drain {self._name} {max_ms:g}")

    async def close(self) -> None:
        self._notes.append(f"close {self._name}")


def app_of(*listeners: str, notes: list[str], refusal: OSError | None = None) -> App:
    """An application with these listeners; the last one refuses to start when there is a refusal."""
    return app_with({name: Listener(name, notes, refusal if name == listeners[-1] else None) for name in listeners})


def app_with(listeners: Mapping[str, application.Listener], *, lasts_as_its_command: bool = False) -> App:
    bench, metrics, log = Bench(), Metrics("1"), structlog.wrap_logger(None, processors=[drop])
    watch = LoopWatch(metrics, bench.clock)
    tenants = Tenants({}, bench.clock, log, metrics.degraded)
    life = Life(bench.engine, tenants, metrics, watch, bench.clock, dict, lasts_as_its_command=lasts_as_its_command)
    return App(life, listeners, bench.engine, watch, HeapTrim(lambda: 0, trim_heap), Server(drain_max_ms=7), log)


def drop(*_: object) -> str:
    raise structlog.DropEvent


async def test_diagnostics_open_first_and_close_last_and_are_not_drained() -> None:
    notes: list[str] = []
    app = app_of("diagnostics_address", "web_address", "lane_socket", notes=notes)
    assert app.life.phase is Phase.STARTING
    await app.start()
    assert app.life.is_serving
    assert app.life.listeners["web_address"] == "at web_address"
    await app.drain()
    assert app.life.is_draining
    await app.close()
    assert notes == [
        "start diagnostics_address",
        "start web_address",
        "start lane_socket",
        "stop web_address",
        "stop lane_socket",
        "drain web_address 7",
        "drain lane_socket 7",
        "close lane_socket",
        "close web_address",
        "close diagnostics_address",
    ]
    assert not app.life.is_serving
    await app.close()
    assert repr(app).startswith("<App ended")


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        (OSError(errno.EADDRINUSE, "error while attempting to bind on ('…', 1)"), "at web: Address already in use"),
        (OSError(-2, "Name or service not known"), "at web: Name or service not known"),
        (OSError("no number"), "at web: no number"),
    ],
)
async def test_a_listener_that_cannot_open_ends_the_start_and_closes_the_others(refusal: OSError, told: str) -> None:
    notes: list[str] = []
    app = app_of("diagnostics", "web", notes=notes, refusal=refusal)
    with pytest.raises(CannotStart) as end:
        await app.start()
    assert str(end.value) == f"server.web: {told}"
    assert notes == ["start diagnostics", "close web", "close diagnostics"]
    assert app.life.phase is Phase.ENDED


async def test_what_a_socket_file_advises_is_what_is_told(tmp_path: Path) -> None:
    """It names the group, the folder or the process in the way, and not only the address."""
    listener = LaneBench().lane.unix(tmp_path / "lane.sock", 0o600, "nobody-has-this")
    with pytest.raises(CannotStart) as end:
        await app_with({"lane_socket": listener}).start()
    assert str(end.value) == "server.lane_socket: there is no group nobody-has-this"


async def test_a_sidecar_that_lasts_as_its_command_drains_with_it_and_not_before() -> None:
    app = app_with({"web": Listener("web", [])}, lasts_as_its_command=True)
    await app.start()
    with pytest.raises(Conflict, match="ends with its command"):
        app.life.request_drain()
    assert not app.life.is_draining
    await app.drain()
    assert app.life.is_draining
    await app.close()


async def test_a_life_goes_in_one_direction() -> None:
    app = app_of("web", notes=[])
    app.life.request_drain()
    app.life.request_drain()
    await app.life.drain_wanted()
    await app.start()
    assert app.life.is_draining, "who was asked to end while starting does not go back to serving"
    await app.close()
