"""Time and randomness, handed in, so that a test decides them."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable  # noqa: TC003 - the struct needs it at run time

from msgspec import Struct


class World(Struct, frozen=True):
    """What the engine cannot compute itself.

    Attributes:
        clock: monotonic seconds; every life is measured by it.
        wall_clock: seconds since the epoch, only for what people read.
        draw: a random number from 0 to 1.
        new_lease: an unguessable token.
    """

    clock: Callable[[], float] = time.monotonic
    wall_clock: Callable[[], float] = time.time
    draw: Callable[[], float] = random.random
    new_lease: Callable[[], str] = lambda: secrets.token_hex(12)
