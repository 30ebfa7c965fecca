"""Lifecycle: what the web lane asks of the daemon that it is a part of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Lifecycle"]


class Lifecycle(Protocol):
    """The daemon's life, as `app` knows it and the tests' double plays it."""

    @property
    def is_live(self) -> bool:
        """Whether the event loop turns as it should."""

    @property
    def is_serving(self) -> bool:
        """Whether every listener is open. Stays true while the daemon drains."""

    @property
    def is_draining(self) -> bool:
        """Whether the daemon is about to end."""

    def request_drain(self) -> None:
        """Begin to end, as SIGTERM does; Conflict when it is not for a caller to say."""

    def reload(self) -> bool:
        """Read tokens again, as SIGHUP does; False when something could not be taken over and the former one stays."""

    def status(self) -> Mapping[str, Any]:
        """What the daemon is and how it does, as JSON types."""

    def config_report(self) -> Mapping[str, Any]:
        """The configuration in force and where each value came from, without secrets."""
