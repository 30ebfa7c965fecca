"""The near-cache: values kept in the application's own process, and dropped when the sidecar pushes that they changed.

What keeps it honest:
- Values enter only from replies on the one connection that the sidecar pushes to (the feed), so replies and pushes
  about a key arrive in the order in which they happened.
- A fetch leaves a ticket before it is sent. A push, or a write of this process, for a key whose fetch is on its way
  marks the ticket dead, and what the fetch brings is not kept: the reply may be older than the change.
- A hit needs proof that no push is waiting unread: the feed was drained within 100 ms and heard from within a second.
  The proof is a time, `valid_until`, so a hit costs one look at the clock; when it has passed, the feed is asked.
- When the feed is lost, everything here is doubtful. Doubtful values are no hits; they answer only callers that asked
  for stale values while the sidecar is away, and they go when there is a new feed.

The place of a value is its namespace, a NUL and its key in one bytes. A push names the key alone, so it drops the key
in every namespace. Eviction is CLOCK: oldest first, but what was hit since gets another round.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Protocol

from pannier._values import NOT_FOUND, Undecodable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pannier._config import NearCacheOptions
    from pannier._values import Codec

__all__ = ["DRAIN_EVERY", "SILENCE_LIMIT", "Feed", "NearCache", "NearEntry", "Ticket"]

DRAIN_EVERY = 0.05  # seconds; promise P10 allows twice that, and so keeps its word when the machine is busy
SILENCE_LIMIT = 1.0  # seconds; promise P10
_OVERHEAD_BYTES = 300  # an entry, its place and its slots in two tables, measured with sys.getsizeof
_MAX_PREFIXES = 1_000  # namespaces: a push names none, so it is looked up in each
_STALE_SECONDS = 600.0  # how long after its life a value may answer while the sidecar is away


class Feed(Protocol):
    """The connection that brings values and pushes."""

    def valid_until(self, now: float) -> float:
        """Until when the near-cache may trust that no push is waiting unread; not later than `now` when it may be."""
        ...


class NearEntry:
    """One value, as it came; and once decoded for all when it cannot be changed."""

    __slots__ = ("content_type", "data", "fresh_until", "known", "used")

    def __init__(self, data: bytes, content_type: bytes, fresh_until: float) -> None:
        """Hold what a reply brought, until a time of the client's clock."""
        self.data = data
        self.content_type = content_type
        self.fresh_until = fresh_until
        # Hit since it was last in line for eviction.
        self.used = False
        # The codec that decoded it before, with the value for all or, where there is none, the shorter way to decode
        # it again. One tuple, replaced as a whole: threads with different codecs may meet here.
        self.known: tuple[Any, Any, Any] = (None, None, None)

    @classmethod
    def of(cls, reply: Any, asked_at: float) -> NearEntry | None:
        """What the answer to a fetch allows to keep: a value that is fresh, counted from when it was asked for."""
        if type(reply) is not list or reply[0] != b"hit":
            return None
        return cls(reply[1], reply[4], asked_at + reply[3] / 1_000)

    def decoded(self, codec: Codec[Any]) -> Any:
        """The value for one caller, or for all when it cannot be changed; NOT_FOUND when it is of another type."""
        try:
            value = codec.decode(self.data, self.content_type)
        except Undecodable:
            return NOT_FOUND
        if codec.shareable:
            self.known = (codec, value, None)
        elif codec.again is not None:
            self.known = (codec, None, codec.again)
        return value


class Ticket:
    """A fetch on its way. Dead: what it brings may be older than a change that was heard of meanwhile."""

    __slots__ = ("dead", "key", "sharers")

    def __init__(self, key: bytes) -> None:
        """Begin alive, for one fetch."""
        self.key = key
        self.dead = False
        self.sharers = 1


