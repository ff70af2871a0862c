"""Estimates are reused until the queue changes, and shared by concurrent requests."""

import asyncio

import pytest

from herald.shared.queue.durations import Durations
from herald.shared.queue.estimates import Estimator
from herald.shared.queue.heartbeats import Heartbeats
from herald.shared.queue.queue import Queue
from herald.shared.queue.recent_values import RecentValues


@pytest.fixture
def estimator(queue: Queue) -> Estimator:
    return Estimator(queue, Heartbeats(queue.redis), Durations(RecentValues(queue.redis)), user_limit=0)


async def test_estimates_are_reused_until_the_queue_has_changed(
    estimator: Estimator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("herald.shared.queue.estimates.REUSED_FOR", 1e12)
    monkeypatch.setattr("herald.shared.queue.estimates.OUTDATED_AFTER", 0)
    first = await estimator.estimates()
    assert await estimator.estimates() is first
    estimator.outdate()
    second = await estimator.estimates()
    assert second is not first
    assert await estimator.estimates() is second


async def test_concurrent_requests_share_one_computation(estimator: Estimator) -> None:
    shared = await asyncio.gather(*(estimator.estimates() for _ in range(20)))
    assert len({id(estimates) for estimates in shared}) == 1
