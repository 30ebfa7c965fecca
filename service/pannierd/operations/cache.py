"""The cache as callers may use it: a view is one caller in one namespace, with tenant, quota and limits applied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pannierd.cache.explain import explain
from pannierd.cache.outcomes import Hit, Miss, Reach
from pannierd.errors import BadRequest, PannierdError, QuotaExceeded
from pannierd.operations.limits import (
    MAX_NAMESPACES,
    check_key,
    check_namespace,
    check_pattern,
    check_tags,
    check_write,
)
from pannierd.operations.scans import Scans

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from pannierd.cache.engine import Engine
    from pannierd.cache.entry import Entry
    from pannierd.cache.flights import Holder
    from pannierd.cache.outcomes import Outcome, StoreResult
    from pannierd.cache.space import Space
    from pannierd.cache.tracking import Tracker
    from pannierd.cache.write import Write
    from pannierd.tenancy.tenants import Caller


class CacheOperations:
    """What both lanes ask of the cache."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._scans = {name: Scans() for name in engine.tenants}
        # Views by caller and namespace: a caller is one object for each token, so this is bounded by configuration.
        self._views: dict[tuple[Caller, str], View] = {}

    def view(self, caller: Caller, namespace: str) -> View:
        """One caller in one namespace. Cheap after the first time.

        Raises:
            BadRequest: the name is malformed, or the tenant has too many namespaces.
        """
        view = self._views.get((caller, namespace))
        if view is None:
            check_namespace(namespace)
            tenant = self._engine.tenants[caller.tenant]
            if namespace not in tenant.spaces and len(tenant.spaces) >= MAX_NAMESPACES:
                raise BadRequest(f"a tenant has at most {MAX_NAMESPACES} namespaces")
            view = View(caller, tenant.space(namespace), self._scans[caller.tenant], self._engine)
            self._views[caller, namespace] = view
        return view

    def give_back(self, holder: Holder) -> None:
        """A connection closed: its leases go to whoever waits."""
        for tenant in self._engine.tenants.values():
            tenant.give_back(holder)

    def forget(self, tracker: Tracker) -> None:
        """A connection closed, or turned tracking off."""
        for tenant in self._engine.tenants.values():
            tenant.forget(tracker)


class View:
    """One caller in one namespace.

    Attributes:
        caller: who.
        space: where; only the lane's hot path reaches into it.
    """

    def __init__(self, caller: Caller, space: Space, scans: Scans, engine: Engine) -> None:
        self.caller = caller
        self.space = space
        self.namespace = space.name
        self._scans = scans
        self._engine = engine
        self._clock = engine.world.clock

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
        return self.space.get(key, self._clock())

    def peek(self, key: bytes) -> Entry | None:
        """The same for a question about the value: neither counted nor a use."""
        check_key(key)
        return self.space.peek(key, self._clock())

    def fetch(
        self, key: bytes, *, want_lease: bool, wait_ms: int, holder: Holder | None
    ) -> Outcome | Awaitable[Outcome]:
        """A value, fresh or stale, or a miss; with the lease, if this caller should load.

        Args:
            key: of the value.
            want_lease: whether this caller would load.
            wait_ms: how long to wait for somebody else's load. Only then the answer may be an awaitable; to cancel
                it harms nobody.
            holder: the connection that a lease is bound to; None binds it to nothing, and it lasts `lease_ms`.
        """
        check_key(key)
        outcome = self.space.fetch(key, self._clock(), holder, want_lease=want_lease)
        if wait_ms > 0 and isinstance(outcome, Miss) and outcome.lease is None:
            return self._wait(key, wait_ms / 1000, holder, want_lease=want_lease)
        self.space.counts.count(outcome)
        return outcome

    def store(self, key: bytes, write: Write, *, origin: Tracker | None = None) -> StoreResult:
        """Keep a value. `origin` is the tracker that is not told of its own change.

        Raises:
            BadRequest: the key, a tag or a life is out of range.
            TooLarge: the value is over the namespace's `max_value_bytes`, or over the tenant's share.
        """
        try:
            check_key(key)
            check_write(write, self.space.policy.max_value_bytes)
            return self.space.store(key, write, self._clock(), origin)
        except PannierdError:
            if write.lease is not None:
                self.release(key, write.lease)
            raise

    def release(self, key: bytes, lease: str) -> bool:
        """The load failed: let the next caller try. False when the lease was not held."""
        flight = self.space.loads.own(key, lease)
        if flight is None:
            return False
        self.space.loads.abandon(flight)
        return True

    def delete(self, key: bytes, *, origin: Tracker | None = None) -> bool:
        """Remove a value and stop its load. True when there was a fresh one."""
        return self._invalidate_key(key, soft=False, origin=origin)

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
        return self._scans.step(self.space, cursor, match, max(count, 1), self._clock())

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
            self._invalidate_key(key, soft=soft, origin=origin)
        return Reach.ALONE

    def explain(self, key: bytes) -> dict[str, Any]:
        """Why the key is what it is, as JSON types."""
        check_key(key)
        return explain(self.space, key, self._clock(), self._engine.instance)

    def watch(self, tracker: Tracker, key: bytes) -> None:
        """This tracker knows the key's value: tell it once when that changes."""
        self.space.tenant.tracking.watch(tracker, self.space, key)

    def broadcast(self, tracker: Tracker, prefixes: Sequence[bytes]) -> None:
        """Tell this tracker of every change under the prefixes of this namespace."""
        self.space.tenant.tracking.broadcast(tracker, self.space, prefixes)

    def _invalidate_key(self, key: bytes, *, soft: bool, origin: Tracker | None) -> bool:
        check_key(key)
        self.space.tenant.counts.invalidations["key"] += 1
        return self.space.invalidate_key(key, soft=soft, by=self.caller.label, origin=origin, now=self._clock())

    async def _wait(self, key: bytes, seconds: float, holder: Holder | None, *, want_lease: bool) -> Outcome:
        """Wait for somebody else's load, and take it over when it ends without a value."""
        space, until = self.space, self._clock() + seconds
        while True:
            # Look first: this may begin to run after the load that it was to wait for has ended.
            outcome = space.fetch(key, self._clock(), holder, want_lease=want_lease)
            flight, left = space.loads.get(key), until - self._clock()
            if not isinstance(outcome, Miss) or outcome.lease is not None or flight is None or left <= 0:
                break
            unkept = await flight.wait(space.versions.counter, left)
            if unkept is not None:
                outcome = Hit(unkept)
                break
        space.counts.count(outcome)
        return outcome

    def __repr__(self) -> str:
        return f"<View {self.caller.label} in {self.namespace}>"
