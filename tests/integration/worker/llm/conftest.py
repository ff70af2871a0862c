"""A local server with Gemini's wire format."""

from collections.abc import AsyncIterator

import pytest

from tests.support.gemini import TEA, Gemini, answer, gemini_server


@pytest.fixture
async def gemini() -> AsyncIterator[Gemini]:
    """A server that answers every request with ``{"word":"tea"}``."""
    async with gemini_server() as server:
        server.reply = lambda _: answer(TEA)
        yield server
