"""A hub whose snapshots the tests of this folder hold back."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from herald.server.hub.hub import Hub
from herald.shared.feed.feed import Feed
from herald.shared.settings import Settings
from herald.shared.tasks.store import Store
from tests.support.held_hub import HeldHub


@pytest.fixture
async def held(feed: Feed, store: Store, settings: Settings) -> AsyncIterator[HeldHub]:
    world = HeldHub(feed, store, settings)
    async with Hub.open(feed, world.snapshot) as world.hub:
        async with asyncio.timeout(60):
            yield world
