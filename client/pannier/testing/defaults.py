"""The process's default clients, for the length of a test pointed at that test's own sidecar."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from pannier.aio import DEFAULT as AIO_DEFAULT
from pannier.client import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pannier import aio
    from pannier.client import Client

__all__ = ["default_clients"]


@contextmanager
def default_clients(make: Callable[[], Client], make_aio: Callable[[], aio.Client]) -> Iterator[None]:
    """Within this, the defaults are made so. They are closed at the end, the async one by its loop's next turns."""
    with DEFAULT.replaced(make), AIO_DEFAULT.replaced(make_aio):
        try:
            yield
        finally:
            if AIO_DEFAULT.current is not None:
                AIO_DEFAULT.current.sidecar.leave()
            if DEFAULT.current is not None:
                DEFAULT.current.close()
