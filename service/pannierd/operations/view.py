"""A view: one caller in one namespace, with tenant, quota and limits applied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pannierd.cache.explain import explain
from pannierd.cache.outcomes import Hit, Miss, Reach
from pannierd.errors import PannierdError, QuotaExceeded
from pannierd.operations.limits import check_key, check_pattern, check_tags, check_write

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from pannierd.cache.entry import Entry
    from pannierd.cache.flights import Holder
    from pannierd.cache.outcomes import Outcome, StoreResult
    from pannierd.cache.space import Space
    from pannierd.cache.tracking import Tracker
    from pannierd.cache.write import Write
    from pannierd.operations.tenant_state import TenantState
    from pannierd.telemetry.histogram import Histogram
    from pannierd.tenancy.tenants import Caller


class Bearer:
    """The holder of a lease that is bound to no connection: it is never heard from, and lasts `lease_ms`."""

    last_heard = float("-inf")
    number = None

    def __init__(self, label: str) -> None:
        self.label = label


class View:
    """One caller in one namespace.

    Attributes:
        caller: who.
        space: where; only the lane's hot path reaches into it.
    """

    def __init__(self, caller: Caller, space: Space, state: TenantState) -> None:
        self.caller = caller
        self.space = space
        self.namespace = space.name
        self._bearer = Bearer(caller.label)
        self._state = state
        self._took = state.took
        self._clock = state.engine.world.clock

    def admit(self, count: int = 1) -> None:
        """Take `count` requests from the tenant's rate.

        Raises:
            QuotaExceeded: with the time to wait.
        """
        rate = self.caller.rate
        if rate is None:
            return
        wait = rate.take(count, self._clock())
        if wait > 0:
            raise QuotaExceeded(
                f"tenant {self.caller.tenant} is over its requests_per_second",
                retry_after_ms=max(round(wait * 1000), 1),
            )

    def get(self, key: bytes) -> Entry | None:
        """The fresh value or nothing: what plain commands and HTTP GET see."""
        check_key(key)
        now = self._clock()
        entry = self.space.get(key, now)
        (self._took.miss if entry is None else self._took.hit).sample(now, self._clock)
        return entry

    def peek(self, key: bytes) -> Entry | None:
        """The same for a question about the value: neither counted nor a use."""
        check_key(key)
        return self.space.peek(key, self._clock())

    def fetch(
        self, key: bytes, *, want_lease: bool, wait_ms: int | None, holder: Holder | None
    ) -> Outcome | Awaitable[Outcome]:
        """A value, fresh or stale, or a miss; with the lease, if this caller should load.

        Args:
            key: of the value.
            want_lease: whether this caller would load.
            wait_ms: how long to wait for somebody else's load; None is the namespace's `wait_ms`. Only then the answer
                may be an awaitable; to cancel it harms nobody.
            holder: the connection that a lease is bound to; None: whoever knows it may use it, for `lease_ms`.

        Raises:
            Overloaded: it would have to wait, and too many of the tenant's calls do. The awaitable may raise it, too.
        """
        check_key(key)
        now, holder = self._clock(), holder or self._bearer
        outcome = self.space.fetch(key, now, holder, want_lease=want_lease)
        if isinstance(outcome, Miss) and outcome.lease is None and (patience := self._patience(wait_ms)):
            self._state.waiting.check()
            return self._wait(key, now, patience, holder, want_lease=want_lease)
        self._count(outcome).sample(now, self._clock)
        return outcome

    def store(self, key: bytes, write: Write, *, origin: Tracker | None = None) -> StoreResult:
        """Keep a value. `origin` is the tracker that is not told of its own change.

        Raises:
            BadRequest: the key, a tag or a life is out of range.
            TooLarge: the value is over the namespace's `max_value_bytes`, or over the tenant's share.
        """
        now = self._clock()
        try:
            check_key(key)
            check_write(write, self.space.policy.max_value_bytes)
            result = self.space.store(key, write, now, origin)
        except PannierdError:
            if write.lease is not None:
                self.release(key, write.lease)
            raise
        self._took.store.sample(now, self._clock)
        return result

    def release(self, key: bytes, lease: str) -> bool:
        """The load failed: let the next caller try. False when the lease was not held."""
        flight = self.space.loads.own(key, lease)
        if flight is None:
            return False
        self.space.loads.abandon(flight)
        return True

    def delete(self, key: bytes, *, origin: Tracker | None = None) -> bool:
        """Remove a value and stop its load. True when there was a fresh one."""
        now = self._clock()
        was_fresh = self._invalidate_key(key, now, soft=False, origin=origin)
        self._took.delete.sample(now, self._clock)
        return was_fresh

    def expire(self, key: bytes, ttl_ms: int | None, *, origin: Tracker | None = None) -> bool:
        """Give a fresh value another life; None is the namespace's, 0 or less deletes. False when there is none."""
        check_key(key)
        if ttl_ms is not None and ttl_ms <= 0:
            return self.delete(key, origin=origin)
        return self.space.expire(key, ttl_ms, self._clock(), origin)

    def ttl_ms(self, entry: Entry) -> int:
        """How long the entry is still fresh."""
        return max(round((entry.fresh_until - self._clock()) * 1000), 0)

    def age_ms(self, entry: Entry) -> int:
        """How long ago the entry was stored."""
        return round((self._clock() - entry.stored_at) * 1000)

    def size(self) -> int:
        """Entries in the namespace, fresh or not."""
        return len(self.space.entries)

    def keys(self) -> list[bytes]:
        """Every key with a fresh value."""
        return [entry.key for entry in self.space.fresh(self._clock())]

    def scan(self, cursor: int, match: bytes | None, count: int) -> tuple[int, list[bytes]]:
        """One page of keys and the next cursor; see Scans.

        Raises:
            BadRequest: no such cursor.
        """
        return self.space.tenant.scans.step(self.space, cursor, match, max(count, 1), self._clock())

    def invalidate(
        self,
        *,
        keys: Sequence[bytes] = (),
        tags: Sequence[str] = (),
        patterns: Sequence[bytes] = (),
        everything: bool = False,
        soft: bool = False,
        origin: Tracker | None = None,
    ) -> Reach:
        """Kill what is named. When this returns, no read through this sidecar sees the old values.

        Args:
            keys: of this namespace.
            tags: of the tenant, across namespaces.
            patterns: globs over this namespace.
            everything: all of this namespace.
            soft: what is killed may be served as stale while it is refreshed.
            origin: the tracker that is not told of its own keys.

        Raises:
            BadRequest: a name is out of range. Then nothing was invalidated.
        """
        now = self._clock()
        names = [check_pattern(pattern) for pattern in patterns]
        check_tags(tags)
        for key in keys:
            check_key(key)
        tenant, by = self.space.tenant, self.caller.label
        tenant.invalidate_tags(dict.fromkeys(tags), soft=soft, by=by)
        for name in names:
            self.space.invalidate_pattern(tenant.cause("pattern", name, soft=soft, by=by))
        if everything:
            self.space.invalidate_all(tenant.cause("namespace", "", soft=soft, by=by))
        for key in keys:
            self._invalidate_key(key, now, soft=soft, origin=origin)
        self._took.invalidate.sample(now, self._clock)
        return Reach.ALONE

    def explain(self, key: bytes) -> dict[str, Any]:
        """Why the key is what it is, as JSON types."""
        check_key(key)
        return explain(self.space, key, self._clock(), self._state.engine.instance)

    def watch(self, tracker: Tracker, key: bytes) -> None:
        """This tracker knows the key's value: tell it once when that changes."""
        self.space.tenant.tracking.watch(tracker, self.namespace, key)

    def broadcast(self, tracker: Tracker, prefixes: Sequence[bytes]) -> None:
        """Tell this tracker of every change under the prefixes of this namespace."""
        self.space.tenant.tracking.broadcast(tracker, self.namespace, prefixes)

    def _invalidate_key(self, key: bytes, now: float, *, soft: bool, origin: Tracker | None) -> bool:
        check_key(key)
        self.space.tenant.counts.invalidations["key"] += 1
        return self.space.invalidate_key(key, soft=soft, by=self.caller.label, origin=origin, now=now)

    def _patience(self, wait_ms: int | None) -> float:
        """Seconds that a call may wait."""
        if wait_ms is None:
            wait_ms = self.space.policy.wait_ms
        return min(wait_ms, self._state.max_wait_ms) / 1000

    def _count(self, outcome: Outcome) -> Histogram:
        """Count a fetch, and say where its duration belongs."""
        self.space.counts.count(outcome)
        return self._took.unfetched if isinstance(outcome, Miss) else self._took.fetched

    async def _wait(self, key: bytes, began: float, seconds: float, holder: Holder, *, want_lease: bool) -> Outcome:
        """Wait for somebody else's load, and take it over when it ends without a value."""
        waiting = self._state.waiting
        waiting.enter()
        try:
            outcome = await self._awaited(key, began + seconds, holder, want_lease=want_lease)
        finally:
            waiting.leave()
        self._count(outcome).observe(self._clock() - began)
        return outcome

    async def _awaited(self, key: bytes, until: float, holder: Holder, *, want_lease: bool) -> Outcome:
        """What comes of a wait that ends at `until` (clock seconds)."""
        space = self.space
        while True:
            # Look first: this may begin to run after the load that it was to wait for has ended.
            outcome = space.fetch(key, self._clock(), holder, want_lease=want_lease)
            flight, left = space.loads.get(key), until - self._clock()
            if not isinstance(outcome, Miss) or outcome.lease is not None or flight is None or left <= 0:
                return outcome
            unkept = await flight.wait(space.versions.counter, left)
            if unkept is not None:
                return Hit(unkept)

    def __repr__(self) -> str:
        return f"<View {self.caller.label} in {self.namespace}>"
