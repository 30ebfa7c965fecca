"""Tables and pages in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def page(title: str, introduction: str, *sections: str) -> str:
    """A page that says that it is generated."""
    notice = "<!-- Generated from the code by `python docs/generate`: change the code, not this page. -->"
    return "\n\n".join([notice, f"# {title}", introduction, *sections]) + "\n"


def section(title: str, *parts: str) -> str:
    """A section with a heading; empty parts are left out."""
    return "\n\n".join([f"## {title}", *filter(None, parts)])


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; what stands in a cell cannot break it."""
    lines = [" | ".join(heads), " | ".join("---" for _ in heads)]
    lines += (" | ".join(_cell(cell) for cell in row) for row in rows)
    return "\n".join(f"| {line} |" for line in lines)


def code(text: object) -> str:
    """Text in a monospaced font; nothing stays nothing."""
    return f"`{text}`" if text != "" else ""


def first_sentence(docstring: str | None) -> str:
    """What a docstring says first."""
    return " ".join((docstring or "").split("\n\n", maxsplit=1)[0].split())


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
