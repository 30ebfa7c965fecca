"""The session: everything that one connection's commands have in common, without I/O.

A session has a caller (or none yet), a namespace, a version of the protocol, and perhaps a transaction that is being
queued and keys that are being tracked. It is the holder of the leases that were granted to it, and the tracker that is
pushed invalidations. The connection asks it for what must be pushed, and is woken when there is something.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pannierd.operations.cache import DEFAULT_NAMESPACE
from pannierd.resp.refusals import no_caller
from pannierd.resp.replies import RESP2, Dialect, invalidation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pannierd.cache.space import Space
    from pannierd.operations.view import View
    from pannierd.resp.commands.row import Row
    from pannierd.resp.lane import Lane
    from pannierd.resp.protocol import Command
    from pannierd.tenancy import Caller

SILENCE_SECONDS: Final = 1.0
"""A client that was silent for longer may have lost leases by it, and is to find that out before it uses them."""

USE: Final = "use"
"""The role that reading and writing the cache takes."""


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end of a connection, and who it is before it says so."""

    address: str
    local_address: str
    caller: Caller | None


@dataclass(frozen=True, slots=True)
class Tracking:
    """How this session wants to hear of changes.

    Attributes:
        prefixes: of the keys it wants to hear of, whether it read them or not; None: of those that it read.
        is_quiet: not of its own changes (NOLOOP).
    """

    prefixes: tuple[bytes, ...] | None
    is_quiet: bool


@dataclass(slots=True)
class Transaction:
    """Commands between MULTI and EXEC."""

    commands: list[Command] = field(default_factory=list)
    size_bytes: int = 0
    is_broken: bool = False  # a command was refused while it was queued: EXEC will refuse


class Session:
    """One connection's state.

    Attributes:
        number: unique in this process; CLIENT ID.
        last_heard: clock seconds of the last bytes; leases live by it.
        caller: who calls; None until somebody has authenticated.
        view: the caller in the namespace; None without a caller.
        dialect: the version of the protocol.
        transaction: what is being queued, or None.
        is_executing: between the first and the last command of EXEC, where nothing may wait.
        is_ended: the client said QUIT; what it sent behind that is not read.
        is_free: it may do everything, as often as it likes: it has a caller with the role, without a rate.
        bare_space: what the bare path may read; None when each command must take the general path (it is not
            free, or has a transaction or tracking).
    """

    def __init__(self, lane: Lane, peer: Peer, wake: Callable[[], None]) -> None:
        self.lane = lane
        self.peer = peer
        self.number = lane.next_number()
        self.opened_at = self.last_heard = lane.clock()
        self.name = ""
        self.library = {"lib-name": "", "lib-ver": ""}
        self.last_command: Row | None = None
        self.caller: Caller | None = None
        self.namespace = DEFAULT_NAMESPACE
        self.view: View | None = None
        self.dialect: Dialect = RESP2
        self.transaction: Transaction | None = None
        self.is_executing = False
        self.is_ended = False
        self.tracking: Tracking | None = None
        self.is_free = False
        self.bare_space: Space | None = None
        self._wake = wake
        # What changed since the last push; None stands for "drop everything", which says it all.
        self._changed: dict[bytes, None] | None = {}
        self.has_pushes = False
        self.authenticate(peer.caller)

    @property
    def bound(self) -> View:
        """The view of a session that has a caller, as every command behind the door may assume.

        Raises:
            Unauthenticated: there is no caller.
        """
        if self.view is None:
            raise no_caller()
        return self.view

    @property
    def label(self) -> str:
        """The caller's, for those who ask who holds a lease."""
        return "" if self.caller is None else self.caller.label

    @property
    def origin(self) -> Session | None:
        """Who is not to be told of the changes that this session makes."""
        return self if self.tracking is not None and self.tracking.is_quiet else None

    def authenticate(self, caller: Caller | None) -> None:
        """From now on it is this one who calls.

        Raises:
            BadRequest: its tenant has no room for the namespace; then it is still the former one who calls.
        """
        self._move(caller, self.namespace)

    def enter(self, namespace: str) -> None:
        """From now on commands act on this namespace.

        Raises:
            BadRequest: the name cannot be.
        """
        self._move(self.caller, namespace)

    def speak(self, dialect: Dialect) -> None:
        """From now on in this version of the protocol. The second has no pushes."""
        self.dialect = dialect
        if dialect is RESP2:
            self.track(None)
            self.take_pushes()

    def view_of(self, namespace: bytes | None) -> View:
        """The view of a command that may name a namespace of its own."""
        view = self.bound
        if namespace is None:
            return view
        return self.lane.operations.view(view.caller, namespace.decode("utf-8", "replace"))

    def track(self, tracking: Tracking | None) -> None:
        """Begin, change or end tracking."""
        self.lane.operations.forget(self)
        self.tracking = tracking
        if tracking is not None and tracking.prefixes is not None:
            self.bound.broadcast(self, tracking.prefixes)
        self.settle()

    def knows(self, view: View, key: bytes, *, wrote: bool = False) -> None:
        """The client has seen the key's value, or has written it: if it tracks, it wants to hear of a change.

        Only a client that does not hear of its own writes has to be watched for what it wrote: another one is pushed
        its own change, and drops what it knew.
        """
        tracking = self.tracking
        if tracking is not None and tracking.prefixes is None and (tracking.is_quiet or not wrote):
            view.watch(self, key)

    def know_all(self, keys: Sequence[bytes], *, wrote: bool) -> None:
        """The same for several keys of the session's namespace."""
        for key in keys:
            self.knows(self.bound, key, wrote=wrote)

    def reset(self) -> None:
        """As if the connection were new."""
        self.transaction = None
        self.name = ""
        self.speak(RESP2)
        self._move(self.peer.caller, DEFAULT_NAMESPACE)

    def settle(self) -> None:
        """Decide anew whether the bare path may be taken."""
        caller = self.caller
        self.is_free = caller is not None and USE in caller.roles and caller.rate is None
        is_bare = self.is_free and self.transaction is None and self.tracking is None
        self.bare_space = self.bound.space if is_bare else None

    def push_invalidate(self, keys: list[bytes] | None) -> None:
        """These keys changed; None: everything may have. Part of the Tracker protocol."""
        if keys is None:
            self._changed = None
        elif self._changed is not None:
            self._changed.update(dict.fromkeys(keys))
        if not self.has_pushes:
            self.has_pushes = True
            self._wake()

    def take_pushes(self) -> bytes:
        """What is to be pushed now, in wire form."""
        changed, self._changed = self._changed, {}
        self.has_pushes = False
        return invalidation(changed)

    def close(self) -> None:
        """The connection is gone: its leases go to whoever waits, and it hears no more."""
        self.lane.operations.give_back(self)
        self.lane.operations.forget(self)

    def _move(self, caller: Caller | None, namespace: str) -> None:
        """Bind caller and namespace anew, or neither. What a tracking client knew was of another place."""
        self.view = None if caller is None else self.lane.operations.view(caller, namespace)
        self.caller, self.namespace = caller, namespace
        if self.tracking is None:
            self.settle()
        else:
            self.push_invalidate(None)
            self.track(self.tracking if self.view is not None else None)

    def __repr__(self) -> str:
        who = "nobody" if self.caller is None else self.caller.label
        return f"<Session {self.number} {who} in {self.namespace}, RESP{self.dialect.version}>"
