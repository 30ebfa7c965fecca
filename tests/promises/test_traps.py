"""Every trap that caches of this kind are known to fall into has a test here that says so by its number.

The numbers are those of the field notes that this design began from; those that are missing need a second tier.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

TRAPS: Final = {
    "T1": "a load that read the old row fills the cache after the key was deleted",
    "T2": "the same with a tag, even one that is known only from the result",
    "T5": "what was invalidated hard is served as stale because its function then fails",
    "T7": "an entry outlives the mark that killed it",
    "T9": "write, invalidate and write in one instant lose their order",
    "T22": "a value is unpickled",
    "T25": "two names are one key, or reach into each other",
    "T26": "a herd of misses runs a herd of loads; a dead holder blocks them, or a late one wins",
    "T27": "one caller that gives up stops the load of the others",
    "T28": "a life is longer than was asked for",
    "T29": "that there is nothing is still said when there is something",
    "T30": "a read through the same sidecar does not see the write before it",
}


def test_every_trap_has_a_test_that_names_it() -> None:
    named: set[str] = set()
    for path in Path(__file__).parent.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                named.update(re.findall(r"\bT\d+\b", (ast.get_docstring(node) or "").partition(":")[0]))
    assert named == TRAPS.keys()
