"""The reference pages, made from the code: `python docs/generate` writes them, `--check` says which are out of date."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from client_api import client_page
from command_line import command_line_page
from configuration import configuration_page
from error_codes import error_page
from http_api import http_page
from metric_names import metrics_page
from sidecar import observed

from lane import lane_page

REFERENCE = Path(__file__).parents[1] / "reference"


def pages() -> dict[str, str]:
    """Every page by its name."""
    openapi, metrics = asyncio.run(observed())
    return {
        "configuration.md": configuration_page(),
        "http.md": http_page(openapi),
        "lane.md": lane_page(),
        "client.md": client_page(),
        "metrics.md": metrics_page(metrics),
        "errors.md": error_page(),
        "command-line.md": command_line_page(),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Make the reference pages from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a page is out of date")
    check = parser.parse_args().check
    stale = [name for name, text in pages().items() if _differs(REFERENCE / name, text, write=not check)]
    for name in stale:
        sys.stdout.write(f"{'out of date' if check else 'written'}: docs/reference/{name}\n")
    return int(check and bool(stale))


def _differs(path: Path, text: str, *, write: bool) -> bool:
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    if write:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return True


if __name__ == "__main__":
    sys.exit(main())
