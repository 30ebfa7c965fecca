"""Pattern rules carried out in the background: every key is visited once, and what the rules killed is removed.

One sweep of a namespace serves every rule that was there when it began; those are retired at its end. A rule that
comes later asks for one more sweep. So however many patterns are invalidated, a namespace has one sweep under way and
at most one to come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pannierd.cache.space import Space
    from pannierd.cache.versions import Cause


class _Sweep:
    def __init__(self, space: Space) -> None:
        self.space = space
        self.rules: tuple[Cause, ...] = space.rules.patterns
        self.keys = list(space.entries)


class Sweeps:
    """A tenant's sweeps, one after the other."""

    def __init__(self) -> None:
        self._asked: dict[Space, None] = {}
        self._current: _Sweep | None = None

    def ask(self, space: Space) -> None:
        """This namespace has a new rule."""
        self._asked[space] = None

    def step(self, most: int, now: float) -> bool:
        """Visit up to `most` keys. True when there is more to do."""
        sweep = self._current or self._begin()
        if sweep is None:
            return False
        for key in sweep.keys[-most:]:
            sweep.space.find(key, now)
        del sweep.keys[-most:]
        if not sweep.keys:
            for rule in sweep.rules:
                sweep.space.rules.retire(rule)
            self._current = None
        return bool(self._current or self._asked)

    def _begin(self) -> _Sweep | None:
        for space in self._asked:
            del self._asked[space]
            self._current = _Sweep(space)
            return self._current
        return None

    def __repr__(self) -> str:
        left = 0 if self._current is None else len(self._current.keys)
        return f"<Sweeps {left} keys to visit, {len(self._asked)} namespaces to come>"
