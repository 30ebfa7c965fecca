"""The same promises by a real `pannierd` in a process of its own, with callers that really run at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING

import pytest

from callers import Caller, LaneCaller, LaneConnection, WebCaller
from daemon import Daemon, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = b"row:1"
CHANGES = 500
INVALIDATIONS: list[dict[str, object]] = [
    {"keys": [KEY]},
    {"tags": ["rows"]},
    {"patterns": [b"row:*"]},
    {"everything": True},
    {"tags": ["rows"], "soft": True},
]
HERD = 500


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with serving(tmp_path_factory.mktemp("live")) as it:
        yield it


def place_of(address: str) -> tuple[str, int]:
    host, port = address.rsplit(":", 1)
    return host, int(port)


class Row:
    """The origin: one row with a version that only grows. `told` is the newest whose invalidation was acknowledged."""

    def __init__(self) -> None:
        self.version = 0
        self.told = 0
        self.is_final = Event()

    def change(self, cache: Caller, invalidate: Callable[[Caller], object]) -> None:
        for _ in range(CHANGES):
            self.version += 1
            invalidate(cache)
            self.told = self.version
        self.is_final.set()

    def load(self, cache: Caller) -> int:
        """Fill whenever there is a lease; returns how many fills were kept."""
        kept = 0
        while not self.is_final.is_set():
            answer = cache.fetch(KEY)
            if answer.lease is not None:
                row = b"%d" % self.version
                kept += cache.store(KEY, row, lease=answer.lease, tags=["rows"]) == "stored"
        return kept

    def watch(self, cache: Caller) -> int:
        """Read and compare with what was told before the read began; returns how many reads were hits."""
        hits = 0
        while not self.is_final.is_set():
            told = self.told
            value = cache.get(KEY)
            if value is not None:
                hits += 1
                assert int(value) >= told, f"{int(value)} was served after {told} was told"
        return hits


@pytest.mark.parametrize("what", INVALIDATIONS, ids=str)
def test_no_reader_sees_a_row_older_than_what_was_told_before_it_asked(daemon: Daemon, what: dict[str, object]) -> None:
    row = Row()
    lane, web = place_of(daemon.lane), place_of(daemon.web)
    connections = [LaneConnection(lane) for _ in range(4)]
    webs = [WebCaller(web, "", "live") for _ in range(2)]
    lanes = [LaneCaller(connection, "live") for connection in connections]
    try:
        with ThreadPoolExecutor(6) as pool:
            loading = [pool.submit(row.load, cache) for cache in (lanes[0], lanes[1], webs[0])]
            watching = [pool.submit(row.watch, cache) for cache in (lanes[2], webs[1])]
            row.change(lanes[3], lambda cache: cache.invalidate(**what))
        assert sum(done.result() for done in loading) > 0
        assert sum(done.result() for done in watching) > 0
    finally:
        for connection in connections:
            connection.close()
        for caller in webs:
            caller.connection.close()


def test_a_herd_by_the_unix_socket_and_by_tcp_runs_one_load(daemon: Daemon) -> None:
    places: list[str | tuple[str, int]] = [str(daemon.socket), place_of(daemon.lane)]
    holder, *herd = [LaneConnection(places[number % 2]) for number in range(HERD + 1)]
    try:
        lease = holder.call("PN.FETCH", "herd")[2]
        for connection in herd:
            connection.send(("PN.FETCH", "herd", "WAIT", 60_000))
        assert holder.call("PN.STORE", "herd", "loaded", "LEASE", lease) == b"stored"
        answers = [connection.read() for connection in herd]
        assert {(status, value, granted) for status, value, granted, _, _ in answers} == {(b"hit", b"loaded", None)}
    finally:
        for connection in (holder, *herd):
            connection.close()


def test_what_one_lane_wrote_every_other_way_reads(daemon: Daemon) -> None:
    web = WebCaller(place_of(daemon.web), "", "default")
    tcp, unix = LaneConnection(place_of(daemon.lane)), LaneConnection(str(daemon.socket))
    try:
        for number in range(50):
            web.store(b"written", b"%d" % number)
            assert tcp.call("GET", "written") == unix.call("GET", "written") == b"%d" % number
            assert unix.call("SET", "written", "by the lane") == b"OK"
            assert web.get(b"written") == b"by the lane"
            assert tcp.call("DEL", "written") == 1
            assert web.get(b"written") is None
    finally:
        web.connection.close()
        tcp.close()
        unix.close()
