"""A queue on a real Redis, and workers that take jobs from it."""

import asyncio
from collections.abc import Iterator

import pytest

from herald.shared.feed.feed import Feed
from herald.shared.queue.leases import Leases, TypeLimits
from herald.shared.queue.queue import Queue
from herald.shared.redis.blocking import blocking_client
from herald.shared.settings import Settings
from tests.support.queue import TYPE, MakeLeases, Renew


@pytest.fixture
def queue(feed: Feed) -> Queue:
    return Queue(feed.redis)  # type: ignore[arg-type]


@pytest.fixture
def leases(feed: Feed) -> MakeLeases:
    """Makes the leases of a worker."""
    ours = {TYPE: TypeLimits()}
    return lambda worker="w1", user_limit=0, types=ours: Leases(
        feed.redis, worker, user_limit=user_limit, types=types
    )


@pytest.fixture
def renew(settings: Settings) -> Iterator[Renew]:
    """Renews the leases of a worker from a thread, as the worker does."""
    with blocking_client(settings, timeout_s=5) as client:
        yield lambda worker: asyncio.to_thread(worker.renew, client)
