"""Logs: JSON lines for machines, a readable form on a terminal, and no secrets or values in either.

A line about a call names it: request_id over HTTP, client_id on the lane, tenant, and trace_id if it has one.
"""

from __future__ import annotations

import logging
import sys
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TextIO, cast

import orjson
import structlog

if TYPE_CHECKING:
    from types import TracebackType

    from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

    from pannierd.config import Logging

__all__ = ["configure"]

# Nobody should log these. If somebody does, the line says so and the secret stays where it is.
HIDDEN_FIELDS: Final = frozenset({"authorization", "body", "dsn", "password", "secret", "token", "value"})
LEADING_FIELDS: Final = ("timestamp", "level", "event")  # where an eye looks first
FRAMES: Final = 20  # of a traceback, the innermost


def configure(knobs: Logging, stream: TextIO, *, isatty: bool) -> FilteringBoundLogger:
    """The logger of the process, writing to `stream`. What libraries log by `logging` comes out of it as well."""
    readable = knobs.format == "console" or (knobs.format == "auto" and isatty)
    log = cast(
        "FilteringBoundLogger",
        structlog.wrap_logger(
            _Sink(stream),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                _hide,
                _describe_exception,
                *(_readable(colors=isatty) if readable else [_json_line]),
            ],
            wrapper_class=structlog.make_filtering_bound_logger(knobs.level),
            context_class=dict,
        ),
    )
    logging.basicConfig(handlers=[_FromLibraries(log)], level=max(logging.INFO, _number(knobs.level)), force=True)
    return log


class _Sink:
    """Where lines go. A reader that went away costs lines, never a request."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def msg(self, line: str) -> None:
        with suppress(OSError, ValueError):  # ValueError: the stream is closed
            self._stream.write(f"{line}\n")
            self._stream.flush()

    debug = info = warning = error = critical = exception = msg


class _FromLibraries(logging.Handler):
    """Takes what aiohttp and asyncio log and writes it in our form."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log.log(record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info)


def _number(level: str) -> int:
    return logging.getLevelNamesMapping()[level.upper()]


def _hide(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for field in HIDDEN_FIELDS.intersection(event):
        event[field] = "(hidden)"
    return event


def _describe_exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Type and places only: the text of a foreign exception may quote the value that it stumbled over."""
    given = event.pop("exc_info", None)
    if given is True:
        given = sys.exception()
    error = given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event["error"] = type(error).__qualname__
        event["at"] = _places(error.__traceback__)
    return event


def _places(trace: TracebackType | None) -> list[str]:
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace, -FRAMES)]


def _json_line(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    ordered = {name: event.pop(name) for name in LEADING_FIELDS if name in event}
    return orjson.dumps({**ordered, **event}, default=repr, option=orjson.OPT_NON_STR_KEYS).decode()


def _readable(*, colors: bool) -> list[Processor]:
    return [_places_as_lines, structlog.dev.ConsoleRenderer(colors=colors)]


def _places_as_lines(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    if "at" in event:
        event["exception"] = "\n".join(f"  {place}" for place in event.pop("at"))
    return event
