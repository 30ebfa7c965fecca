"""The page of both command lines, from their own parsers."""

from __future__ import annotations

from argparse import ArgumentParser, HelpFormatter
from functools import partial
from importlib import import_module

from client_commands import client_command_sections
from markdown import page, section, table

from pannier.cli.root import EXIT_CODES
from pannierd.commands import COMMANDS, exits

WIDTH = 100

INTRODUCTION = """\
The daemon's commands, then those of the client, which come with `pip install 'pannier[cli]'`. `--help` says the
same."""


CLIENT_EXIT_CODES = [(str(code), meaning) for code, meaning in EXIT_CODES.items()]


def command_line_page() -> str:
    """Every command with its options, and what the exit codes mean."""
    commands = (section(f"pannierd {name}", f"```text\n{_help(name)}```") for name in COMMANDS)
    codes = table(("exit code", "meaning"), _exit_codes())
    clients = section("Exit codes of pannier", table(("exit code", "meaning"), CLIENT_EXIT_CODES))
    return page(
        "Command line",
        INTRODUCTION,
        *commands,
        section("Exit codes of pannierd", codes),
        *client_command_sections(),
        clients,
    )


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
