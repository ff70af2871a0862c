"""Clients of a real web application."""

from collections.abc import AsyncIterator

import pytest

from herald import AsyncHerald
from tests.support.client import Herald as Http


@pytest.fixture
async def client(herald: Http) -> AsyncIterator[AsyncHerald]:
    """A client of the user ``ada``, without a worker behind it."""
    async with AsyncHerald(f"http://{herald.address}", token=herald.token()) as client:
        yield client
