"""The daemon's command line: one module a command, imported only when it is asked for, so that `version` is instant."""

from __future__ import annotations

from typing import Final

__all__ = ["COMMANDS"]

# Name and help of every command. The module of the same name has `arguments(parser)` and `run(options) -> int`.
COMMANDS: Final = {
    "serve": "serve until asked to end",
    "run": "start the sidecar and a command that uses it, and end with the command",
    "check-config": "show the effective configuration and where each value came from",
    "wait": "wait until a sidecar serves",
    "drain": "ask a sidecar to finish what is in flight and end",
    "version": "print the version",
}
