"""What a log line looks like, and what never stands in it."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from pannierd.config import Logging
from pannierd.telemetry.logs import configure


class Page(io.StringIO):
    def entries(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture
def page() -> Page:
    return Page()


@pytest.fixture(autouse=True)
def libraries_log_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_line_is_json_with_time_level_and_what_is_bound(page: Page) -> None:
    log = configure(Logging(), page, isatty=False).bind(part="lane")
    log.info("started", listeners=["127.0.0.1:7480"])
    (entry,) = page.entries()
    assert entry.pop("timestamp").endswith("Z")
    assert entry == {
        "event": "started",
        "level": "info",
        "part": "lane",
        "listeners": ["127.0.0.1:7480"],
    }


def test_below_the_level_nothing_is_written(page: Page) -> None:
    log = configure(Logging(level="warning"), page, isatty=False)
    log.info("not this")
    logging.getLogger("aiohttp.server").info("nor this")
    log.warning("but this")
    assert [entry["event"] for entry in page.entries()] == ["but this"]


def test_a_terminal_gets_a_readable_form(page: Page) -> None:
    configure(Logging(), page, isatty=True).info("started", uptime_ms=12)
    line = page.getvalue()
    assert "started" in line
    assert "uptime_ms" in line
    assert "\x1b[" in line, "in colours"
    assert not line.startswith("{")


@pytest.mark.parametrize(("form", "isatty"), [("json", True), ("console", False)])
def test_a_form_that_is_asked_for_wins_over_the_terminal(page: Page, form: Any, *, isatty: bool) -> None:
    configure(Logging(format=form), page, isatty=isatty).info("started")
    assert page.getvalue().startswith("{") == (form == "json")


def test_what_libraries_log_comes_out_in_our_form(page: Page) -> None:
    configure(Logging(), page, isatty=False)
    logging.getLogger("aiohttp.server").error("Error handling %s", "request")
    (entry,) = page.entries()
    assert (entry["event"], entry["logger"], entry["level"]) == ("Error handling request", "aiohttp.server", "error")


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("from_library", [False, True])
def test_an_exception_is_told_by_type_and_place_only(page: Page, form: Any, *, from_library: bool) -> None:
    log = configure(Logging(format=form), page, isatty=False)
    try:
        int("canary")
    except ValueError:
        if from_library:
            logging.getLogger("asyncio").exception("failed")
        else:
            log.exception("failed")
    assert "ValueError" in page.getvalue()
    assert "test_logs.py" in page.getvalue()
    assert "canary" not in page.getvalue()


def test_a_field_that_names_a_secret_is_hidden(page: Page) -> None:
    log = configure(Logging(), page, isatty=False)
    log.info("called", token="canary", authorization="Bearer canary", value=b"canary", key="kept")
    assert "canary" not in page.getvalue()
    assert page.entries()[0]["key"] == "kept"


def test_what_json_does_not_know_is_written_by_its_repr(page: Page) -> None:
    configure(Logging(), page, isatty=False).info("odd", numbers={1: {2}}, raw=b"\xff")
    (entry,) = page.entries()
    assert entry["numbers"] == {"1": "{2}"}
    assert entry["raw"] == "b'\\xff'"


def test_a_reader_that_went_away_costs_lines_and_nothing_else(page: Page) -> None:
    log = configure(Logging(), page, isatty=False)
    page.close()
    log.info("nobody reads this")
    with pytest.raises(ValueError, match="closed"):
        page.getvalue()
