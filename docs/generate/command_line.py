"""The page of the daemon's command line, from its own parsers."""

from __future__ import annotations

from argparse import ArgumentParser, HelpFormatter
from functools import partial
from importlib import import_module

from markdown import page, section, table

from pannierd.commands import COMMANDS, exits

WIDTH = 100

INTRODUCTION = "The daemon's commands. `pannierd COMMAND --help` says the same."


def command_line_page() -> str:
    """Every command with its options, and what the exit codes mean."""
    commands = (section(f"pannierd {name}", f"```text\n{_help(name)}```") for name in COMMANDS)
    codes = table(("exit code", "meaning"), _exit_codes())
    return page("Command line", INTRODUCTION, *commands, section("Exit codes", codes))


def _help(command: str) -> str:
    parser = ArgumentParser(
        prog=f"pannierd {command}",
        description=COMMANDS[command],
        formatter_class=partial(HelpFormatter, width=WIDTH, max_help_position=32),
    )
    import_module(f"pannierd.commands.{command.replace('-', '_')}").arguments(parser)
    return parser.format_help()


def _exit_codes() -> list[tuple[str, str]]:
    """The table in the docstring of the module that defines them: a code, at least two blanks, a meaning."""
    lines = (exits.__doc__ or "").splitlines()
    return [(code.strip(), meaning.strip()) for code, gap, meaning in (line.partition("  ") for line in lines) if gap]
