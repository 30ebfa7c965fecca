"""A namespace of a tenant: its entries, and what reads and writes do to them.

Everything here happens between two turns of the loop: a read, a write and an invalidation are atomic to each other,
and an acknowledged one is seen by whatever starts after it, by whichever lane.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from pannierd.cache.deaths import MOST_DEATHS, Death
from pannierd.cache.entry import Entry, weight
from pannierd.cache.loads import Loads
from pannierd.cache.memory import MOST_USES, OUT
from pannierd.cache.outcomes import NONE_TYPE, Condition, Hit, Miss, Outcome, Stale, StoreResult
from pannierd.cache.policy import lives, refresh_is_due
from pannierd.cache.versions import Rules, weightier
from pannierd.errors import TooLarge

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pannierd.cache.counts import SpaceCounts
    from pannierd.cache.flights import Flight, Holder
    from pannierd.cache.tenant import TenantCache
    from pannierd.cache.tracking import Tracker
    from pannierd.cache.versions import Cause
    from pannierd.cache.write import Write
    from pannierd.config import Namespace


class Space:
    """One namespace.

    Attributes:
        entries: by key, dead ones included until somebody meets them. The lane's hot path reads it directly.
        versions: the tenant's; an entry whose `seen` equals their counter is not invalidated.
        loads: the loads in progress.
        rules: patterns and whole-namespace invalidations.
        counts: what was answered; namespaces that are not configured share one.
    """

    def __init__(self, tenant: TenantCache, name: str, policy: Namespace, counts: SpaceCounts) -> None:
        self.tenant = tenant
        self.name = name
        self.policy = policy
        self.versions = tenant.versions
        self.entries: dict[bytes, Entry] = {}
        self.loads = Loads(self, tenant.flights)
        self.rules = Rules()
        self.counts = counts

    @property
    def is_idle(self) -> bool:
        """Whether it holds nothing: no entry, dead or alive, and no load."""
        return not self.entries and not self.loads

    def get(self, key: bytes, now: float) -> Entry | None:
        """The fresh value, counted and marked as used."""
        entry = self.peek(key, now)
        if entry is None:
            self.counts.misses += 1
            return None
        self.counts.hits += 1
        if entry.uses < MOST_USES:
            entry.uses += 1
        return entry

    def peek(self, key: bytes, now: float) -> Entry | None:
        """The fresh value, neither counted nor marked."""
        entry = self.find(key, now)
        return None if entry is None or entry.fresh_until <= now else entry

    def find(self, key: bytes, now: float) -> Entry | None:
        """The value, fresh or stale, after every invalidation has been asked."""
        entry = self.entries.get(key)
        if entry is None or (entry.seen != self.versions.counter and not self._survives(entry, now)):
            return None
        if entry.stale_until <= now:
            self._expire(entry)
            return None
        return entry

    def fetch(self, key: bytes, now: float, holder: Holder | None, *, want_lease: bool) -> Outcome:
        """A value, fresh or stale, or a miss; with the lease, if this caller should load. Not counted."""
        entry = self.find(key, now)
        if entry is None:
            return Miss(self.loads.lease(key, now, holder) if want_lease else None)
        if entry.uses < MOST_USES:
            entry.uses += 1
        left = entry.fresh_until - now
        if left <= 0:
            return Stale(entry, self.loads.lease(key, now, holder) if want_lease else None)
        if want_lease and self.policy.refresh_ahead and refresh_is_due(left, entry.load_cost, self.tenant.world.draw):
            return Hit(entry, self.loads.lease(key, now, holder))
        return Hit(entry)

    def fresh(self, now: float) -> Iterator[Entry]:
        """Every fresh entry. Takes a moment with many."""
        for key in list(self.entries):
            entry = self.peek(key, now)
            if entry is not None:
                yield entry

    def store(self, key: bytes, write: Write, now: float, origin: Tracker | None) -> StoreResult:
        """Keep a value, if lease and condition allow. `origin` is not told of its own change.

        Raises:
            TooLarge: the entry is larger than the tenant's whole share of memory.
        """
        flight: Flight | None = None
        if write.lease is not None:
            flight = self.loads.own(key, write.lease)
            refusal = self.loads.refusal(flight, write.tags, now)
            if refusal:
                self._refuse_fill(flight, write, now, refusal)
                return StoreResult.LEASE_LOST
        if not self._condition_holds(key, write, now):
            if flight is not None:
                self.loads.abandon(flight)
            return StoreResult.NOT_STORED
        if write.content_type == NONE_TYPE and write.ttl_ms is None and not self.policy.negative_ttl_ms:
            self._empty(key, flight, write, now, origin)
            return StoreResult.NOT_STORED
        entry = self._put(key, write, now)
        entry.load_cost = 0.0 if flight is None else now - flight.granted_at
        self.loads.land(key, flight)
        self.tenant.deaths.forget(self.name, key)
        self.tenant.tracking.changed(self.name, key, origin)
        return StoreResult.STORED

    def expire(self, key: bytes, ttl_ms: int | None, now: float, origin: Tracker | None) -> bool:
        """Give a fresh value another life; None is the namespace's. False when there is none."""
        entry = self.peek(key, now)
        if entry is None:
            return False
        stale_ms = round((entry.stale_until - entry.fresh_until) * 1000)
        fresh, stale = lives(self.policy, ttl_ms, stale_ms, 0.0)
        entry.fresh_until, entry.stale_until = now + fresh, now + fresh + stale
        self.tenant.expiry.place(entry, now)
        self.tenant.tracking.changed(self.name, key, origin)
        return True

    def invalidate_key(self, key: bytes, *, soft: bool, by: str, origin: Tracker | None, now: float) -> bool:
        """Kill one entry, and any load of it. True when there was a fresh value."""
        entry = self.find(key, now)
        was_fresh = entry is not None and entry.fresh_until > now
        self.loads.kill(key, "invalidated")
        if entry is not None:
            self.tenant.died(entry, "key", soft=soft, by=by)
            if soft:
                self._fade(entry, now, now)
            else:
                self._remove(entry, "invalidated")
        self.tenant.tracking.changed(self.name, key, origin)
        return was_fresh

    def invalidate_pattern(self, rule: Cause) -> None:
        """Kill what matches: at once for every reader, in the background for the memory."""
        self.rules.add_pattern(rule)
        self.loads.kill_if(lambda key: self.rules.killer(key, rule.number - 1) is not None)
        self.tenant.sweeps.ask(self)
        self.tenant.tracking.everything_changed()

    def invalidate_all(self, cause: Cause) -> None:
        """Kill everything."""
        self.rules.invalidate_all(cause)
        self.loads.kill_if(lambda _: True)
        if not cause.soft:
            death = Death.of(cause)
            for key in islice(reversed(self.entries), MOST_DEATHS):
                self.tenant.deaths.put(self.name, key, death)
            self.tenant.counts.evictions["invalidated"] += len(self.entries)
            self.tenant.doom(self.entries.values())
            self.entries.clear()
        self.tenant.tracking.everything_changed()

    def ended(self, entry: Entry, now: float) -> None:
        """A second of its ends has passed: tell its readers, and let it go when its stale time is over too."""
        if self.entries.get(entry.key) is not entry:
            return
        if entry.stale_until <= now:
            self._expire(entry)
            return
        self.tenant.expiry.place(entry, now)
        if entry.fresh_until <= now:
            self.tenant.tracking.changed(self.name, entry.key, None)

    def evicted(self, entry: Entry) -> None:
        """The memory let it go."""
        if self.entries.get(entry.key) is entry:
            del self.entries[entry.key]
            self.tenant.counts.evictions["capacity"] += 1
            self.tenant.died(entry, "capacity")
            self.tenant.tracking.changed(self.name, entry.key, None)

    def killer(self, key: bytes, tags: Sequence[str], seen: int) -> Cause | None:
        """The weightiest invalidation after `seen` that concerns such an entry."""
        return weightier(self.rules.killer(key, seen), self.versions.killer(tags, seen))

    def _survives(self, entry: Entry, now: float) -> bool:
        """Ask what was invalidated since the entry was last seen alive. False: it is gone."""
        cause = self.killer(entry.key, entry.tags, entry.seen)
        if cause is not None:
            self.tenant.deaths.put(self.name, entry.key, Death.of(cause))
            if not cause.soft:
                self._remove(entry, "invalidated")
                return False
            # Two soft ones may have been joined at the moment of the first, which came before the entry did.
            self._fade(entry, max(cause.moment, entry.stored_at), now)
        entry.seen = self.versions.counter
        return True

    def _fade(self, entry: Entry, moment: float, now: float) -> None:
        entry.fade(moment)
        self.tenant.expiry.place(entry, now)

    def _condition_holds(self, key: bytes, write: Write, now: float) -> bool:
        if write.condition is Condition.ALWAYS and write.etag is None:
            return True
        entry = self.peek(key, now)
        if write.condition is Condition.IF_ABSENT:
            return entry is None
        return entry is not None and write.etag in {None, entry.etag}

    def _put(self, key: bytes, write: Write, now: float) -> Entry:
        """Make the entry, or change it in place, and find room for it."""
        memory = self.tenant.memory
        cost = weight(key, write.value, write.tags, write.content_type)
        if not memory.fits(cost):
            raise TooLarge(f"the value would need {cost} bytes and the tenant's share of memory is {memory.max_bytes}")
        self.tenant.make_way(cost)
        entry = self.find(key, now)
        fresh_until, stale_until = self._lives_of(write, entry, now)
        if entry is None:
            entry = Entry(self, key)
        entry.fill(write.value, write.content_type, write.tags)
        entry.stored_at, entry.fresh_until, entry.stale_until = now, fresh_until, stale_until
        entry.seen = self.versions.counter
        if entry.queue != OUT:
            memory.change_cost(entry, cost)
        if entry.queue == OUT:
            entry.cost = cost
            memory.add(entry)
            self.entries[key] = entry
        self.tenant.expiry.place(entry, now)
        return entry

    def _lives_of(self, write: Write, known: Entry | None, now: float) -> tuple[float, float]:
        """Until when the value is fresh, and stale."""
        if write.keep_ttl and known is not None and known.fresh_until > now:
            return known.fresh_until, known.stale_until
        ttl_ms = write.ttl_ms
        if ttl_ms is None and write.content_type == NONE_TYPE:
            ttl_ms = self.policy.negative_ttl_ms
        # The user's own word about a life is kept to the letter; a fill's and the namespace's are jittered.
        shorten = self.tenant.world.draw() if write.lease is not None or write.ttl_ms is None else 0.0
        fresh, stale = lives(self.policy, ttl_ms, write.stale_ms, shorten)
        return now + fresh, now + fresh + stale

    def _refuse_fill(self, flight: Flight | None, write: Write, now: float, why: str) -> None:
        """Store nothing; those who asked before anything was invalidated still get the value."""
        self.tenant.counts.fills_rejected[why] += 1
        if flight is not None:
            self.loads.answer(flight, self._unkept(flight.key, write, now), joined_by=flight.began)

    def _empty(self, key: bytes, flight: Flight | None, write: Write, now: float, origin: Tracker | None) -> None:
        """The newest result is nothing, and that is not kept: it answers those who wait, and what was kept goes."""
        if flight is None:
            flight = self.loads.kill(key, "overwritten")
        if flight is not None:
            self.loads.answer(flight, self._unkept(key, write, now))
        entry = self.find(key, now)
        if entry is not None:
            self.tenant.died(entry, "emptied")
            self._remove(entry, "invalidated")
        self.tenant.tracking.changed(self.name, key, origin)

    def _unkept(self, key: bytes, write: Write, now: float) -> Entry:
        """A value that answers waiting callers and has no life beyond that."""
        unkept = Entry(self, key, stored_at=now, fresh_until=now, stale_until=now)
        unkept.fill(write.value, write.content_type, write.tags)
        return unkept

    def _expire(self, entry: Entry) -> None:
        self.tenant.died(entry, "expired")
        self._remove(entry, "expired")
        self.tenant.tracking.changed(self.name, entry.key, None)

    def _remove(self, entry: Entry, why: str) -> None:
        self.tenant.counts.evictions[why] += 1
        del self.entries[entry.key]
        self.tenant.drop(entry)

    def __repr__(self) -> str:
        return f"<Space {self.tenant.name}/{self.name} {len(self.entries)} entries, {self.loads!r}>"
