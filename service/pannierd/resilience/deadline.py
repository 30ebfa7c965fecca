"""One deadline per request, handed down: time-outs add up, a budget does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Deadline"]

# What an answer may need on its way to a caller: milliseconds at least, and a part of the time that the caller has.
LEAST_WAY_MS: Final = 2.0
WAY_SHARE: Final = 0.05


class Deadline:
    """The moment by which a call must have its answer, on a monotonic clock."""

    __slots__ = ("_at", "_clock")

    def __init__(self, at: float, clock: Callable[[], float]) -> None:
        self._at = at  # clock seconds
        self._clock = clock

    @classmethod
    def after(cls, ms: float, clock: Callable[[], float]) -> Deadline:
        """The deadline `ms` milliseconds from now."""
        return cls(clock() + ms / 1000, clock)

    @classmethod
    def ahead_of(cls, ms: float, clock: Callable[[], float]) -> Deadline:
        """For a caller that gives up in `ms` milliseconds: so much earlier that the answer is there by then."""
        return cls.after(ms - min(max(LEAST_WAY_MS, ms * WAY_SHARE), ms / 2), clock)

    def left_ms(self) -> float:
        """Milliseconds that are left; 0.0 once the deadline has passed."""
        return max(0.0, (self._at - self._clock()) * 1000)

    def __repr__(self) -> str:
        return f"<Deadline {self.left_ms():.0f} ms left>"
