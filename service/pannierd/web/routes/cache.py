"""One key over HTTP: read, write, delete, fetch or lease, explain."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from multidict import istr

from pannierd.cache import Condition, Hit, Miss, Stale, StoreResult
from pannierd.cache.write import Write
from pannierd.errors import (
    BadRequest,
    CacheMiss,
    DeadlineExceeded,
    LeaseLost,
    Overloaded,
    PreconditionFailed,
    QuotaExceeded,
    TooLarge,
)
from pannierd.operations.limits import check_key
from pannierd.web.parameters import from_headers
from pannierd.web.requests import IF_MATCH, LeaseParameters, ReadHeaders, StoreHeaders, given
from pannierd.web.router import Answer, Route
from pannierd.web.target import decode_key, decode_name
from pannierd.web.wire import Reply, json_reply, value_reply

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from pannierd.cache import Outcome
    from pannierd.operations.cache import CacheOperations
    from pannierd.operations.view import View
    from pannierd.resilience import Deadline
    from pannierd.web.call import Call

__all__ = ["CacheRoutes"]

KEY: Final = "/v1/cache/{namespace}/{key}"
IF_NONE_MATCH: Final = istr("If-None-Match")
OUTCOMES: Final = (Hit, Stale, Miss)

VALUE_HEADERS: Final = ("X-Cache", "X-Cache-Tier", "Age", "X-Cache-TTL-Ms", "ETag")
HIT: Final = Answer(200, "The value", body=bytes, headers=VALUE_HEADERS)
UNCHANGED: Final = Answer(304, "The caller has the value already", headers=VALUE_HEADERS)
LEASED: Final = Answer(201, "No value; this caller is to load it", headers=("X-Cache-Lease",))
FETCHED: Final = Answer(200, "The value, fresh or stale", body=bytes, headers=(*VALUE_HEADERS, "X-Cache-Lease"))
WRITTEN: Final = Answer(204, "Stored", headers=("X-Cache",))
GONE: Final = Answer(204, "There is no value any more, whether or not there was one")
GIVEN_BACK: Final = Answer(204, "The next caller may load, whether or not the lease was still held")
EXPLAINED: Final = Answer(200, "Tiers, lives, tags, lease, and what killed it", body=dict)


class CacheRoutes:
    """The routes below a namespace and a key."""

    def __init__(self, operations: CacheOperations) -> None:
        self._operations = operations

    def routes(self) -> list[Route]:
        """The table."""
        quota = (QuotaExceeded,)
        read = (CacheMiss, *quota)
        write = (LeaseLost, PreconditionFailed, TooLarge, *quota)
        return [
            Route("GET", KEY, self.get, "Read", (HIT, UNCHANGED), read, headers=ReadHeaders),
            Route("HEAD", KEY, self.get, "Read the headers", (HIT, UNCHANGED), read, headers=ReadHeaders),
            Route("PUT", KEY, self.put, "Write", (WRITTEN,), write, headers=StoreHeaders, body=bytes),
            Route("DELETE", KEY, self.delete, "Delete", (GONE,), quota),
            Route(
                "POST",
                f"{KEY}/lease",
                self.lease,
                "Fetch, or get the lease to load",
                (FETCHED, LEASED),
                (*read, DeadlineExceeded, Overloaded),
                query=LeaseParameters,
            ),
            Route("DELETE", f"{KEY}/lease/{{lease}}", self.release, "Give a lease back", (GIVEN_BACK,), quota),
            Route("GET", f"{KEY}/explain", self.explain, "Why the key is what it is", (EXPLAINED,), quota),
        ]

    async def get(self, call: Call) -> Reply:
        """A fresh value. HEAD comes here too."""
        view, key = self._place(call)
        entry = view.get(key)
        if entry is None:
            raise CacheMiss("there is no fresh value for this key")
        reply = value_reply(entry, view, "hit", "memory")
        condition = call.headers.get(IF_NONE_MATCH)
        if condition is not None and _holds(condition, entry.etag):
            reply.status, reply.body = 304, b""
        return reply

    async def put(self, call: Call) -> Reply:
        """Store a value: the caller's own word, or a fill under a lease."""
        view, key = self._place(call)
        headers = from_headers(StoreHeaders, call.headers)
        condition, etag = _condition(headers)
        write = Write(
            call.body,
            ttl_ms=given(headers.ttl_ms),
            stale_ms=given(headers.stale_ms),
            tags=_split(headers.tags),
            content_type=headers.content_type,
            lease=given(headers.lease),
            condition=condition,
            etag=etag,
        )
        result = view.store(key, write)
        if result is StoreResult.LEASE_LOST:
            raise LeaseLost("the key changed, or the lease ended, before the value came; nothing was stored")
        if result is StoreResult.NOT_STORED and condition is not Condition.ALWAYS:
            raise PreconditionFailed("the condition does not hold for what is there now; nothing was stored")
        return Reply(204, f"X-Cache: {result.value}\r\n")

    async def delete(self, call: Call) -> Reply:
        """Remove a value."""
        view, key = self._place(call)
        view.delete(key)
        return Reply(204)

    async def lease(self, call: Call) -> Reply:
        """A value, stale if need be, or the lease to load it, or a wait for whoever holds that."""
        view, key = self._place(call)
        outcome = view.fetch(key, want_lease=True, wait_ms=given(call.query.wait_ms), holder=None)
        if not isinstance(outcome, OUTCOMES):
            outcome = await _within(outcome, call.deadline)
        if not isinstance(outcome, Miss):
            word = "hit" if isinstance(outcome, Hit) else "stale"
            return value_reply(outcome.entry, view, word, outcome.source, outcome.lease)
        if outcome.lease is None:
            raise CacheMiss("there is no value yet, and another caller holds the lease to load it")
        return Reply(201, f"X-Cache-Lease: {outcome.lease}\r\n")

    async def release(self, call: Call) -> Reply:
        """The load failed: let the next caller try."""
        view, key = self._place(call)
        check_key(key)
        view.release(key, decode_name(call.segments[2]))
        return Reply(204)

    async def explain(self, call: Call) -> Reply:
        """What is known about the key, but not its value."""
        view, key = self._place(call)
        return json_reply(view.explain(key))

    def _place(self, call: Call) -> tuple[View, bytes]:
        """Where the call wants to go, once the tenant's rate has let it in."""
        view = self._operations.view(call.caller, decode_name(call.segments[0]))
        view.admit()
        return view, decode_key(call.segments[1])


