"""All the thinking of a cached call, without I/O: when to ask, run, store, give back, join or go without.

A call is a flow: a generator that yields steps and is sent their results. The sync and the async client carry out the
same steps in their own way, so what a call does is written once, here, and tested without either.

The rules it keeps:
- Every call asks the sidecar itself. A call joins another one's run of the function only when the sidecar has just
  said that somebody holds the lease of this key. It believes the result when that was stored under the lease, or when
  the function began after the call did: either way no invalidation that was over before the call began is missed (P1).
- What was loaded without a lease is not stored, what a lost lease brought is not stored (P2).
- The function's exception goes to every caller that waits for it; nothing of it is cached. A result that cannot be
  cached is returned all the same: the function has done its work.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Literal, NamedTuple

from pannier._commands import NO_LIFE, Fetched, Life, Space
from pannier._values import Codec, Record, Undecodable
from pannier._wire import NOTHING
from pannier.errors import NotCacheable, PannierError, is_outage

__all__ = [
    "Bypassed",
    "Call",
    "Discard",
    "Fetch",
    "Flow",
    "Fly",
    "Join",
    "LastKnown",
    "Loaded",
    "OnUnavailable",
    "Policy",
    "Ran",
    "Refresh",
    "Release",
    "Run",
    "Step",
    "Store",
    "Uncached",
    "Wait",
    "load",
    "reload",
]

OnUnavailable = Literal["bypass", "stale", "raise"]

# How often a call begins again because what it joined, or found, turned out to be unusable.
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Policy:
    """What a cached function was told.

    Attributes:
        refresh_ahead: The call that is chosen to may refresh a value shortly before it dies.
        on_unavailable: Without a sidecar: run the function, prefer the last value known, or raise.
    """

    life: Life = NO_LIFE
    refresh_ahead: bool = True
    on_unavailable: OnUnavailable = "bypass"


class Call:
    """One call of a cached function."""

    __slots__ = ("began", "codec", "key", "owner", "place", "policy", "run", "space", "tags")

    def __init__(
        self,
        space: Space,
        key: bytes,
        codec: Codec[Any],
        policy: Policy,
        run: Callable[[], Any],
        tags: Callable[[Any], Sequence[str]],
        owner: object,
        began: float,
    ) -> None:
        """Bring together what the call needs.

        Args:
            space: The namespace, in commands.
            key: The key in it.
            codec: How results travel.
            policy: What the function was told.
            run: The function with its arguments; a coroutine function for the async client.
            tags: The tags of a result.
            owner: What is the same for calls that may share one run: the decorated function.
            began: When, by the client's clock.
        """
        self.space = space
        self.key = key
        self.place = space.prefix + key
        self.codec = codec
        self.policy = policy
        self.run = run
        self.tags = tags
        self.owner = owner
        self.began = began

    def give_back(self, reply: Any) -> bytes | None:
        """What to say when the call was given up and its answer grants a lease."""
        lease = reply[2] if type(reply) is list else None
        return None if lease is None else self.space.release(self.key, lease)

    def store(self, value: Any, record: tuple[bytes, bytes], lease: bytes) -> bytes:
        """The command that stores a result under its lease."""
        life = self.policy.life
        if record[1] == NOTHING:
            life = Life(life.negative_ttl_ms, life.stale_ms)
        return self.space.store(self.key, record, life, self.tags(value), lease)


class Ran(NamedTuple):
    """A run of the function."""

    result: Any
    began: float


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a call came to.

    Attributes:
        value: The result, for the caller whose call this was.
        record: The same in bytes, from which every other caller gets a copy of its own; none: it cannot be encoded, and
            all have the one value.
        is_kept: It was stored under its lease.
        began: When the function began; never, when it did not run.
    """

    value: Any
    record: tuple[bytes, bytes] | None = None
    is_kept: bool = False
    began: float = -inf

    def copy(self, codec: Codec[Any]) -> Any:
        """The result for a caller that joined."""
        return self.value if codec.shareable or self.record is None else codec.decode(*self.record)


class Step:
    """Something that only a client can do. What it is sent back stands with each."""

    __slots__ = ()


class Fetch(Step):
    """Ask for the value or a lease → Fetched. Raises PannierError."""


class Wait(Step):
    """Ask again, and wait for whoever is filling → Fetched. Raises PannierError."""


class Join(Step):
    """Wait for the run of this function and key that is under way here → Loaded, or None when there is none.

    Raises what the function raises.
    """


class LastKnown(Step):
    """The last value that this process knows → NearEntry or None."""


class Run(Step):
    """Run the function → Ran. Raises what it raises."""


@dataclass(frozen=True, slots=True)
class Store(Step):
    """Send this store → whether the value is kept. When it is not, the lease is given back. Does not raise."""

    command: bytes
    lease: bytes


@dataclass(frozen=True, slots=True)
class Release(Step):
    """Give the lease back → None. Does not wait and does not raise."""

    lease: bytes


@dataclass(frozen=True, slots=True)
class Discard(Step):
    """Invalidate the key → None. Queued while the sidecar is away."""

    soft: bool


@dataclass(frozen=True, slots=True)
class Uncached(Step):
    """Say that the result cannot be cached, and why → None. Does not raise."""

    error: NotCacheable


