"""The house rules that no linter knows: how large a thing may grow, its name, and how rarely a rule is waived."""

import ast
import re
import statistics
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import pannierd

ROOT = Path(__file__).resolve().parents[1]
LIBRARIES = [ROOT / "service" / "pannierd", ROOT / "client" / "pannier"]
MODULES = sorted(path for library in LIBRARIES for path in library.rglob("*.py"))

NAMES_THAT_FIT_ANYTHING = {"base", "common", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}
WAIVER = re.compile(r"# (noqa|type: ignore)\b")
EXPLAINED = re.compile(r"# (noqa: [A-Z]+\d+(, ?[A-Z]+\d+)*|type: ignore\[[\w, -]+\]) +[-#] \w+")


def lines_of(module: Path) -> int:
    return len(module.read_text().splitlines())


# Longer than the house's measure, each for its reason. Nothing else is.
LONG_MODULES = {
    "client/pannier/_protocol.py": "the steps of a call are one conversation, told once for sync and async",
}


def share_within(limit: int, sizes: list[int]) -> float:
    return sum(size <= limit for size in sizes) / len(sizes)


def function_sizes() -> Iterator[tuple[str, int]]:
    """Every function of both libraries with its lines, docstring and signature included, decorators not."""
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{module.relative_to(ROOT)}:{node.name}", (node.end_lineno or 0) - node.lineno + 1


def test_a_module_is_short() -> None:
    sizes = {str(module.relative_to(ROOT)): lines_of(module) for module in MODULES}
    assert {name for name, size in sizes.items() if size > 300} == set(LONG_MODULES)
    assert max(sizes.values()) <= 400


def test_a_function_is_short() -> None:
    sizes = dict(function_sizes())
    assert {name: size for name, size in sizes.items() if size > 60} == {}
    assert share_within(30, list(sizes.values())) >= 0.9
    assert statistics.median(sizes.values()) <= 10


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(ROOT)))
def test_a_module_is_named_for_what_it_holds_and_says_what_that_is(module: Path) -> None:
    assert not NAMES_THAT_FIT_ANYTHING & {part.strip("_") for part in [module.stem, module.parent.name]}
    assert ast.get_docstring(ast.parse(module.read_text()))


def test_a_rule_is_waived_rarely_by_name_and_with_a_reason() -> None:
    lines = [f"{module.relative_to(ROOT)}: {line}" for module in MODULES for line in module.read_text().splitlines()]
    waivers = [line for line in lines if WAIVER.search(line)]
    assert [line for line in waivers if not EXPLAINED.search(line)] == []
    assert len(waivers) <= len(lines) / 100


def test_the_two_distributions_move_together() -> None:
    service, client = (
        tomllib.loads((folder / "pyproject.toml").read_text())["project"] for folder in [ROOT, ROOT / "client"]
    )
    assert service["version"] == client["version"] == pannierd.__version__
    assert service["requires-python"] == client["requires-python"]
    assert (ROOT / "LICENSE").read_bytes() == (ROOT / "client" / "LICENSE").read_bytes()
