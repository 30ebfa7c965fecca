"""What is wrong with a configuration: every mistake at once, each with its place, for a person at a terminal."""

from __future__ import annotations

__all__ = ["ConfigError"]


class ConfigError(Exception):
    """The configuration cannot be used. `mistakes` has one line each: the place, then what was expected there."""

    def __init__(self, *mistakes: str) -> None:
        super().__init__("; ".join(mistakes))
        self.mistakes = mistakes
