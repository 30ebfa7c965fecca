"""The process's default clients, for the length of a test pointed at that test's own sidecar."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from pannier.aio import DEFAULT as AIO_DEFAULT
from pannier.client import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pannier import aio
    from pannier.client import Client

__all__ = ["default_clients"]


@contextmanager
def default_clients(sync_client: Client, aio_client: aio.Client) -> Iterator[None]:
    """Within this, both are the default. They are closed at the end, the async one by its loop's next turns."""
    with DEFAULT.replaced(sync_client), AIO_DEFAULT.replaced(aio_client):
        try:
            yield
        finally:
            aio_client.sidecar.leave()
            sync_client.close()
