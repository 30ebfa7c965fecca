"""Every figure, one after the other, and a table at the end: `make bench`, `python loadtests [--quick] [FIGURE ...]`.

Exits with 1 when a target is missed or a script fails.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Final

from report import MISSED

HERE: Final = Path(__file__).resolve().parent
OUTCOMES: Final = {0: "reached", MISSED: "MISSED"}


def main() -> int:
    parser = argparse.ArgumentParser(prog="loadtests", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="show that the scripts work; the numbers mean nothing")
    parser.add_argument("figures", nargs="*", help="which ones, as f01 f15; all without it")
    options = parser.parse_args()
    scripts = {path.stem.partition("_")[0]: path for path in sorted(HERE.glob("f[0-9][0-9]_*.py"))}
    if unknown := set(options.figures) - set(scripts):
        parser.error(f"no such figure: {', '.join(sorted(unknown))}; there are {', '.join(scripts)}")
    outcomes = {}
    for figure in options.figures or scripts:
        command = [sys.executable, str(scripts[figure]), *(["--quick"] if options.quick else [])]
        outcomes[figure] = OUTCOMES.get(subprocess.run(command, check=False).returncode, "FAILED")
        print(flush=True)
    for figure, outcome in outcomes.items():
        print(f"{outcome:<9}{scripts[figure].name}")
    return int(set(outcomes.values()) != {"reached"})


if __name__ == "__main__":
    sys.exit(main())