class NearCache:
    """Values of one client. Looking up takes no lock; whatever changes the accounts does."""

    def __init__(self, options: NearCacheOptions, clock: Callable[[], float]) -> None:
        """Begin empty, without a feed."""
        self._options = options
        self._clock = clock
        self._lock = threading.Lock()
        self._prefixes: set[bytes] = set()
        self._entries: dict[bytes, NearEntry] = {}
        self._doubtful: dict[bytes, NearEntry] = {}
        self._tickets: dict[bytes, Ticket] = {}
        self._feed: Feed | None = None
        self._valid_until = 0.0
        self.used_bytes = 0

    def value(self, place: bytes, codec: Codec[Any]) -> Any:
        """The value, if it is fresh and provably not pushed away, or NOT_FOUND. Hot: F4 guards it."""
        entry = self._entries.get(place)
        if entry is None:
            return NOT_FOUND
        now = self._clock()
        if now >= entry.fresh_until or (now >= self._valid_until and not self._holds(place, entry, now)):
            return NOT_FOUND
        entry.used = True
        known, value, again = entry.known
        if known is not codec:
            return entry.decoded(codec)
        return value if again is None else again(entry.data)

    @property
    def is_fed(self) -> bool:
        """There is a feed."""
        return self._feed is not None

    def is_fed_by(self, feed: object) -> bool:
        """This is the feed, so what it brings may be kept."""
        return feed is self._feed

    def last_known(self, place: bytes) -> NearEntry | None:
        """The last value heard of, fresh or not: for callers that rather have an old one than none."""
        entry = self._entries.get(place) or self._doubtful.get(place)
        return entry if entry and self._clock() < entry.fresh_until + _STALE_SECONDS else None

    def _holds(self, place: bytes, entry: NearEntry, now: float) -> bool:
        """Ask the feed; what it brings may be the end of this very entry."""
        feed = self._feed
        if feed is None:
            return False
        until = feed.valid_until(now)
        with self._lock:
            if feed is self._feed:
                self._valid_until = until
        return now < until and feed is self._feed and self._entries.get(place) is entry

    def begin_anew(self) -> None:
        """This is another process now: forget everything, and the lock."""
        self._lock = threading.Lock()
        self._feed = None
        self._valid_until = 0.0
        self.drop_all()

    def attach(self, feed: Feed) -> None:
        """Begin anew with this feed."""
        with self._lock:
            self._feed = feed
            self._valid_until = 0.0
            self._forget_all()
            self._doubtful = {}

    def detach(self, feed: Feed) -> None:
        """This feed is lost: everything that came by it is doubtful."""
        with self._lock:
            if feed is not self._feed:
                return
            self._feed = None
            self._valid_until = 0.0
            doubtful = self._entries
            self._forget_all()
            self._doubtful = doubtful

    def expect(self, prefix: bytes, key: bytes) -> Ticket:
        """A fetch of this key is about to be sent on the feed."""
        with self._lock:
            if prefix not in self._prefixes:
                self._add_prefix(prefix)
            ticket = self._tickets.get(key)
            if ticket is None:
                ticket = self._tickets[key] = Ticket(key)
            else:
                ticket.sharers += 1
            return ticket

    def settle(self, ticket: Ticket, place: bytes, entry: NearEntry | None) -> None:
        """The fetch is over; keep what it brought, unless the ticket died."""
        with self._lock:
            ticket.sharers -= 1
            if not ticket.sharers and self._tickets.get(ticket.key) is ticket:
                del self._tickets[ticket.key]
            if entry is None or ticket.dead or self._feed is None:
                return
            entry.fresh_until = min(entry.fresh_until, self._clock() + self._options.max_ttl)
            self._remove(place)
            self._entries[place] = entry
            self.used_bytes += _cost(place, entry)
            if self.used_bytes > self._options.max_bytes:
                self._evict()

    def drop(self, key: bytes) -> None:
        """The key changed: forget it in every namespace, and let no fetch on its way bring it back."""
        with self._lock:
            ticket = self._tickets.pop(key, None)
            if ticket:
                ticket.dead = True
            for prefix in self._prefixes:
                self._remove(prefix + key)
                self._doubtful.pop(prefix + key, None)

    def drop_all(self) -> None:
        """Anything may have changed."""
        with self._lock:
            self._forget_all()
            self._doubtful = {}

    def pushed(self, keys: Iterable[bytes] | None) -> None:
        """The sidecar says that these keys changed; none: that anything may have."""
        if keys is None:
            self.drop_all()
            return
        for key in keys:
            self.drop(key)

    def _add_prefix(self, prefix: bytes) -> None:
        if len(self._prefixes) >= _MAX_PREFIXES:
            self._forget_all()
            self._doubtful = {}
            self._prefixes.clear()
        self._prefixes.add(prefix)

    def _forget_all(self) -> None:
        for ticket in self._tickets.values():
            ticket.dead = True
        self._tickets = {}
        self._entries = {}
        self.used_bytes = 0

    def _remove(self, place: bytes) -> None:
        entry = self._entries.pop(place, None)
        if entry is not None:
            self.used_bytes -= _cost(place, entry)

    def _evict(self) -> None:
        while self.used_bytes > self._options.max_bytes:
            place, entry = next(iter(self._entries.items()))
            if entry.used:
                entry.used = False
                self._entries[place] = self._entries.pop(place)
            else:
                self._remove(place)

    def __repr__(self) -> str:
        """How much it holds, and whether it is fed."""
        state = "fed" if self._feed else "not fed"
        return f"<NearCache {len(self._entries)} entries, {self.used_bytes} bytes, {state}>"


def _cost(place: bytes, entry: NearEntry) -> int:
    return len(place) + len(entry.data) + _OVERHEAD_BYTES
