"""The pytest plugin: a sidecar for a test, by naming a fixture.

Outside of the package, so that pytest imports nothing of the client until a test asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pannier.testing import FakePannier, RealPannier


@pytest.fixture
def fake_pannier() -> Iterator[FakePannier]:
    """A sidecar in memory, whose time and presence the test decides; the default clients use it."""
    from pannier.testing import FakePannier  # noqa: PLC0415 - see the module's docstring

    with FakePannier() as fake:
        yield fake


@pytest.fixture(scope="session")
def pannier_daemon() -> Iterator[RealPannier]:
    """One real sidecar for all tests. Skips where `pannierd` is not installed."""
    from pannier.testing import RealPannier  # noqa: PLC0415 - see the module's docstring

    if not RealPannier.is_installed():
        pytest.skip("pannierd is not installed")
    with RealPannier() as real:
        yield real


@pytest.fixture
def pannier_sidecar(pannier_daemon: RealPannier) -> Iterator[RealPannier]:
    """The real sidecar, with the default clients in a namespace that no other test has."""
    from uuid import uuid4  # noqa: PLC0415 - as above

    with pannier_daemon.default_clients(f"test-{uuid4().hex}"):
        yield pannier_daemon