@dataclass(frozen=True, slots=True)
class Bypassed(Step):
    """Note that the call goes on without an answer, and why → None. Does not raise."""

    error: PannierError


@dataclass(frozen=True, slots=True)
class Fly(Step):
    """Carry out a flow that runs the function, and let others join it → its Loaded."""

    flow: Flow


@dataclass(frozen=True, slots=True)
class Refresh(Step):
    """Carry out a flow that refreshes a value → its Loaded, or None: later, or not at all."""

    flow: Flow


Flow = Generator[Step, Any, Loaded]


def load(call: Call) -> Flow:
    """The value of a cached call, by whatever way is open."""
    for _ in range(_ROUNDS):
        try:
            fetched: Fetched = yield Fetch()
        except PannierError as error:
            return (yield from _without_sidecar(call, error))
        if fetched.value is None and fetched.lease is None:
            joined: Loaded | None = yield Join()
            if joined is None:
                return _loaded((yield Fly(_wait(call))))
            if joined.is_kept or joined.began >= call.began:
                return joined
            continue
        if fetched.value is None:
            return _loaded((yield Fly(_fill(call, fetched.lease or b""))))
        try:
            return (yield from _found(call, fetched.value, fetched))
        except Undecodable:
            yield Discard(soft=False)
    return _loaded((yield Fly(_run(call))))


def reload(call: Call) -> Flow:
    """Run the function in any case, and replace what is cached.

    The key is invalidated first, softly: that voids every lease granted before, so nothing older can be stored over
    the result, and lets others have the stale value meanwhile. Where a reader is quicker to take the new lease, that is
    done again; whoever runs without a lease at last leaves no value behind, rather than what the reader loaded.
    """
    for _ in range(_ROUNDS):
        yield Discard(soft=True)
        try:
            fetched: Fetched = yield Fetch()
        except PannierError as error:
            if not is_outage(error):
                raise
            break
        if fetched.lease is not None:
            return _loaded((yield Fly(_fill(call, fetched.lease))))
    loaded = _loaded((yield Fly(_run(call))))
    yield Discard(soft=False)
    return loaded


def _found(call: Call, value: bytes, fetched: Fetched) -> Flow:
    """There is a value; with a lease, this call may refresh it. Raises Undecodable."""
    lease = fetched.lease
    try:
        found = Loaded(call.codec.decode(value, fetched.content_type), (value, fetched.content_type))
    except Undecodable:
        if lease is not None:
            yield Release(lease)
        raise
    if lease is None:
        return found
    if fetched.status == b"hit" and not call.policy.refresh_ahead:
        yield Release(lease)
        return found
    refreshed: Loaded | None = yield Refresh(_fill(call, lease))
    return refreshed or found


def _wait(call: Call) -> Flow:
    """Somebody outside this process is filling. Flown, so that one call of this process waits and the others join."""
    try:
        fetched: Fetched = yield Wait()
    except PannierError as error:
        return (yield from _excused(call, error)) or (yield from _run(call))
    if fetched.value is not None:
        try:
            return (yield from _found(call, fetched.value, fetched))
        except Undecodable:
            yield Discard(soft=False)
    elif fetched.lease is not None:
        return (yield from _fill(call, fetched.lease))
    return (yield from _run(call))


def _fill(call: Call, lease: bytes) -> Flow:
    try:
        ran: Ran = yield Run()
        record = yield from _encoded(call, ran.result)
        command = call.store(ran.result, record, lease) if record else b""
    except GeneratorExit:
        raise
    except BaseException:
        yield Release(lease)
        raise
    if not command:
        yield Release(lease)
        return Loaded(ran.result, began=ran.began)
    is_kept: bool = yield Store(command, lease)
    return Loaded(ran.result, record, is_kept, ran.began)


def _run(call: Call) -> Flow:
    ran: Ran = yield Run()
    record = yield from _encoded(call, ran.result)
    return Loaded(ran.result, record, began=ran.began)


def _encoded(call: Call, result: Any) -> Generator[Step, Any, Record | None]:
    """The result as it travels; none, when it is not what the function's annotation says."""
    try:
        return call.codec.encode(result)
    except NotCacheable as error:
        yield Uncached(error)
        return None


def _without_sidecar(call: Call, error: PannierError) -> Flow:
    """What a call does when the sidecar cannot answer it. Joined runs are believed: nobody can say otherwise."""
    if last_known := (yield from _excused(call, error)):
        return last_known
    joined: Loaded | None = yield Join()
    return joined if joined is not None else _loaded((yield Fly(_run(call))))


def _excused(call: Call, error: PannierError) -> Generator[Step, Any, Loaded | None]:
    """The last value known, where the policy prefers it; none: run the function. Otherwise the error is raised."""
    if not is_outage(error) or call.policy.on_unavailable == "raise":
        raise error
    yield Bypassed(error)
    if call.policy.on_unavailable == "stale" and (entry := (yield LastKnown())) is not None:
        try:
            return Loaded(call.codec.decode(entry.data, entry.content_type), (entry.data, entry.content_type))
        except Undecodable:
            return None
    return None


def _loaded(sent: Any) -> Loaded:
    """What a client sends back for Fly, with its type."""
    loaded: Loaded = sent
    return loaded
