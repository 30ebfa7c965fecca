"""Each promise is tried by the operations, by each lane, and with two callers of two lanes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from both_lanes import BothLanes
from callers import Caller, DirectCaller, Site
from fakes import Bench

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def bench() -> Bench:
    """Time and chance."""
    return Bench()


@pytest.fixture
def sidecar(bench: Bench, tmp_path: Path) -> Iterator[BothLanes]:
    """Both lanes, open to everybody."""
    with BothLanes(bench, tmp_path) as lanes:
        yield lanes


@pytest.fixture(params=["operations operations", "lane lane", "web web", "lane web", "web lane"])
def site(request: pytest.FixtureRequest, bench: Bench) -> Site:
    """Loader and writer by every pair of ways."""
    loader, writer = request.param.split()
    if loader == "operations":
        view = bench.view()
        return Site(bench, DirectCaller(view), DirectCaller(view), DirectCaller(bench.view("elsewhere")), bench.upkeep)
    lanes: BothLanes = request.getfixturevalue("sidecar")
    ways: dict[str, Callable[..., Caller]] = {"lane": lanes.lane, "web": lanes.web}
    return Site(bench, ways[loader](), ways[writer](), ways[writer]("elsewhere"), lambda: lanes.run(bench.upkeep))
