"""The page of the Python client, from its public names: signatures and what they promise."""

from __future__ import annotations

import inspect
import re
from dataclasses import is_dataclass
from enum import Enum
from typing import TYPE_CHECKING

from markdown import page, section

import pannier
from pannier import aio
from pannier.errors import PannierError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

MAX_LINE = 110

INTRODUCTION = """\
What `pannier` exports, but for the exceptions, which are [the error codes](errors.md). `pannier.aio` is for
asynchronous code. Durations are seconds (a number or a `timedelta`), unless a name ends in `_ms`."""


def client_page() -> str:
    """Every public name of both modules."""
    names = {f"pannier.{name}": kind for name, kind in _exported(pannier)}
    names |= {f"pannier.aio.{name}": kind for name, kind in _exported(aio) if getattr(pannier, name, None) is not kind}
    return page(
        "Python client", INTRODUCTION, *(section(name, *_described(name, kind)) for name, kind in names.items())
    )


def _exported(module: ModuleType) -> Iterator[tuple[str, Callable[..., object]]]:
    """The public functions and classes, but for the errors."""
    for name in sorted(module.__all__, key=str.lower):
        kind = getattr(module, name)
        is_error = isinstance(kind, type) and issubclass(kind, PannierError)
        if callable(kind) and not is_error:
            yield name, kind


def _described(name: str, kind: Callable[..., object]) -> Iterator[str]:
    """What it is, and how it is called; of a class, its methods too."""
    if not isinstance(kind, type):
        yield _block(_signature(name.rpartition(".")[2], kind))
        yield _prose(kind)
        return
    yield _prose(kind)
    if issubclass(kind, Enum):
        yield "One of " + ", ".join(f'`"{member.value}"`' for member in kind) + "."
        return
    if "Args:" in (kind.__init__.__doc__ or "") or is_dataclass(kind):
        yield _block(_signature(kind.__name__, kind.__init__).removeprefix("def ").removesuffix(" -> None"))
        yield _prose(kind.__init__) if kind.__init__.__doc__ else ""
    for method_name, method in vars(kind).items():
        if not method_name.startswith("_") and inspect.isfunction(method):
            yield _block(_signature(method_name, method))
            yield _prose(method)


def _signature(name: str, function: Callable[..., object]) -> str:
    """As it stands in the code, on one line if that is not too long."""
    signature = inspect.signature(function)
    parameters = [_unquoted(str(parameter)) for parameter in _marked(signature)]
    begin = "async def" if inspect.iscoroutinefunction(function) else "def"
    end = f") -> {_unquoted(repr(signature.return_annotation))}"
    line = f"{begin} {name}({', '.join(parameters)}{end}"
    if len(line) <= MAX_LINE:
        return line
    return "\n".join([f"{begin} {name}(", *(f"    {parameter}," for parameter in parameters), end])


def _marked(signature: inspect.Signature) -> Iterator[inspect.Parameter | str]:
    """The parameters but for self, with the marks / and * between them."""
    kinds = inspect.Parameter
    former: object = None
    for parameter in signature.parameters.values():
        if former is kinds.POSITIONAL_ONLY and parameter.kind is not former:
            yield "/"
        if parameter.kind is kinds.KEYWORD_ONLY and former is not parameter.kind and former is not kinds.VAR_POSITIONAL:
            yield "*"
        former = parameter.kind
        if parameter.name != "self":
            yield parameter


def _unquoted(text: str) -> str:
    """Annotations are strings to inspect; a reader wants them as they stand in the code."""
    return re.sub(r"(^|: |-> )'([^']*)'", r"\1\2", text)


def _block(text: str) -> str:
    return f"```text\n{text}\n```"


def _prose(kind: object) -> str:
    """A docstring in Markdown: its Args, Raises and the like become lists."""
    lines = []
    for line in (inspect.getdoc(kind) or "").splitlines():
        if re.fullmatch(r"[A-Z]\w+:", line):
            lines += [f"**{line}**", ""]
        else:
            lines.append(re.sub(r"^ {4}(\S+): ", r"- `\1`: ", re.sub(r"^ {8}", "  ", line)))
    return "\n".join(lines)