async def _within(wait: Awaitable[Outcome], deadline: Deadline | None) -> Outcome:
    """Wait for another caller's load. A caller that names no deadline has said with `wait_ms` how long it has."""
    left_ms = None if deadline is None else deadline.left_ms()
    try:
        async with asyncio.timeout(None if left_ms is None else left_ms / 1000):
            return await wait
    except TimeoutError as error:
        raise DeadlineExceeded(f"the value was not loaded within {left_ms:,.0f} ms, before the deadline") from error


def _holds(if_none_match: str, etag: str) -> bool:
    """Whether the header names this ETag, by weak comparison (RFC 9110, 13.1.2). An ETag of ours has no quote in it."""
    return f'"{etag}"' in if_none_match or if_none_match.strip() == "*"


def _condition(headers: StoreHeaders) -> tuple[Condition, str | None]:
    """When to store, and which ETag must be there."""
    if_match, if_none_match = given(headers.if_match), given(headers.if_none_match)
    if if_match is not None and if_none_match is not None:
        raise BadRequest("If-Match and If-None-Match contradict each other")
    if if_none_match is not None:
        return Condition.IF_ABSENT, None
    if if_match is None:
        return Condition.ALWAYS, None
    if not IF_MATCH.match(if_match):
        raise BadRequest("If-Match takes one strong ETag, in quotes, or *: no list, and nothing that begins with W/")
    if if_match == "*":
        return Condition.IF_PRESENT, None
    return Condition.IF_PRESENT, if_match[1:-1]


def _split(tags: str) -> tuple[str, ...]:
    """The elements of a list header; empty ones do not count (RFC 9110, 5.6.1)."""
    return tuple(tag for tag in map(str.strip, tags.split(",")) if tag)
