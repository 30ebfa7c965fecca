"""P8: values are bytes. Whatever they are, they come back as they were, and nothing is ever made of them."""

from __future__ import annotations

import ast
import pickle
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from callers import Site

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*(ROOT / "service").rglob("*.py"), *(ROOT / "client").rglob("*.py")])
MAKERS = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "jsonpickle", "yaml"}
"""Modules that can make any object of foreign bytes."""


class Bomb:
    """What it is unpickled to is whatever its author wants to be called."""

    def __reduce__(self) -> tuple[type, tuple[str]]:
        return (RuntimeError, ("somebody unpickled a value",))


VALUES = [
    b"",
    b"\x00",
    bytes(range(256)) * 40,
    b"$3\r\nabc\r\n",
    b"\r\n-ERR not an error\r\n",
    pickle.dumps(Bomb()),
    b"\x80\x04",
    b'{"json": "that does not end',
    b"\xff\xfe\xfd",
    b"HTTP/1.1 500 Internal Server Error\r\n\r\n",
]


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_a_value_comes_back_as_it_was(site: Site, value: bytes) -> None:
    """T22: whatever it looks like, it is bytes."""
    for content_type in ("application/octet-stream", "application/json", "application/x-python-pickle"):
        site.writer.store(b"key", value, content_type=content_type)
        assert site.loader.get(b"key") == value
        assert site.loader.fetch(b"key") == ("hit", value, None)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_that_makes_objects_of_bytes_is_imported(source: Path) -> None:
    """T22: neither here nor in the client."""
    imported = set()
    for node in ast.walk(ast.parse(source.read_bytes())):
        if isinstance(node, ast.Import):
            imported |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").split(".")[0])
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"eval", "exec", "__import__"}
    assert not imported & MAKERS
