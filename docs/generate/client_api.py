"""The page of the Python client, from its public names: signatures and what they promise."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

from markdown import page, section

import pannier
from pannier import aio
from pannier.errors import PannierError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

INTRODUCTION = """\
What `pannier` exports, but for the exceptions, which are [the error codes](errors.md). `pannier.aio` is for
asynchronous code. Durations are seconds (a number or a `timedelta`), unless a name ends in `_ms`."""


def client_page() -> str:
    """Every public name of both modules."""
    names = {f"pannier.{name}": kind for name, kind in _exported(pannier)}
    names |= {f"pannier.aio.{name}": kind for name, kind in _exported(aio) if getattr(pannier, name, None) is not kind}
    return page("Python client", INTRODUCTION, *(section(name, *_described(name, kind)) for name, kind in names.items()))


def _exported(module: ModuleType) -> Iterator[tuple[str, object]]:
    """The public names that are neither modules nor errors."""
    for name in sorted(module.__all__, key=str.lower):
        kind = getattr(module, name)
        is_error = isinstance(kind, type) and issubclass(kind, PannierError)
        if not is_error and not inspect.ismodule(kind):
            yield name, kind


def _described(name: str, kind: object) -> Iterator[str]:
    """The signature and the docstring; of a class, those of its methods too."""
    if not callable(kind):
        yield inspect.getdoc(kind) or ""
        return
    signatures = [_signature(name.rpartition(".")[2], kind)]
    yield _block(signatures)
    yield _prose(kind)
    if isinstance(kind, type):
        for method_name, method in vars(kind).items():
            if not method_name.startswith("_") and inspect.isfunction(method):
                yield _block([_signature(method_name, method)])
                yield _prose(method)


def _signature(name: str, function: Callable[..., object]) -> str:
    begin = "async def" if inspect.iscoroutinefunction(function) else "class" if isinstance(function, type) else "def"
    try:
        signature = str(inspect.signature(function))
    except ValueError:
        signature = "(…)"
    return f"{begin} {name}{re.sub(r'\(self(, )?', '(', signature)}"


def _block(lines: list[str]) -> str:
    return "\n".join(["```text", *lines, "```"])


def _prose(kind: object) -> str:
    """A docstring in Markdown: its Args, Raises and the like become lists."""
    lines = []
    for line in (inspect.getdoc(kind) or "").splitlines():
        if re.fullmatch(r"[A-Z]\w+:", line):
            lines += [f"**{line}**", ""]
        else:
            lines.append(re.sub(r"^ {4}(\S+): ", r"- `\1`: ", line))
    return "\n".join(lines)
