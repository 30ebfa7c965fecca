"""What is said to the sidecar, per namespace, and how its answers read. Pure: bytes and values, no I/O."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from pannier._keys import lane_key
from pannier._outbox import Invalidation
from pannier._wire import MAX_TAG_BYTES, MAX_TAGS, Argument, pack
from pannier.errors import BadRequest, InternalError, PannierError, from_reply, is_outage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pannier._config import Settings

__all__ = [
    "NO_LIFE",
    "Fetched",
    "Life",
    "Reach",
    "Space",
    "all_stored",
    "greeting",
    "invalidate",
    "make_invalidation",
    "read_error",
    "read_fetched",
    "read_json",
    "read_reach",
    "sound",
]


# How much of its time a fetch waits for another process's fill: the sidecar is to answer before the client gives up.
_WAIT_PART = 0.8


class Reach(StrEnum):
    """How far an invalidation got before the call returned."""

    ACKNOWLEDGED = "acknowledged"  # no read through this sidecar sees the old values
    LOCAL = "local"  # the same, but the shared tier behind the sidecar has yet to hear of it
    QUEUED = "queued"  # the sidecar is away: this process bypasses what it concerns, and goes on trying


class Fetched(NamedTuple):
    """The answer to a fetch. With a value and a lease the caller may refresh it; with a lease alone, fill it."""

    status: bytes  # hit, stale or miss
    value: bytes | None
    lease: bytes | None
    ttl_ms: int
    content_type: bytes


class Life(NamedTuple):
    """How long a value lives, in milliseconds; none: as the namespace says."""

    ttl_ms: int | None = None
    stale_ms: int | None = None
    negative_ttl_ms: int | None = None


NO_LIFE = Life()


class Space:
    """The commands of one namespace."""

    def __init__(self, namespace: str, *, is_bound: bool) -> None:
        """Make the commands for a namespace; `is_bound` when the connections are in it anyway."""
        self.namespace = namespace
        # What makes a key a place in the near-cache. No namespace has a NUL in it.
        self.prefix = namespace.encode() + b"\0"
        self._scope: tuple[Argument, ...] = () if is_bound else ("NS", namespace)
        # Hot: a fetch is one formatting of bytes.
        self._fetch = self._with_hole("PN.FETCH")
        self._peek = self._with_hole("PN.FETCH", "NOLEASE")

    def _with_hole(self, command: str, *options: Argument) -> bytes:
        return pack(command, "KEY", *self._scope, *options).replace(b"$3\r\nKEY", b"$%d\r\n%b", 1)

    def fetch(self, key: bytes) -> bytes:
        """The value, or the leave to fill it."""
        return self._fetch % (len(key), key)

    def peek(self, key: bytes) -> bytes:
        """The value, or nothing."""
        return self._peek % (len(key), key)

    def fetch_waiting(self, key: bytes, seconds_left: float) -> bytes:
        """The value, once whoever is filling it is done; or the leave to fill it. Answered in the time left."""
        return pack("PN.FETCH", key, *self._scope, "WAIT", round(seconds_left * _WAIT_PART * 1_000))

    def release(self, key: bytes, lease: bytes) -> bytes:
        """The fill failed."""
        return pack("PN.RELEASE", key, lease, *self._scope)

    def explain(self, key: bytes) -> bytes:
        """Why the key is what it is."""
        return pack("PN.EXPLAIN", key, *self._scope)

    def store(
        self,
        key: bytes,
        record: tuple[bytes, bytes],
        life: Life,
        tags: Sequence[str] = (),
        lease: bytes | None = None,
    ) -> bytes:
        """Keep a value under its media type.

        Raises:
            BadRequest: A tag is too long, or there are too many.
        """
        value, content_type = record
        options: list[Argument] = []
        if life.ttl_ms is not None:
            options += ("PX", life.ttl_ms)
        if life.stale_ms is not None:
            options += ("STALE", life.stale_ms)
        if tags:
            options += ("TAGS", len(tags), *checked_tags(tags))
        if lease is not None:
            options += ("LEASE", lease)
        return pack("PN.STORE", key, value, *self._scope, *options, "TYPE", content_type)


def invalidate(invalidation: Invalidation) -> bytes:
    """Forget what it names."""
    arguments: list[Argument] = ["PN.INVALIDATE", "NS", invalidation.namespace]
    named = (("KEYS", invalidation.keys), ("TAGS", invalidation.tags), ("PATTERNS", invalidation.patterns))
    for word, names in named:
        if names:
            arguments += (word, len(names), *names)
    if invalidation.everything:
        arguments.append("ALL")
    if invalidation.soft:
        arguments.append("SOFT")
    return pack(*arguments)


def greeting(settings: Settings, *, tracking: bool) -> list[bytes]:
    """What a new connection says first; every answer must be no error.

    Raises:
        Misconfigured: The file with the token cannot be read.
    """
    token = settings.token()
    hello = pack("HELLO", 3, "AUTH", "default", token) if token else pack("HELLO", 3)
    tracked = [pack("CLIENT", "TRACKING", "ON", "NOLOOP")] if tracking else []
    return [hello, pack("PN.NS", settings.namespace), *tracked]


def checked_tags(tags: Sequence[str]) -> Sequence[str]:
    """The tags, if an entry can have them.

    Raises:
        BadRequest: One is empty, too long or no text, or there are too many.
    """
    if isinstance(tags, str):
        raise BadRequest(f"tags are a sequence of texts, not one text: {tags!r}")
    if len(tags) > MAX_TAGS:
        raise BadRequest(f"{len(tags)} tags: an entry has at most {MAX_TAGS}")
    for tag in tags:
        if not isinstance(tag, str) or not 1 <= len(tag.encode("utf-8", "replace")) <= MAX_TAG_BYTES:
            raise BadRequest(f"a tag is 1 to {MAX_TAG_BYTES} bytes of text: {tag!r:.80}")
    return tags


def make_invalidation(
    namespace: str,
    *,
    keys: Sequence[str | bytes] = (),
    tags: Sequence[str] = (),
    patterns: Sequence[str | bytes] = (),
    everything: bool = False,
    soft: bool = False,
) -> Invalidation:
    """An invalidation, checked before it can wait anywhere.

    Raises:
        BadRequest: It names nothing, or something that cannot be.
    """
    for name, texts in (("keys", keys), ("patterns", patterns)):
        if isinstance(texts, (str, bytes)):
            raise BadRequest(f"{name} is a sequence, not one {type(texts).__name__}: {texts!r:.80}")
    globs = tuple(pattern.encode() if isinstance(pattern, str) else pattern for pattern in patterns)
    if not (keys or tags or globs or everything):
        raise BadRequest("an invalidation names keys, tags, patterns or everything")
    for start in range(0, len(tags), MAX_TAGS):
        checked_tags(tags[start : start + MAX_TAGS])
    return Invalidation(namespace, tuple(map(lane_key, keys)), tuple(tags), globs, everything, soft)


def read_fetched(reply: Any) -> Fetched:
    """The answer to a fetch.

    Raises:
        PannierError: It is an error.
        InternalError: It is nothing that this library understands.
    """
    if isinstance(reply, PannierError):
        raise reply
    try:
        return Fetched(*reply)
    except TypeError as error:
        raise InternalError(f"the sidecar answered a fetch with {reply!r:.80}") from error


def read_reach(reply: Any) -> Reach:
    """The answer to an invalidation."""
    return Reach.LOCAL if reply == b"LOCAL" else Reach.ACKNOWLEDGED


def read_json(reply: Any) -> dict[str, Any]:
    """An answer in JSON.

    Raises:
        InternalError: It is none.
    """
    try:
        document: dict[str, Any] = orjson.loads(reply)
    except ValueError as error:
        raise InternalError(f"the sidecar answered {reply!r:.80}, which is no JSON") from error
    return document


def sound(replies: list[Any]) -> list[Any]:
    """The replies, if the sidecar took all the commands; what was the caller's fault is an error among them.

    Raises:
        PannierError: It may take them another time.
    """
    for reply in replies:
        if isinstance(reply, BaseException) and (not isinstance(reply, PannierError) or is_outage(reply)):
            raise reply
    return replies


def all_stored(replies: Sequence[Any]) -> bool:
    """Whether all of these stores were stored. Raises the first error among them."""
    for reply in replies:
        if isinstance(reply, PannierError):
            raise reply
    return all(reply == b"stored" for reply in replies)


def read_error(reply: Exception) -> PannierError:
    """The error that the lane answered."""
    return from_reply(str(reply))
