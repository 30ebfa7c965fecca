"""Token bucket: so many requests a second, and so many at once."""

from __future__ import annotations

__all__ = ["TokenBucket"]


class TokenBucket:
    """A tenant's rate. Time is handed in with each call, so the bucket needs neither clock nor timer.

    A pipeline may ask for more at once than the bucket can ever hold. Refusing it for ever would lock that caller out,
    so it is granted when the bucket is full, and the bucket owes the rest: the long-run rate holds either way.
    """

    __slots__ = ("_at", "_level", "burst", "per_second")

    def __init__(self, per_second: float, burst: float) -> None:
        self.per_second = per_second
        self.burst = max(1.0, burst)
        self._level = self.burst  # may be negative: owed
        self._at: float | None = None  # clock seconds of the last call

    def take(self, n: int, now: float) -> float:
        """Take `n` requests at `now` (clock seconds).

        Returns:
            0.0 when granted; otherwise the seconds after which the same call is granted, and nothing is taken.
        """
        if self._at is not None:
            self._level = min(self.burst, self._level + (now - self._at) * self.per_second)
        self._at = now
        missing = min(n, self.burst) - self._level
        if missing > 0:
            return missing / self.per_second
        self._level -= n
        return 0.0

    def __repr__(self) -> str:
        return f"<TokenBucket {self._level:.1f} of {self.burst:.0f}, {self.per_second:g}/s>"
