"""Many keys at once over HTTP: a batch of operations, and invalidation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET, UnsetType

from pannierd.cache.write import Write
from pannierd.errors import BadRequest, PannierdError, QuotaExceeded, TooLarge
from pannierd.web.answers import BatchResults, Invalidated, OperationResult
from pannierd.web.problems import problem_of
from pannierd.web.requests import Batch, Delete, Get, Invalidation, Set, given
from pannierd.web.router import Answer, Route
from pannierd.web.wire import Reply, json_reply

if TYPE_CHECKING:
    from pannierd.cache import Entry
    from pannierd.config import Limits
    from pannierd.operations.cache import CacheOperations
    from pannierd.operations.view import View
    from pannierd.telemetry.metrics import Metrics
    from pannierd.web.call import Call

__all__ = ["BulkRoutes"]


class BulkRoutes:
    """`POST /v1/cache:batch` and `POST /v1/cache:invalidate`."""

    def __init__(self, operations: CacheOperations, limits: Limits, metrics: Metrics) -> None:
        self._operations = operations
        self._max_operations = limits.max_batch_operations
        self._max_bytes = limits.max_body_bytes
        self._metrics = metrics

    def routes(self) -> list[Route]:
        """The table."""
        errors = (TooLarge, QuotaExceeded)
        done = Answer(200, "A result for each operation, in order", body=BatchResults)
        acknowledged = Answer(200, "No read through this sidecar sees the old values any more", body=Invalidated)
        return [
            Route("POST", "/v1/cache:batch", self.batch, "Many operations at once", (done,), errors, body=Batch),
            Route(
                "POST",
                "/v1/cache:invalidate",
                self.invalidate,
                "Invalidate",
                (acknowledged,),
                errors,
                body=Invalidation,
            ),
        ]

    async def batch(self, call: Call) -> Reply:
        """Carry out the operations in order. One that is refused does not stop the others."""
        batch: Batch = call.body
        if len(batch.operations) > self._max_operations:
            raise BadRequest(f"a batch has at most {self._max_operations:,} operations")
        view = self._operations.view(call.caller, batch.namespace)
        view.admit(max(len(batch.operations), 1))
        room = Room(self._max_bytes)
        return json_reply(BatchResults([self._outcome(view, operation, room) for operation in batch.operations]))

    async def invalidate(self, call: Call) -> Reply:
        """Kill what is named."""
        wanted: Invalidation = call.body
        view = self._operations.view(call.caller, wanted.namespace)
        view.admit()
        reach = view.invalidate(
            keys=[key.encode() for key in wanted.keys],
            tags=wanted.tags,
            patterns=[pattern.encode() for pattern in wanted.patterns],
            everything=wanted.all,
            soft=wanted.soft,
        )
        return json_reply(Invalidated(acknowledged=True, scope=reach.scope))

    def _outcome(self, view: View, operation: Get | Set | Delete, room: Room) -> OperationResult:
        try:
            return _result(view, operation, room)
        except PannierdError as error:
            if error.turns_away:
                self._metrics.refused(error.code)
            return OperationResult("error", error=problem_of(error))


class Room:
    """How many bytes of values a batch may still answer: one small request can name a large value a thousand times."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = self._left = max_bytes

    def take(self, size: int) -> None:
        """Raises TooLarge when the answer has no room for so many bytes."""
        if size > self._left:
            raise TooLarge(
                f"the values of one batch have at most {self._max_bytes:,} bytes together here "
                "(limits.max_body_bytes): ask for this one apart"
            )
        self._left -= size


def _result(view: View, operation: Get | Set | Delete, room: Room) -> OperationResult:
    match operation:
        case Get():
            return _read(view, view.get(operation.key_bytes), room)
        case Set():
            return OperationResult(view.store(operation.key_bytes, _write(operation)).value)
        case Delete():
            return OperationResult("deleted" if view.delete(operation.key_bytes) else "absent")


def _read(view: View, entry: Entry | None, room: Room) -> OperationResult:
    if entry is None:
        return OperationResult("miss")
    room.take(entry.size)
    text: str | UnsetType = UNSET
    raw: bytes | UnsetType = UNSET
    try:
        text = entry.value.decode()
    except UnicodeDecodeError:
        raw = entry.value
    return OperationResult(
        "hit", text, raw, entry.content_type, entry.etag, age_ms=view.age_ms(entry), ttl_ms=view.ttl_ms(entry)
    )


def _write(operation: Set) -> Write:
    return Write(
        operation.value_bytes,
        ttl_ms=given(operation.ttl_ms),
        stale_ms=given(operation.stale_ms),
        tags=tuple(operation.tags),
        content_type=operation.type_of_value,
    )
