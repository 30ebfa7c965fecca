"""The documentation is true: its blocks run as printed, and what exists and what is documented are the same."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from documentation.blocks import Block, blocks_of
from documentation.reader import Reader, matches
from documentation.sidecar import Sidecar
from pannierd.config import Server
from pannierd.config.loading import load

ROOT = Path(__file__).parents[1]
GUIDE = sorted((ROOT / "docs/guide").glob("*.md"))
READMES = [ROOT / "README.md", ROOT / "client/README.md"]
REFERENCE = ROOT / "docs/reference"
PAGES = [*READMES, *GUIDE]
PROSE = [ROOT / "client/README.md", *sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("[del]*/**/*.md"))]

EXECUTED = {"sh", "console", "python", "toml", "yaml"}
READ_ONLY = {"text", "js", "dockerfile"}
# Commands that need more than a page's sidecar, in `shell` blocks, each with the test that holds what can be held here.
ELSEWHERE = {
    "make run": "test_make_run.py",
    "make test": "check",
    "docker build": "deploy/test_image.py",
    "docker run": "deploy/test_image.py",
    "docker compose": "deploy/test_compose.py",
    "curl http://127.0.0.1:8000": "deploy/test_compose.py",
    "kubectl apply": "deploy/test_kubernetes.py",
}


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_block_of_a_page_does_what_the_page_says(page: Path, tmp_path: Path) -> None:
    with Sidecar(tmp_path / "sidecar") as sidecar:
        (tmp_path / "reader").mkdir()
        reader = Reader(tmp_path / "reader", sidecar.ports, sidecar.lane_url)
        for block in blocks_of(page):
            reader.follow(block)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_block_says_its_language(page: Path) -> None:
    """A block that is not executed says so by its language, so that nothing is left out by a slip."""
    assert [
        f"{block}: {block.language}"
        for block in blocks_of(page)
        if block.language not in EXECUTED | READ_ONLY | {"shell"}
    ] == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_command_that_a_page_cannot_execute_is_held_elsewhere(page: Path) -> None:
    lines = [line for block in blocks_of(page) if block.language == "shell" for line in block.text.splitlines()]
    held = {line: [test for command, test in ELSEWHERE.items() if line.startswith(command)] for line in lines}
    assert [line for line, tests in held.items() if not tests or not (ROOT / "tests" / tests[0]).exists()] == []


def test_the_line_for_a_second_sidecar_moves_every_listener() -> None:
    page = (ROOT / "docs/guide/operating.md").read_text(encoding="utf-8")
    (line,) = re.findall("^make run ARGS='(.*)'$", page, re.MULTILINE)
    moved, usual = load(None, {}, line.replace("--set ", "").split()).config.server, Server()
    listeners = [knob for knob in Server.__struct_fields__ if knob.endswith("_address") or knob == "lane_socket"]
    assert len(listeners) == 4
    assert [knob for knob in listeners if getattr(moved, knob) in {getattr(usual, knob), ""}] == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_file_that_a_reader_keeps_is_used_by_a_later_block(page: Path) -> None:
    """Otherwise it would never run."""
    blocks = blocks_of(page)
    kept = [(number, block.file_name.split(".")[0]) for number, block in enumerate(blocks) if block.file_name]
    assert [name for number, name in kept if not any(name in later.text for later in blocks[number + 1 :])] == []


def test_the_reader_sees_a_command_that_fails(tmp_path: Path) -> None:
    reader = Reader(tmp_path, {}, "unix:///nowhere")
    with pytest.raises(AssertionError, match="exit code 3"):
        reader.follow(Block(Path("page.md"), 1, "sh", "exit 3\n"))


def test_the_reader_sees_an_answer_that_differs(tmp_path: Path) -> None:
    reader = Reader(tmp_path, {}, "unix:///nowhere")
    with pytest.raises(AssertionError, match="promises"):
        reader.follow(Block(Path("page.md"), 1, "console", "$ echo one\none\n$ echo two\nthree\n"))


def test_an_ellipsis_stands_for_anything() -> None:
    assert matches("a … c\n", "a b c\n")
    assert not matches("a … c", "a b d")


def test_the_reference_is_what_the_code_says() -> None:
    done = subprocess.run(
        [sys.executable, "docs/generate", "--check"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, f"run `python docs/generate`\n{done.stdout}{done.stderr}"


def test_every_error_code_has_advice() -> None:
    """What to do about it stands in the guide; that it exists, in the reference."""
    advice = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/guide/troubleshooting.md").read_text(), flags=re.MULTILINE)
    known = re.findall(r"^\| `(\w+)` \|", (REFERENCE / "errors.md").read_text(), flags=re.MULTILINE)
    assert sorted(advice) == sorted(known)


@pytest.mark.parametrize("page", PROSE, ids=named)
def test_every_knob_and_metric_that_a_page_names_exists(page: Path) -> None:
    named_here = set(re.findall(r"`([^`\n]+)`", page.read_text(encoding="utf-8")))
    knobs = {name for name in named_here if re.fullmatch(r"(server|limits|cache|logging)\.[a-z_.]+", name)}
    metrics = {name for name in named_here if re.fullmatch(r"pannier_[a-z]+_[a-z_]+", name)}
    assert knobs - documented_knobs() == set()
    assert metrics - set(re.findall(r"`(pannier_\w+)`", (REFERENCE / "metrics.md").read_text())) == set()


def documented_knobs() -> set[str]:
    """By their whole names."""
    sections = re.split(r"^## \[(.*)\]$", (REFERENCE / "configuration.md").read_text(), flags=re.MULTILINE)[1:]
    keys = (
        (name, re.findall(r"^\| `(\w+)`", text, re.MULTILINE)) for name, text in zip(*[iter(sections)] * 2, strict=True)
    )
    return {f"{section}.{key}" for section, names in keys for key in names}


@pytest.mark.parametrize("page", PROSE, ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?://|mailto:)([^)#]*)(#[^)]*)?\)", page.read_text(encoding="utf-8"))
    missing = [target + anchor for target, anchor in targets if not _leads(page, target, anchor)]
    assert missing == []


def _leads(page: Path, target: str, anchor: str) -> bool:
    path = (page.parent / target).resolve() if target else page
    if not path.exists():
        return False
    return not anchor or anchor[1:] in _anchors(path)


def _anchors(page: Path) -> set[str]:
    """The headings of a page as GitHub links to them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
