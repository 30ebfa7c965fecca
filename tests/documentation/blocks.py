"""The fenced blocks of a Markdown page, in order, each with the place where a reader finds it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        page: the file it stands in.
        line: of its fence, counted from 1.
        language: what stands behind the fence.
    """

    page: Path
    line: int
    language: str
    text: str

    @property
    def file_name(self) -> str:
        """The name in a first line like `# app.py`, under which the reader is to keep the block; "" for none."""
        found = re.match(r"# ([\w.-]+\.\w+)\n", self.text)
        return found[1] if found else ""

    @property
    def exchanges(self) -> Iterator[tuple[str, str]]:
        """Of a console block: what is typed after `$ ` (and `> `), and what is answered."""
        for part in re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]:
            typed, _, answer = re.sub(r"\n> ", "\0", part).partition("\n")
            yield typed.replace("\0", "\n"), answer

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    """Every block of a page."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, found.start()) + 1, found[2], unindented(found))
        for found in FENCE.finditer(text)
    ]


def unindented(fence: re.Match[str]) -> str:
    """A block that stands in a list is indented as its fence is."""
    return re.sub(f"^{fence[1]}", "", fence[3], flags=re.MULTILINE)
