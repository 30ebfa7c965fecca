"""Two tenants, both lanes, and whatever hypothesis thinks of: every answer is what the history allows.

The second test takes the lease check out of the engine. A machine that does not notice would prove nothing.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from itertools import count, product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    multiple,
    rule,
    run_state_machine_as_test,
)

from both_lanes import BothLanes
from fakes import Bench
from history import MATCHES, History, Lease, Place, Write
from pannierd.cache.loads import Loads

if TYPE_CHECKING:
    from collections.abc import Sequence

    from callers import Caller
    from pannierd.cache.flights import Flight

TENANTS = ("one", "two")
NAMESPACES = ("users", "usersAbc")
KEYS = (b"a", b"ab", b"b", b"*")
WAYS = ("lane", "web")
DEFAULT_TTL_MS, DEFAULT_STALE_MS = 300_000, 600_000

ways = st.sampled_from(WAYS)
tenants = st.sampled_from(TENANTS)
places = st.builds(Place, tenants, st.sampled_from(NAMESPACES), st.sampled_from(KEYS))
tags = st.sets(st.sampled_from(["red", "blue"])).map(lambda some: tuple(sorted(some)))
lives = st.fixed_dictionaries(
    {}, optional={"ttl_ms": st.sampled_from([1_000, 5_000]), "stale_ms": st.sampled_from([0, 3_000])}
)
waits = st.sampled_from([0.5, 1.0, 4.0, 11.0])
invalidations = st.one_of(
    st.fixed_dictionaries({"keys": st.lists(st.sampled_from(KEYS), min_size=1, max_size=2)}),
    st.fixed_dictionaries({"tags": st.lists(st.sampled_from(["red", "blue"]), min_size=1, max_size=2)}),
    st.fixed_dictionaries({"patterns": st.lists(st.sampled_from(sorted(MATCHES)), min_size=1, max_size=2)}),
    st.just({"everything": True}),
)


class CacheMachine(RuleBasedStateMachine):
    """A sidecar, and the history of what it acknowledged."""

    loads: type[Loads] = Loads
    leases = Bundle[Lease]("leases")

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench(tenants=TENANTS)
        for tenant, namespace in product(TENANTS, NAMESPACES):
            space = self.bench.space(namespace, tenant)
            space.loads = self.loads(space, space.tenant.flights)
        self.history = History(self.bench.clock)
        self.values = map(b"value-%d".__mod__, count())
        self.open = ExitStack()
        folder = Path(self.open.enter_context(TemporaryDirectory()))
        self.sidecar = self.open.enter_context(BothLanes(self.bench, folder, TENANTS))
        self.callers: dict[tuple[str, str, str], Caller] = {}

    def teardown(self) -> None:
        with self.open:
            for tenant, namespace, key, way in product(TENANTS, NAMESPACES, KEYS, WAYS):
                self.read_plainly(Place(tenant, namespace, key), way)

    def caller(self, way: str, tenant: str, namespace: str) -> Caller:
        caller = self.callers.get((way, tenant, namespace))
        if caller is None:
            dial = self.sidecar.lane if way == "lane" else self.sidecar.web
            caller = self.callers[way, tenant, namespace] = dial(namespace, tenant)
        return caller

    def at(self, place: Place, way: str) -> Caller:
        return self.caller(way, place.tenant, place.namespace)

    @rule(place=places, way=ways)
    def read_plainly(self, place: Place, way: str) -> None:
        status, value = self.history.read(place)[0]
        assert self.at(place, way).get(place.key) == (value if status == "hit" else None)

    @rule(place=places, way=ways, target=leases)
    def fetch(self, place: Place, way: str) -> Lease | MultipleResults[Lease]:
        allowed = self.history.read(place)
        answer = self.at(place, way).fetch(place.key)
        assert (answer.status, answer.value) in allowed
        if answer.lease is None:
            return multiple()
        assert answer.status != "hit", "nothing is refreshed early in this world"
        self.history.granted(answer.lease, place)
        return self.history.leases[-1]

    @rule(place=places, way=ways, tags=tags, lives=lives)
    def write(self, place: Place, way: str, tags: tuple[str, ...], lives: dict[str, int]) -> None:
        value = next(self.values)
        assert self.at(place, way).store(place.key, value, tags=tags, **lives) == "stored"
        self.remember(place, value, tags, lives)

    @rule(lease=leases, way=ways, tags=tags, lives=lives)
    def fill(self, lease: Lease, way: str, tags: tuple[str, ...], lives: dict[str, int]) -> None:
        self.try_to_fill(lease, lease.place, way, tags, lives)

    @rule(lease=leases, place=places, part=st.sampled_from(["tenant", "namespace", "key"]), way=ways)
    def fill_another_place(self, lease: Lease, place: Place, part: str, way: str) -> None:
        self.try_to_fill(lease, replace(lease.place, **{part: getattr(place, part)}), way, (), {})

    @rule(lease=consumes(leases), way=ways)
    def release(self, lease: Lease, way: str) -> None:
        self.at(lease.place, way).release(lease.place.key, lease.token)
        lease.is_over = True

    @rule(place=places, way=ways)
    def delete(self, place: Place, way: str) -> None:
        self.at(place, way).delete(place.key)
        self.history.invalidated(place, keys=(place.key,))

    @rule(place=places, way=ways, what=invalidations, soft=st.booleans())
    def invalidate(self, place: Place, way: str, what: dict[str, Sequence[bytes]], soft: bool) -> None:  # noqa: FBT001
        self.at(place, way).invalidate(**what, soft=soft)
        self.history.invalidated(place, **what, soft=soft)

    @rule(place=places, way=ways, what=invalidations, seconds=waits, target=leases)
    def outlive_a_soft_death(
        self, place: Place, way: str, what: dict[str, Sequence[bytes]], seconds: float
    ) -> Lease | MultipleResults[Lease]:
        """Four steps that would hardly ever meet by themselves."""
        self.write(place, way, ("red",), {"stale_ms": 3_000})
        self.invalidate(place, way, what, soft=True)
        self.time_passes(seconds)
        return self.fetch(place, way)

    @rule(seconds=waits)
    def time_passes(self, seconds: float) -> None:
        self.bench.clock.advance(seconds)

    @rule()
    def upkeep(self) -> None:
        self.sidecar.run(self.bench.upkeep)

    def try_to_fill(self, lease: Lease, place: Place, way: str, tags: tuple[str, ...], lives: dict[str, int]) -> None:
        value = next(self.values)
        result = self.at(place, way).store(place.key, value, lease=lease.token, tags=tags, **lives)
        if self.history.must_refuse(lease, place, tags):
            assert result == "lease_lost"
        elif self.history.must_store(lease, place, tags):
            assert result == "stored"
        if result == "stored":
            self.remember(place, value, tags, lives)
        lease.is_over |= lease.place == place

    def remember(self, place: Place, value: bytes, tags: tuple[str, ...], lives: dict[str, int]) -> None:
        fresh = self.bench.clock() + lives.get("ttl_ms", DEFAULT_TTL_MS) / 1000
        stale = lives.get("stale_ms", DEFAULT_STALE_MS) / 1000
        self.history.wrote(Write(place, value, tags, fresh, stale))


class GullibleLoads(Loads):
    """Believes every fill."""

    def refusal(self, flight: Flight | None, tags: Sequence[str], now: float) -> str:
        return ""


class GullibleMachine(CacheMachine):
    """The same machine over an engine whose lease check is gone."""

    loads = GullibleLoads


BOUNDED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], stateful_step_count=50)


def test_every_answer_is_what_the_history_allows() -> None:
    run_state_machine_as_test(CacheMachine, settings=settings(BOUNDED, max_examples=60))


def test_the_machine_notices_when_the_lease_check_is_gone() -> None:
    hunt = settings(BOUNDED, max_examples=100, derandomize=True, database=None, phases=[Phase.generate])
    with pytest.raises(AssertionError):
        run_state_machine_as_test(GullibleMachine, settings=hunt)
