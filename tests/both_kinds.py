"""The sync and the async client, called alike: a rule that both must keep is written once."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pannier
import pannier.aio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Steps:
    """An async object whose methods are called without await, each until it is done."""

    def __init__(self, runner: asyncio.Runner, target: Any) -> None:
        self._runner = runner
        self._target = target

    @property
    def bare(self) -> Any:
        """The async object itself."""
        return self._target

    def run(self, awaitable: Any) -> Any:
        """Something else, in the same loop."""
        return self._runner.run(_awaited(awaitable))

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._target, name)
        if not callable(attribute):
            return attribute

        def call(*args: Any, **kwargs: Any) -> Any:
            result = attribute(*args, **kwargs)
            if inspect.isawaitable(result):
                return self._runner.run(_awaited(result))
            return Steps(self._runner, result) if isinstance(result, pannier.aio.Cache) else result

        return call


async def _awaited(awaitable: Any) -> Any:
    return await awaitable


@contextmanager
def made(kind: str, url: str, **options: Any) -> Iterator[Any]:
    """A client of one kind, to be called without await."""
    if kind == "sync":
        with pannier.Client(url, **options) as client:
            yield client
    else:
        with asyncio.Runner() as runner:
            steps = Steps(runner, pannier.aio.Client(url, **options))
            yield steps
            steps.close()


def loaded(kind: str, value: Any) -> Any:
    """A function for get_or_set, of the kind's sort."""
    if kind == "sync":
        return lambda: value

    async def load() -> Any:
        return value

    return load


def decorated(kind: str, client: Any, decorator: Callable[[Any], Any], function: Callable[..., Any]) -> Any:
    """A decorated function of the kind's sort, called without await."""
    if kind == "sync":
        return decorator(function)

    async def twin(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    for name in ("__module__", "__name__", "__qualname__", "__annotations__"):
        setattr(twin, name, getattr(function, name))
    twin.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]  # read by inspect
    asynchronous = decorator(twin)
    assert inspect.iscoroutinefunction(asynchronous)
    return lambda *args, **kwargs: client.run(asynchronous(*args, **kwargs))
