"""A queue on a real Redis, and workers that take jobs from it."""

import pytest

from herald.shared.feed.feed import Feed
from herald.shared.queue.leases import Leases
from herald.shared.queue.queue import Queue
from tests.support.queue import MakeLeases


@pytest.fixture
def queue(feed: Feed) -> Queue:
    return Queue(feed.redis)  # type: ignore[arg-type]


@pytest.fixture
def leases(feed: Feed) -> MakeLeases:
    """Makes the leases of a worker."""
    return lambda worker="w1", user_limit=0: Leases(feed.redis, worker, user_limit=user_limit)
