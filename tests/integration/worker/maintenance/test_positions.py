"""Waiting users see their tasks move forward; nothing is published twice."""

from datetime import timedelta

import pytest

from herald.shared.feed.feed import Feed
from herald.shared.queue.heartbeats import Heartbeats
from herald.shared.queue.queue import Queue
from herald.shared.settings import Settings
from herald.shared.tasks.models import Task, now
from herald.shared.tasks.store import Store
from herald.worker.maintenance.positions import PositionPublisher
from tests.support.attempts import MakeDependencies, enqueued, events
from tests.support.queue import TYPE


async def beat(feed: Feed) -> None:
    """Report a worker for the tasks of `in_line`."""
    await Heartbeats(feed.redis).beat("w1", slots=1, running=0, types={TYPE: "digest"})


async def in_line(settings: Settings, store: Store, number: int) -> list[Task]:
    """Queued tasks, the oldest first."""
    at = now() - timedelta(minutes=1)
    return [
        await enqueued(store, settings, queued_at=at + timedelta(seconds=place)) for place in range(number)
    ]


async def positions(feed: Feed) -> dict[str, list[int]]:
    """The published positions, by task id."""
    found: dict[str, list[int]] = {}
    for event in await events(feed):
        found.setdefault(event["task"]["taskId"], []).append(event["task"]["queuePosition"])
    return found


async def test_each_position_is_published_once_until_it_changes(
    make_dependencies: MakeDependencies, settings: Settings, store: Store, feed: Feed
) -> None:
    await beat(feed)
    tasks = await in_line(settings, store, 3)
    dependencies = make_dependencies()
    publisher = PositionPublisher(dependencies)
    for _ in range(2):
        await publisher.publish()
    assert await positions(feed) == {tasks[0].task_id: [1], tasks[1].task_id: [2], tasks[2].task_id: [3]}
    await dependencies.queue.withdraw(tasks[1])
    publisher._estimator._estimates = None  # they are reused for a moment
    await publisher.publish()
    assert (await positions(feed))[tasks[2].task_id] == [3, 2]


async def test_further_back_only_a_gain_of_a_tenth_is_published(
    make_dependencies: MakeDependencies, settings: Settings, store: Store, feed: Feed
) -> None:
    await beat(feed)
    async with Queue.connect(settings) as queue:
        tasks = await in_line(settings, store, 21)
        publisher = PositionPublisher(make_dependencies())
        await publisher.publish()
        for task in tasks[:2]:
            await queue.withdraw(task)
            publisher._estimator._estimates = None
            await publisher.publish()
    published = await positions(feed)
    assert published[tasks[20].task_id] == [21], "two steps of twenty-one are less than a tenth"
    assert published[tasks[19].task_id] == [20, 18]
    assert published[tasks[4].task_id] == [5, 4, 3]


async def test_it_is_published_once_that_no_worker_is_online_and_once_that_one_is(
    make_dependencies: MakeDependencies,
    settings: Settings,
    store: Store,
    feed: Feed,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("herald.worker.maintenance.positions.MAX_UPDATED", 2)
    await in_line(settings, store, 2)
    publisher = PositionPublisher(make_dependencies())
    for _ in range(2):
        await publisher.publish()
    monkeypatch.setattr("herald.worker.maintenance.positions.MAX_UPDATED", 1)
    await beat(feed)
    for _ in range(2):
        publisher._estimator._estimates = None
        await publisher.publish()
    shown = [
        (event["task"].get("waitingFor"), event["task"].get("queuePosition")) for event in await events(feed)
    ]
    no_worker = ({"reason": "noWorker"}, None)
    assert shown[:2] == [no_worker] * 2 and sorted(shown[2:]) == [(None, 1), (None, 2)]
