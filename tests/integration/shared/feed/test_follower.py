"""Following channels on a real Redis: every publication is delivered once and in order."""

import asyncio
import json

import pytest

from herald.shared.feed.feed import Feed
from tests.support.feed import Held, following, kill_pubsub, publish_silently


async def test_publications_after_the_returned_position_are_delivered(feed: Feed) -> None:
    await feed.publish([("a", "0")])
    async with following(feed) as (follower, recorder):
        assert (await follower.follow("a")).offset == 1
        await feed.publish([("a", "1"), ("b", "1")])
        await feed.publish([("a", "2")])
        await recorder.until("a", 3)
        assert recorder.offsets == {"a": [2, 3]}
        assert (await follower.follow("a")).offset == 3, "later callers get the newest position"


async def test_any_unicode_text_is_delivered_unchanged(feed: Feed) -> None:
    async with following(feed) as (follower, recorder):
        await follower.follow("канал ✓")
        data = json.dumps({"text": "line\n\u2028 ✓ \\ {}"}, ensure_ascii=False)
        await feed.publish([("канал ✓", data)])
        await recorder.until("канал ✓", 1)
        assert recorder.data["канал ✓"] == [data]


async def test_nothing_is_delivered_after_unfollow(feed: Feed) -> None:
    async with following(feed) as (follower, recorder):
        await asyncio.gather(follower.follow("a"), follower.follow("b"))
        follower.unfollow("a")
        await feed.publish([("a", "0"), ("b", "0")])
        await recorder.until("b", 1)
        assert recorder.offsets == {"b": [1]}
        await follower.follow("a")
        await feed.publish([("a", "1")])
        await recorder.until("a", 2)
        assert recorder.offsets["a"] == [2]


async def test_redis_has_no_subscription_left_after_unfollow(feed: Feed) -> None:
    async with following(feed) as (follower, _):
        await follower.follow("a")
        follower.unfollow("a")
        brief = asyncio.create_task(follower.follow("b"))
        await asyncio.sleep(0)
        follower.unfollow("b")
        await asyncio.gather(brief, return_exceptions=True)
        await follower.follow("c")
        names = [feed.pubsub_name(channel) for channel in "abc"]
        subscribers = await feed.redis.pubsub_numsub(*names)
        assert [count for _, count in subscribers] == [0, 0, 1]


async def test_nothing_is_delivered_when_a_catch_up_ends_after_unfollow(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    catch_up = Held()
    monkeypatch.setattr(feed, "since", catch_up.back(feed.since))
    async with following(feed) as (follower, recorder):
        await asyncio.gather(follower.follow("a"), follower.follow("b"))
        await publish_silently(feed, "a", 1, "0")
        await feed.publish([("a", "1")])
        await catch_up.has_read.wait()
        follower.unfollow("a")
        catch_up.release.set()
        await feed.publish([("b", "0")])
        await recorder.until("b", 1)
        assert recorder.offsets == {"b": [1]}


async def test_following_and_unfollowing_in_quick_succession_ends_in_following(feed: Feed) -> None:
    async with following(feed) as (follower, recorder):
        for _ in range(20):
            waiting = asyncio.create_task(follower.follow("a"))
            await asyncio.sleep(0)
            follower.unfollow("a")
            await asyncio.gather(waiting, return_exceptions=True)
        await follower.follow("a")
        await feed.publish([("a", "0")])
        await recorder.until("a", 1)
        assert recorder.offsets["a"] == [1]


async def test_a_failing_signal_handler_does_not_close_the_connection(feed: Feed) -> None:
    heard: list[str] = []
    last = asyncio.Event()

    def handler(text: str) -> None:
        heard.append(text)
        if text == "bad":
            raise ValueError(text)
        last.set()

    async with following(feed, now=handler) as (follower, _):
        await follower.follow("a")
        async with feed.redis.pipeline() as pipeline:
            for text in ("bad", "good"):
                pipeline.publish("herald:signal:now", text)
            await pipeline.execute()
        await last.wait()
        assert heard == ["bad", "good"]


async def test_a_publication_that_arrives_while_the_position_is_read_is_delivered(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    position, heard = Held(), asyncio.Event()
    monkeypatch.setattr(feed, "positions", position.back(feed.positions))
    async with following(feed, now=lambda _: heard.set()) as (follower, recorder):
        joining = asyncio.create_task(follower.follow("a"))
        await position.has_read.wait()
        await feed.publish([("a", "0")])
        await feed.signal("now", "")
        await heard.wait()  # the publication was sent before, so it has arrived, too
        position.release.set()
        assert (await joining).offset == 0
        await recorder.until("a", 1)
        assert recorder.offsets == {"a": [1]}


async def test_no_publication_is_lost_if_the_connection_is_lost_while_the_position_is_read(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    position, heard = Held(), asyncio.Event()
    monkeypatch.setattr(feed, "positions", position.back(feed.positions))
    async with following(feed, now=lambda _: heard.set()) as (follower, recorder):
        joining = asyncio.create_task(follower.follow("a"))
        await position.has_read.wait()
        await kill_pubsub(feed)
        await publish_silently(feed, "a", 1, "0")
        while (await feed.redis.pubsub_numsub(feed.pubsub_name("a")))[0][1] == 0:
            await asyncio.sleep(0.005)
        await feed.signal("now", "")
        await heard.wait()  # by now, the follower knows that it is subscribed again
        position.release.set()
        await joining
        await recorder.until("a", 1)
        assert recorder.offsets == {"a": [1]}


async def test_a_publication_without_an_announcement_is_read_from_the_history(feed: Feed) -> None:
    async with following(feed) as (follower, recorder):
        first = await follower.follow("a")
        await feed.publish([("a", "0")])
        await recorder.until("a", 1)
        await publish_silently(feed, "a", 2, "1")
        await feed.publish([("a", "2")])
        await recorder.until("a", 3)
        assert recorder.offsets["a"] == [1, 2, 3]
        assert recorder.data["a"] == ["0", "1", "2"]
        assert recorder.resets == []
        assert first.epoch == (await follower.follow("a")).epoch


async def test_nothing_is_lost_when_the_connection_is_killed_repeatedly(feed: Feed) -> None:
    channels = [f"c{number}" for number in range(5)]
    async with following(feed) as (follower, recorder):
        for channel in channels:
            await follower.follow(channel)
        for number in range(200):
            await feed.publish([(channel, str(number)) for channel in channels])
            if number % 20 == 10:
                await kill_pubsub(feed)
        for channel in channels:
            await recorder.until(channel, 200)
        assert all(recorder.offsets[channel] == list(range(1, 201)) for channel in channels)
        assert recorder.resets == []


async def test_publications_missed_during_a_reconnect_are_delivered_without_waiting_for_another(
    feed: Feed,
) -> None:
    async with following(feed) as (follower, recorder):
        await follower.follow("a")
        await publish_silently(feed, "a", 1, "0")
        await kill_pubsub(feed)
        await recorder.until("a", 1)
        assert recorder.offsets["a"] == [1]


async def test_positions_are_void_after_redis_has_lost_its_data(feed: Feed) -> None:
    async with following(feed) as (follower, recorder):
        before = await follower.follow("a")
        await feed.publish([("a", "0")])
        await recorder.until("a", 1)
        await feed.redis.flushall()
        await feed.publish([("a", "1")])
        await recorder.until_reset()
        after = await follower.follow("a")
        assert after.epoch != before.epoch
        assert after.offset == 1
        await feed.publish([("a", "2")])
        await recorder.until("a", 2)
        assert recorder.resets == ["a"]
        assert recorder.data["a"][-1] == "2"
