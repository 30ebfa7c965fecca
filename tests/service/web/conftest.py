from collections.abc import AsyncIterator

import pytest

from pannierd.config import Config
from web_lane import LISTENERS, Site, running


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """A lane as it is without any configuration."""
    async with running(Config(server=LISTENERS)) as it:
        yield it
