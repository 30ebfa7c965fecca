"""The cache engine: what is kept, who may fill it, and what invalidates it. It knows neither HTTP nor RESP.

entry, fifo, memory     what is kept, and what leaves first (S3-FIFO by bytes)
expiry                  what leaves because its time is over
policy                  lives, jitter, early refresh: pure decisions
versions, globs, sweeps what an invalidation killed: one counter per tenant, tags, patterns, whole namespaces
flights, loads          one load per key: leases, and the callers who wait for them
tracking                who read what, and is told when it changes
scans                   the keys of a namespace, page by page
space, tenant, engine   a namespace; a tenant with its share of memory; all of them
explain, collector      why a key is what it is; the engine's metrics
"""

from pannierd.cache.entry import Entry
from pannierd.cache.outcomes import NONE_TYPE, Condition, Hit, Miss, Outcome, Reach, Stale, StoreResult

__all__ = ["NONE_TYPE", "Condition", "Entry", "Hit", "Miss", "Outcome", "Reach", "Stale", "StoreResult"]
