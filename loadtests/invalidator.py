"""A process that changes keys at a given rate until its standard input ends: F4's other process.

python loadtests/invalidator.py unix:///run/pannier/lane.sock CHANGES_FILE invalidate 100
"""

from __future__ import annotations

import itertools
import select
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pannier
from changes import CHANGES, KEYS, Changes

if TYPE_CHECKING:
    from collections.abc import Callable

PADDING: Final = b" " * 84


def key_of(number: int) -> str:
    return f"user:{number}"


def value_of(change: int) -> bytes:
    """100 bytes that tell of which change they are."""
    return b"%016d" % change + PADDING


def change(tell: Callable[[int, int], object], changes: Changes, rate: float) -> None:
    """Change one key after the other, evenly, and have the caches told."""
    started = time.monotonic()
    for number in itertools.islice(itertools.count(1), CHANGES - 1):
        wait = started + number / rate - time.monotonic()
        if select.select([sys.stdin], [], [], max(wait, 0))[0]:
            return
        key = number * 7 % KEYS
        changes.begin(number, key)
        tell(key, number)
        changes.acknowledged(number, time.monotonic_ns())


def main() -> None:
    url, file, manner, rate = sys.argv[1:]
    with pannier.Client(url) as client:
        cache = client.cache("default")
        manners: dict[str, Callable[[int, int], object]] = {
            "invalidate": lambda key, _: cache.invalidate(keys=[key_of(key)]),
            "set": lambda key, number: cache.set(key_of(key), value_of(number)),
        }
        change(manners[manner], Changes(Path(file)), float(rate))


if __name__ == "__main__":
    main()
