"""What a script hands in: every side that it measured, the targets, and whether each of them is reached.

A report is printed for people and kept as JSON, with what somebody needs who wants to take the figure again.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from measurement import median

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["MISSED", "Figure", "Row", "Target", "at_least", "at_most", "run"]

HERE: Final = Path(__file__).resolve().parent
PACKAGES: Final = ("pannierd", "pannier", "aiohttp", "uvloop", "hiredis", "redis", "libcachesim")
MISSED: Final = 3  # exit status; 1 is a script that failed
BUSY: Final = 0.25  # load average of one core before the first measurement


@dataclass(frozen=True)
class Row:
    """One thing that was measured, with the numbers of every round for each side."""

    what: str
    unit: str
    sides: Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Target:
    """What the figure asks for."""

    what: str
    measured: float
    relation: str
    limit: float

    @property
    def reached(self) -> bool:
        return self.measured >= self.limit if self.relation == "at least" else self.measured <= self.limit


@dataclass
class Figure:
    """A figure with what was measured for it.

    Attributes:
        about: the script's docstring; its first line is the number and the title of the figure.
        programs: versions of the programs beside Python's packages.
    """

    about: str
    rows: list[Row] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    programs: dict[str, str] = field(default_factory=dict)

    @property
    def number(self) -> str:
        return self.about.partition(":")[0]

    @property
    def title(self) -> str:
        return self.about.partition("\n")[0].partition(": ")[2].rstrip(".")

    @property
    def reached(self) -> bool:
        return all(target.reached for target in self.targets)


def at_least(what: str, measured: float, limit: float) -> Target:
    return Target(what, measured, "at least", limit)


def at_most(what: str, measured: float, limit: float) -> Target:
    return Target(what, measured, "at most", limit)


def run(measure: Callable[..., Figure], description: str) -> None:
    """The main function of a script. `measure(quick=...)` is told whether to measure too little, fast.

    Exits with 0 when every target is reached, with 3 when one is missed; after `--quick` with 0.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="show that the script works; its numbers mean nothing")
    parser.add_argument("--results", type=Path, help="folder for the JSON (results/ beside the script, unless quick)")
    options = parser.parse_args()
    before = os.getloadavg()[0]
    figure = measure(quick=options.quick)
    print("\n".join(_lines(figure, before, quick=options.quick)))
    folder = options.results or (None if options.quick else HERE / "results")
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        kept = json.dumps(_as_json(figure, before, quick=options.quick), indent=2)
        (folder / f"{Path(sys.argv[0]).stem.partition('_')[0]}.json").write_text(kept + "\n")
    sys.exit(0 if figure.reached or options.quick else MISSED)


def _lines(figure: Figure, load: float, *, quick: bool) -> Iterator[str]:
    yield f"{figure.number}  {figure.title}"
    for row in figure.rows:
        yield from _line(row) if len(row.sides) <= 2 and _is_single(row) else _table(row)
    yield ""
    for target in figure.targets:
        verdict = "reached" if target.reached else "MISSED"
        asked = f"target {target.relation} {_number(target.limit)}"
        yield f"  {verdict:<8} {target.what}: {_number(target.measured)}, {asked}"
    yield from (f"  {note}" for note in figure.notes)
    if quick:
        yield "  Quick: shows that the script works, and measures nothing."
    elif load > BUSY * (os.cpu_count() or 1):
        yield f"  The machine was busy before the first round (load average {load:.2f}): repeat it when it is quiet."


def _is_single(row: Row) -> bool:
    return all(len(values) == 1 for values in row.sides.values())


def _table(row: Row) -> Iterator[str]:
    """A line a side: the median, the lowest and the highest round."""
    yield f"\n  {row.what} ({row.unit})"
    for side, values in row.sides.items():
        spread = f"{_number(min(values))} to {_number(max(values))}" if len(values) > 1 else ""
        yield f"    {side:<34}{_number(median(values)):>14}   {spread}".rstrip()


def _line(row: Row) -> Iterator[str]:
    """What was measured once needs no more."""
    sides = ", ".join(f"{side} {_number(value)}" for side, [value] in row.sides.items())
    yield f"  {row.what} ({row.unit}): {sides}"


def _number(value: float) -> str:
    """Four digits are more than such a measurement is good for."""
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"


def _as_json(figure: Figure, load: float, *, quick: bool) -> dict[str, Any]:
    return {
        "figure": figure.number,
        "title": figure.title,
        "reached": figure.reached,
        "quick": quick,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join(["python", f"loadtests/{Path(sys.argv[0]).name}", *sys.argv[1:]]),
        "revision": _revision(),
        "machine": _machine(),
        "load_average": {"before": load, "after": os.getloadavg()[0]},
        "versions": dict(_package_versions()) | figure.programs,
        "targets": [vars(target) | {"reached": target.reached} for target in figure.targets],
        "rows": [
            {
                "what": row.what,
                "unit": row.unit,
                "median": {side: median(values) for side, values in row.sides.items()},
                "rounds": row.sides,
            }
            for row in figure.rows
        ],
        "notes": figure.notes,
    }


def _machine() -> dict[str, Any]:
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "processor": models[0].partition(":")[2].strip() if models else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def _package_versions() -> Iterator[tuple[str, str]]:
    for package in PACKAGES:
        try:
            yield package, version(package)
        except PackageNotFoundError:
            continue


def _revision() -> str:
    """The commit that was measured; `+changes` when the work tree differs from it."""
    described = ["git", "-C", str(HERE), "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty=+changes"]
    done = subprocess.run(described, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
