"""What PN.FETCH answers, in wire form: `[status, value, lease, ttl_ms, content_type]`."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from pannierd.cache import Hit, Miss, Stale
from pannierd.resp.replies import bulk

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pannierd.cache import Entry, Outcome
    from pannierd.resp.replies import Dialect


def told(outcome: Outcome, dialect: Dialect, now: float) -> bytes:
    """Any outcome."""
    return _TELLERS[type(outcome)](outcome, dialect.null, now)


def fresh(entry: Entry, left: float, lease: bytes) -> bytes:
    """A value that is fresh for `left` seconds, with a lease in wire form. Hot: loadtests/f02_async_client.py."""
    return b"*5\r\n+hit\r\n%b%b:%d\r\n%b" % (entry.wire, lease, left * 1000, _media_type(entry.content_type))


def _hit(hit: Hit, null: bytes, now: float) -> bytes:
    return fresh(hit.entry, max(hit.entry.fresh_until - now, 0.0), _lease(hit.lease, null))


def _stale(stale: Stale, null: bytes, _: float) -> bytes:
    entry = stale.entry
    return b"*5\r\n+stale\r\n%b%b:0\r\n%b" % (entry.wire, _lease(stale.lease, null), _media_type(entry.content_type))


def _miss(miss: Miss, null: bytes, _: float) -> bytes:
    return b"*5\r\n+miss\r\n%b%b:0\r\n$0\r\n\r\n" % (null, _lease(miss.lease, null))


_TELLERS: Final[Mapping[type, Callable[[Any, bytes, float], bytes]]] = {Hit: _hit, Stale: _stale, Miss: _miss}


def _lease(lease: str | None, null: bytes) -> bytes:
    return null if lease is None else bulk(lease.encode())


@lru_cache(maxsize=256)
def _media_type(text: str) -> bytes:
    return bulk(text.encode())
