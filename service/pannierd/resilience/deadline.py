"""One deadline per request, handed down: time-outs add up, a budget does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Deadline"]


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

    def left_ms(self) -> float:
        """Milliseconds that are left; 0.0 once the deadline has passed."""
        return max(0.0, (self._at - self._clock()) * 1000)

    @property
    def passed(self) -> bool:
        """Whether the time is over."""
        return self._clock() >= self._at

    def __repr__(self) -> str:
        return f"<Deadline {self.left_ms():.0f} ms left>"
