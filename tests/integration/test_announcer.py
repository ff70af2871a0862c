"""A stored change stays marked until it has been published."""

import json

from shared.announcer import Announcer
from shared.feed import Feed
from shared.settings import Settings
from shared.store import Store
from tests.support.tasks import a_task


async def test_a_published_change_is_not_published_again(store: Store, feed: Feed) -> None:
    task, _ = await store.create(a_task(user_id="ada"))
    assert task.unannounced
    assert await Announcer(store, feed).tell(task)
    [published] = (await feed.history("tasks#ada", limit=10)).publications
    assert json.loads(published.data)["type"] == "task.queued"
    assert (await store.get(task.task_id)).unannounced is None  # type: ignore[union-attr]


async def test_a_change_that_could_not_be_published_stays_marked(settings: Settings, store: Store) -> None:
    nowhere = settings.model_copy(update={"redis_url": "redis://127.0.0.1:1"})
    task, _ = await store.create(a_task())
    async with Feed.connect(nowhere) as feed:
        assert not await Announcer(store, feed).tell(task)
    assert (await store.get(task.task_id)).unannounced  # type: ignore[union-attr]
