"""Forks: who holds connections or locks is told, in the child, that they are the parent's, before anything uses them.

So nothing hot has to ask which process it is in. A lock may have been held, at the fork, by a thread that does not
exist in the child; a connection goes on being used by the parent.
"""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet

__all__ = ["Inherited", "watch"]


class Inherited(Protocol):
    """What a child inherits and must not use as it is."""

    def begin_anew(self) -> None:
        """This is another process now, with this one thread: new locks, no connections. Must not wait for a lock."""
        ...


# The one table of this library that is the process's, as the interpreter's list of what to call after a fork is.
_watched: WeakSet[Inherited] = WeakSet()


def watch(inherited: Inherited) -> None:
    """Tell it of forks, for as long as it lives."""
    _watched.add(inherited)


def _tell_all() -> None:
    for inherited in list(_watched):
        inherited.begin_anew()


os.register_at_fork(after_in_child=_tell_all)
