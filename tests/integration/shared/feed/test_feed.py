"""Publishing to a real Redis, and reading positions and histories from it."""

import asyncio
import json

from herald.shared.feed.feed import Feed, Position, Publication
from herald.shared.settings import Settings
from herald.shared.tasks.events import TaskEvent
from tests.support.tasks import a_task

HISTORY = "herald:history:{a}"


async def publish(feed: Feed, *texts: str) -> None:
    """Publish each text on channel ``a``."""
    await feed.publish([("a", text) for text in texts])


async def test_offsets_grow_by_one_in_each_channel_and_the_epoch_stays(feed: Feed) -> None:
    before = (await feed.history("a", limit=0)).position
    assert before.offset == 0
    offsets = [await feed.publish([("a", text), ("b", text)]) for text in ("0", "1", "2")]
    assert offsets == [[1, 1], [2, 2], [3, 3]]
    positions = await feed.positions(["a", "b"])
    assert positions["a"] == Position(3, before.epoch)
    assert positions["b"].epoch != before.epoch


async def test_history_is_read_after_an_offset(feed: Feed) -> None:
    await publish(feed, "0", "1", "2", "3", "4")
    history = await feed.history("a", since=2, limit=2)
    assert history.publications == [Publication(3, "2"), Publication(4, "3")]
    assert history.position.offset == 5


async def test_since_returns_everything_after_a_position_or_none(settings: Settings) -> None:
    async with Feed.connect(settings.model_copy(update={"history_size": 3})) as feed:
        start = (await feed.history("a", limit=0)).position
        await publish(feed, "0", "1", "2")
        recovered = await feed.since("a", start)
        assert recovered is not None
        assert [publication.data for publication in recovered.publications] == ["0", "1", "2"]
        await publish(feed, "3")
        assert await feed.since("a", start) is None, "the history no longer reaches back that far"
        assert await feed.since("a", Position(4, start.epoch)) is not None
        assert await feed.since("a", Position(5, start.epoch)) is None, "the position lies in the future"
        assert await feed.since("a", Position(4, "other")) is None, "the position belongs to another epoch"


async def test_the_history_expires_before_the_position(settings: Settings) -> None:
    async with Feed.connect(settings.model_copy(update={"history_ttl_s": 0.1})) as feed:
        await publish(feed, "0")
        first = (await feed.history("a", limit=0)).position
        async with asyncio.timeout(30):
            while (await feed.history("a", limit=10)).publications:
                await asyncio.sleep(0.02)
        assert (await feed.history("a", limit=10)).position == first
        assert await feed.since("a", Position(0, first.epoch)) is None


async def test_a_channel_is_kept_as_long_as_a_task(settings: Settings) -> None:
    async with Feed.connect(settings.model_copy(update={"retention_days": 2})) as feed:
        await publish(feed, "0")
        two_days_ms = 2 * 24 * 3600 * 1000
        assert two_days_ms - 10_000 < await feed.redis.pttl(feed.pubsub_name("a")) <= two_days_ms
        assert 0 < await feed.redis.pttl(HISTORY) <= 3_600_000


async def test_a_channel_that_is_only_read_expires_too(feed: Feed) -> None:
    await feed.positions(["a"])
    assert 0 < await feed.redis.pttl(feed.pubsub_name("a")) <= 30 * 24 * 3600 * 1000


async def test_the_history_is_bounded(settings: Settings) -> None:
    async with Feed.connect(settings.model_copy(update={"history_size": 3})) as feed:
        await publish(feed, *map(str, range(1000)))
        assert await feed.redis.xlen(HISTORY) < 300, "Redis drops whole nodes of 100 entries"


async def test_an_event_is_published_on_each_of_its_channels(feed: Feed) -> None:
    task = a_task(task_id="t", brand_id="acme")
    await feed.publish(TaskEvent.of(task).messages())
    for channel in ("tasks#ada", "task:t", "brand:acme"):
        [publication] = (await feed.history(channel, limit=10)).publications
        assert json.loads(publication.data)["task"]["taskId"] == "t"


async def test_old_entries_are_dropped_when_a_channel_starts_over_with_a_publication(feed: Feed) -> None:
    await publish(feed, "1", "2", "3")
    old = (await feed.history("a", limit=0)).position
    await feed.redis.delete(feed.pubsub_name("a"))  # its position has expired or was evicted
    await publish(feed, "new")
    position, publications = await feed.history("a", limit=10)
    assert publications == [Publication(1, "new")]
    assert position.offset == 1 and position.epoch != old.epoch


async def test_old_entries_are_dropped_when_a_channel_starts_over_with_a_reader(feed: Feed) -> None:
    await publish(feed, "1", "2", "3")
    old = (await feed.history("a", limit=0)).position
    await feed.redis.delete(feed.pubsub_name("a"))
    position, publications = await feed.history("a", limit=10)
    assert publications == []
    assert position.offset == 0 and position.epoch != old.epoch


async def test_a_recovery_never_skips_missing_entries(feed: Feed) -> None:
    start = (await feed.history("a", limit=0)).position
    await publish(feed, "1", "2")
    await feed.redis.delete(HISTORY)  # it has expired or was evicted
    await publish(feed, "3")
    assert await feed.since("a", start) is None
    recovered = await feed.since("a", Position(2, start.epoch))
    assert recovered is not None and recovered.publications == [Publication(3, "3")]
