"""A Herald whose processes can be killed one by one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from herald.shared.launcher import embedded
from herald.shared.settings import Settings
from tests.chaos.stack import Stack


@pytest.fixture
async def stack(settings: Settings, services: dict[str, embedded.Server]) -> AsyncIterator[Stack]:
    async with AsyncExitStack() as exit_stack, asyncio.timeout(120):
        yield Stack(settings, services, exit_stack)
