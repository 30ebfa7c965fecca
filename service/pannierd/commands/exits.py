"""Exit codes: what each of them means is part of the command line's contract.

0    done; also after SIGTERM, since to be asked to end is no failure
1    the answer is no: check-config found mistakes, wait ran out of time, drain was refused
2    the command line cannot be understood
69   cannot start: an address is taken, a socket belongs to somebody else (EX_UNAVAILABLE)
78   the configuration cannot be used (EX_CONFIG)
126  `run`: the command cannot be executed; 127: there is no such command; 128 + n: signal n ended it
128 + n  a second SIGTERM or SIGINT cut the draining short; SIGINT ended another command
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

__all__ = ["SIGNAL_EXIT", "Exit", "Failure"]

SIGNAL_EXIT: Final = 128  # plus the signal's number


class Exit(IntEnum):
    """The codes that are not a command's own or a signal's."""

    DONE = 0
    NO = 1
    USAGE = 2
    CANNOT_START = 69
    BAD_CONFIG = 78
    NOT_EXECUTABLE = 126
    NO_SUCH_COMMAND = 127


class Failure(Exception):
    """Ends the command: each line goes to standard error, then the process ends with the code."""

    def __init__(self, code: Exit, *lines: str) -> None:
        super().__init__("; ".join(lines))
        self.code = code
        self.lines = lines
