"""The sections of the client's command line, from its own parsers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from markdown import section

from pannier.cli.root import pannier

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDTH = 100


def client_command_sections() -> Iterator[str]:
    """Every command of `pannier` with its options, those of the group first."""
    return _sections(pannier, click.Context(pannier, info_name="pannier"))


def _sections(command: click.Command, context: click.Context) -> Iterator[str]:
    context.terminal_width = WIDTH
    context.max_content_width = WIDTH
    yield section(context.command_path, f"```text\n{command.get_help(context)}\n```")
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from _sections(inner, click.Context(inner, info_name=name, parent=context))
