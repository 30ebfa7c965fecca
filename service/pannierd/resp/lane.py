"""The lane: what all its connections share. Its listeners are made here, one for each place that clients come from."""

from __future__ import annotations

import time
from itertools import count
from typing import TYPE_CHECKING

from pannierd.resp.bare import BarePath
from pannierd.resp.commands.table import full_table
from pannierd.resp.dispatch import Dispatch
from pannierd.resp.listeners import TcpListener, UnixListener
from pannierd.resp.protocol import Commands, plain_chunks
from pannierd.resp.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from structlog.typing import FilteringBoundLogger

    from pannierd.config import Limits
    from pannierd.config.address import Address
    from pannierd.operations.cache import CacheOperations
    from pannierd.resp.session import Session
    from pannierd.telemetry.metrics import Metrics
    from pannierd.tenancy import Tenants


class Lane:
    """The parts that sessions and commands work with.

    Attributes:
        sessions: the open ones, by number.
        started_at: clock seconds.
        bare: the path that most reads take.
    """

    def __init__(
        self,
        operations: CacheOperations,
        tenants: Tenants,
        metrics: Metrics,
        limits: Limits,
        clock: Callable[[], float],
        log: FilteringBoundLogger,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.operations = operations
        self.tenants = tenants
        self.metrics = metrics
        self.limits = limits
        self.clock = clock
        self.wall_clock = wall_clock
        self.log = log
        self.started_at = clock()
        self.sessions: dict[int, Session] = {}
        self.dispatch = Dispatch(full_table(), metrics, log)
        self.is_plain = plain_chunks(limits.max_lane_arguments, limits.max_lane_command_bytes)
        self.bare = BarePath(metrics, clock)
        self._numbers = count(1)

    def tcp(self, address: Address) -> TcpListener:
        """A listener on a TCP address."""
        return TcpListener(self, address)

    def unix(self, path: Path, mode: int, group: str) -> UnixListener:
        """A listener on a Unix socket.

        Args:
            path: of the socket file.
            mode: of the socket file, such as 0o660.
            group: of the socket file; "" leaves it.
        """
        return UnixListener(self, path, mode, group)

    def next_number(self) -> int:
        """A connection's number, never given twice."""
        return next(self._numbers)

    def parser(self) -> Commands:
        """The exact parser for one connection."""
        return Commands(self.limits.max_lane_arguments, self.limits.max_lane_command_bytes)

    def check_reply_size(self, parts: Sequence[bytes]) -> None:
        """Asked before parts are joined: the bytes of a reply exist once for all readers, until they are copied.

        Raises:
            Refusal: the reply would be larger than a connection may leave unread.
        """
        most = self.limits.max_lane_output_bytes
        if sum(map(len, parts)) > most:
            raise Refusal(f"ERR the reply is larger than max_lane_output_bytes, {most}: ask for less at once")

    def __repr__(self) -> str:
        return f"<Lane {len(self.sessions)} sessions, {self.dispatch.table!r}>"
