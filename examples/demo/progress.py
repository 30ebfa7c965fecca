"""Progress: one line that is rewritten on a terminal, and a plain line now and then elsewhere."""

from __future__ import annotations

import time
from typing import TextIO

ON_TERMINAL_S = 0.1
ELSEWHERE_S = 2.0


class Progress:
    """Where the demo stands, on one stream."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._every_s = ON_TERMINAL_S if self._is_terminal else ELSEWHERE_S
        self._next = time.monotonic() + self._every_s

    def show(self, text: str) -> None:
        """Tell where we are, unless something was told a moment ago."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + self._every_s
            self._write(text, "" if self._is_terminal else "\n")

    def done(self, text: str) -> None:
        """A step is done; its line stays."""
        self._write(text, "\n")
        self._next = time.monotonic() + self._every_s

    def _write(self, text: str, end: str) -> None:
        begin = "\r\033[K" if self._is_terminal else ""
        self._stream.write(f"{begin}{text}{end}")
        self._stream.flush()
