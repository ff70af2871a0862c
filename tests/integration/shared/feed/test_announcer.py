"""Publishing a stored change, and the mark that stays if this fails."""

from herald.shared.feed.announcer import Announcer
from herald.shared.feed.feed import Feed
from herald.shared.settings import Settings
from herald.shared.tasks.channels import Channel
from herald.shared.tasks.store import Store
from tests.support.tasks import a_task

MINE = str(Channel.user("ada"))


async def is_marked(store: Store, task_id: str) -> bool:
    task = await store.get(task_id)
    return task is not None and task.unannounced is True


async def test_the_mark_is_cleared_once_the_change_is_published(store: Store, feed: Feed) -> None:
    task, _ = await store.create(a_task())
    assert await Announcer(store, feed).announce(task)
    assert len((await feed.history(MINE, limit=9)).publications) == 1
    assert not await is_marked(store, task.task_id)


async def test_the_mark_stays_if_the_change_cannot_be_published(settings: Settings, store: Store) -> None:
    task, _ = await store.create(a_task())
    unreachable = settings.model_copy(update={"redis_url": "redis://127.0.0.1:9"})
    async with Feed.connect(unreachable) as feed:
        assert not await Announcer(store, feed).announce(task)
    assert await is_marked(store, task.task_id)


async def test_a_change_counts_as_published_even_if_the_mark_cannot_be_cleared(
    settings: Settings, store: Store, feed: Feed
) -> None:
    task, _ = await store.create(a_task())
    async with Store.connect(settings) as closed:
        pass
    assert await Announcer(closed, feed).announce(task)
    assert len((await feed.history(MINE, limit=9)).publications) == 1
    assert await is_marked(store, task.task_id)
