"""The feed on a real Redis: positions, history, and a follower that loses nothing."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import pytest
import redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from herald.shared.feed.feed import Feed, Position, Publication, pubsub_name
from herald.shared.feed.follower import Follower
from herald.shared.feed.pubsub import PubSub
from herald.shared.launcher import embedded
from herald.shared.redis.pool import exchange
from herald.shared.settings import Settings
from herald.shared.tasks.events import TaskEvent
from tests.support.older import port_of, replica_of, until_replicated
from tests.support.proxy import proxy_to
from tests.support.tasks import a_task


class Recorder:
    """What a follower has handed over, by channel."""

    def __init__(self) -> None:
        self.offsets: dict[str, list[int]] = {}
        self.data: dict[str, list[str]] = {}
        self.resets: list[str] = []

    def on_publication(self, channel: str, publication: Publication) -> None:
        self.offsets.setdefault(channel, []).append(publication.offset)
        self.data.setdefault(channel, []).append(publication.data)

    async def until(self, channel: str, offset: int) -> None:
        while self.offsets.get(channel, [0])[-1] < offset:
            await asyncio.sleep(0.005)


@asynccontextmanager
async def following(feed: Feed, **signals: Callable[[str], None]) -> AsyncIterator[tuple[Follower, Recorder]]:
    """A follower that listens to ``signals``, and what it hands over."""
    recorder = Recorder()
    follower = Follower(feed, recorder.on_publication, recorder.resets.append)
    for name, handler in signals.items():
        follower.listen(name, handler)
    async with asyncio.timeout(30), follower:
        yield follower, recorder


ReplyT = TypeVar("ReplyT")


class Held:
    """Reads as the given function does, but keeps what it has read until ``release`` is set."""

    def __init__(self) -> None:
        self.has_read = asyncio.Event()
        self.release = asyncio.Event()

    def back(self, read: Callable[..., Awaitable[ReplyT]]) -> Callable[..., Awaitable[ReplyT]]:
        async def held(*arguments: object) -> ReplyT:
            found = await read(*arguments)
            self.has_read.set()
            await self.release.wait()
            return found

        return held


async def publish_unannounced(feed: Feed, channel: str, offset: int, data: str) -> None:
    """Publish as if the announcement had been lost: the stream has it, pub/sub never had."""
    await feed.redis.hset(pubsub_name(channel), "offset", str(offset))  # type: ignore[misc]
    await feed.redis.xadd(f"herald:history:{{{channel}}}", {"data": data}, id=f"{offset}-0")


async def kill_pubsub(feed: Feed) -> None:
    await feed.redis.client_kill_filter(_type="pubsub")


async def test_offsets_grow_by_one_a_channel_and_the_epoch_stays(feed: Feed) -> None:
    before = (await feed.history("a", limit=0)).position
    assert before.offset == 0
    assert [
        await feed.publish([("a", json.dumps(number)), ("b", json.dumps(number))]) for number in range(3)
    ] == [
        [1, 1],
        [2, 2],
        [3, 3],
    ]
    positions = await feed.positions(["a", "b"])
    assert positions["a"] == Position(3, before.epoch)
    assert positions["b"].epoch != before.epoch


async def test_the_history_is_read_from_an_offset(feed: Feed) -> None:
    for number in range(5):
        await feed.publish([("a", str(number))])
    history = await feed.history("a", since=2, limit=2)
    assert history.publications == [Publication(3, "2"), Publication(4, "3")]
    assert history.position.offset == 5


async def test_what_came_after_a_position_or_nothing_at_all(settings: Settings) -> None:
    async with Feed.connect(settings.model_copy(update={"history_size": 3})) as feed:
        [start] = [(await feed.history("a", limit=0)).position]
        for number in range(3):
            await feed.publish([("a", str(number))])
        whole = await feed.since("a", start)
        assert whole is not None and [publication.data for publication in whole.publications] == [
            "0",
            "1",
            "2",
        ]
        await feed.publish([("a", "3")])
        assert await feed.since("a", start) is None, "the history no longer reaches back so far"
        assert await feed.since("a", Position(4, start.epoch)) is not None
        assert await feed.since("a", Position(5, start.epoch)) is None, "that is in the future"
        assert await feed.since("a", Position(4, "other")) is None, "that is another life of the channel"


async def test_the_history_forgets_in_time_and_the_position_does_not(settings: Settings) -> None:
    async with Feed.connect(settings.model_copy(update={"history_ttl_s": 0.1})) as feed:
        await feed.publish([("a", "0")])
        first = (await feed.history("a", limit=0)).position
        async with asyncio.timeout(30):
            while (await feed.history("a", limit=10)).publications:
                await asyncio.sleep(0.02)
        assert (await feed.history("a", limit=10)).position == first
        assert await feed.since("a", Position(0, first.epoch)) is None


async def test_a_channel_is_forgotten_with_the_task(settings: Settings) -> None:
    async with Feed.connect(settings.model_copy(update={"retention_days": 2})) as feed:
        await feed.publish([("task:t", "0")])
        two_days_ms = 2 * 24 * 3600 * 1000
        assert two_days_ms - 10_000 < await feed.redis.pttl(pubsub_name("task:t")) <= two_days_ms
        assert 0 < await feed.redis.pttl("herald:history:{task:t}") <= 3_600_000


async def test_a_channel_that_is_only_read_expires_too(feed: Feed) -> None:
    await feed.positions(["a"])
    assert 0 < await feed.redis.pttl(pubsub_name("a")) <= 30 * 24 * 3600 * 1000


async def test_the_history_is_bounded(settings: Settings) -> None:
    async with Feed.connect(settings.model_copy(update={"history_size": 3})) as feed:
        await feed.publish([("a", str(number)) for number in range(1000)])
        assert await feed.redis.xlen("herald:history:{a}") < 300, "Redis drops whole nodes of 100 entries"


async def test_an_event_is_announced_on_each_of_its_channels(feed: Feed) -> None:
    task = a_task(task_id="t", brand_id="acme")
    await feed.publish(TaskEvent.of(task).messages())
    for channel in ("tasks#ada", "task:t", "brand:acme"):
        [publication] = (await feed.history(channel, limit=10)).publications
        assert json.loads(publication.data)["task"]["taskId"] == "t"


async def test_scripts_that_redis_has_forgotten_are_sent_again(feed: Feed) -> None:
    await feed.publish([("a", "0")])
    await feed.redis.script_flush()
    assert await feed.publish([("a", "1")]) == [2]


async def test_a_follower_hands_over_what_comes_after_its_position(feed: Feed) -> None:
    await feed.publish([("a", "0")])
    async with following(feed) as (follower, recorder):
        assert (await follower.follow("a")).offset == 1
        await feed.publish([("a", "1"), ("b", "1")])
        await feed.publish([("a", "2")])
        await recorder.until("a", 3)
        assert recorder.offsets == {"a": [2, 3]}
        assert (await follower.follow("a")).offset == 3, "whoever comes later starts where the follower is"


async def test_text_of_any_kind_survives(feed: Feed) -> None:
    async with following(feed) as (follower, recorder):
        await follower.follow("канал ✓")
        data = json.dumps({"text": "line\n\u2028 ✓ \\ {}"}, ensure_ascii=False)
        await feed.publish([("канал ✓", data)])
        await recorder.until("канал ✓", 1)
        assert recorder.data["канал ✓"] == [data]


async def test_nothing_is_handed_over_after_unfollow(feed: Feed) -> None:
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


async def test_nothing_is_kept_of_channels_that_are_not_followed_any_more(feed: Feed) -> None:
    async with following(feed) as (follower, _):
        await follower.follow("a")
        follower.unfollow("a")
        brief = asyncio.create_task(follower.follow("b"))
        await asyncio.sleep(0)
        follower.unfollow("b")
        await asyncio.gather(brief, return_exceptions=True)
        await follower.follow("c")
        names = [pubsub_name(channel) for channel in "abc"]
        subscribers = await feed.redis.pubsub_numsub(*names)
        assert [count for _, count in subscribers] == [0, 0, 1]


async def test_nothing_is_handed_over_when_a_catch_up_ends_after_unfollow(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    catch_up = Held()
    monkeypatch.setattr(feed, "since", catch_up.back(feed.since))
    async with following(feed) as (follower, recorder):
        await asyncio.gather(follower.follow("a"), follower.follow("b"))
        await publish_unannounced(feed, "a", 1, "0")
        await feed.publish([("a", "1")])
        await catch_up.has_read.wait()
        follower.unfollow("a")
        catch_up.release.set()
        await feed.publish([("b", "0")])
        await recorder.until("b", 1)
        assert recorder.offsets == {"b": [1]}


async def test_a_publication_that_arrives_while_the_position_is_read_is_not_lost(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    position, heard = Held(), asyncio.Event()
    monkeypatch.setattr(feed, "positions", position.back(feed.positions))
    async with following(feed, now=lambda _: heard.set()) as (follower, recorder):
        joining = asyncio.create_task(follower.follow("a"))
        await position.has_read.wait()
        await feed.publish([("a", "0")])
        await feed.signal("now", "")
        await heard.wait()  # so the publication has arrived as well
        position.release.set()
        assert (await joining).offset == 0
        await recorder.until("a", 1)
        assert recorder.offsets == {"a": [1]}


async def test_a_connection_lost_while_the_position_is_read_loses_no_publication(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    position, heard = Held(), asyncio.Event()
    monkeypatch.setattr(feed, "positions", position.back(feed.positions))
    async with following(feed, now=lambda _: heard.set()) as (follower, recorder):
        joining = asyncio.create_task(follower.follow("a"))
        await position.has_read.wait()
        await kill_pubsub(feed)
        await publish_unannounced(feed, "a", 1, "0")
        while (await feed.redis.pubsub_numsub(pubsub_name("a")))[0][1] == 0:
            await asyncio.sleep(0.005)
        await feed.signal("now", "")
        await heard.wait()  # so the follower knows that it is subscribed again
        position.release.set()
        await joining
        await recorder.until("a", 1)
        assert recorder.offsets == {"a": [1]}


async def test_a_failing_signal_handler_does_not_end_the_connection(feed: Feed) -> None:
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


async def test_following_again_and_again_in_one_breath_ends_in_following(feed: Feed) -> None:
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


async def test_a_publication_that_was_never_announced_is_read_from_the_stream(feed: Feed) -> None:
    async with following(feed) as (follower, recorder):
        first = await follower.follow("a")
        await feed.publish([("a", "0")])
        await recorder.until("a", 1)
        await publish_unannounced(feed, "a", 2, "1")
        await feed.publish([("a", "2")])
        await recorder.until("a", 3)
        assert recorder.offsets["a"] == [1, 2, 3]
        assert recorder.data["a"] == ["0", "1", "2"]
        assert recorder.resets == []
        assert first.epoch == (await follower.follow("a")).epoch


async def test_nothing_is_lost_while_the_connection_is_killed_again_and_again(feed: Feed) -> None:
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


async def test_what_was_published_while_the_connection_was_away_comes_without_a_further_event(
    feed: Feed,
) -> None:
    async with following(feed) as (follower, recorder):
        await follower.follow("a")
        await publish_unannounced(feed, "a", 1, "0")
        await kill_pubsub(feed)
        await recorder.until("a", 1)
        assert recorder.offsets["a"] == [1]


async def test_lost_data_voids_the_position(feed: Feed) -> None:
    async with following(feed) as (follower, recorder):
        before = await follower.follow("a")
        await feed.publish([("a", "0")])
        await recorder.until("a", 1)
        await feed.redis.flushall()
        await feed.publish([("a", "1")])
        while not recorder.resets:
            await asyncio.sleep(0.005)
        after = await follower.follow("a")
        assert after.epoch != before.epoch
        assert after.offset == 1
        await feed.publish([("a", "2")])
        await recorder.until("a", 2)
        assert recorder.resets == ["a"]
        assert recorder.data["a"][-1] == "2"


async def test_a_connection_that_says_nothing_more_is_replaced(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PubSub, "ping_every_s", 0.05)
    monkeypatch.setattr(PubSub, "pong_within_s", 0.1)
    port = urlsplit(settings.redis_url).port
    assert port is not None
    async with proxy_to(port) as proxy:
        through_proxy = settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{proxy.port}/0"})
        async with (
            Feed.connect(settings) as feed,
            Feed.connect(through_proxy) as proxied,
            following(proxied) as (follower, recorder),
        ):
            await follower.follow("a")
            await feed.publish([("a", "0")])
            await recorder.until("a", 1)
            proxy.stall()
            await proxied.redis.connection_pool.disconnect()
            await feed.publish([("a", "1")])
            await recorder.until("a", 2)
            assert recorder.offsets["a"] == [1, 2]


async def test_a_subscription_that_was_never_confirmed_is_made_again(settings: Settings) -> None:
    port = urlsplit(settings.redis_url).port
    assert port is not None
    async with proxy_to(port) as proxy:
        through_proxy = settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{proxy.port}/0"})
        async with Feed.connect(through_proxy) as feed, following(feed) as (follower, recorder):
            while not follower.connected:
                await asyncio.sleep(0.005)
            proxy.stall()
            joining = asyncio.create_task(follower.follow("a"))
            while not follower._channels or follower._to_subscribe:
                await asyncio.sleep(0)
            proxy.drop()
            await joining
            await feed.publish([("a", "0")])
            await recorder.until("a", 1)


async def test_a_redis_that_accepts_a_connection_and_never_answers_is_given_up(settings: Settings) -> None:
    port = urlsplit(settings.redis_url).port
    assert port is not None
    accepted = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.set()
        await reader.read()  # until the client hangs up
        writer.close()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    async with silent, proxy_to(silent.sockets[0].getsockname()[1]) as proxy:
        through_proxy = settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{proxy.port}/0"})
        async with Feed.connect(through_proxy) as feed:
            feed.redis.connection_pool.connection_kwargs["socket_timeout"] = 0.5
            async with following(feed) as (follower, _):
                await accepted.wait()
                proxy.target = port
                assert (await follower.follow("a")).offset == 0


async def test_a_redis_that_stays_away_is_tried_less_and_less_often(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    delays: list[float] = []
    capped = asyncio.Event()

    async def note(delay: float) -> None:
        delays.append(delay)
        if len(delays) == 9:
            capped.set()

    pause = asyncio.sleep
    monkeypatch.setattr("herald.shared.feed.pubsub.random.uniform", lambda *_: 1.0)
    monkeypatch.setattr(
        "herald.shared.feed.pubsub.asyncio.sleep", lambda delay: asyncio.gather(note(delay), pause(0))
    )
    monkeypatch.setattr(feed, "new_connection", lambda: redis.asyncio.Connection(port=1))
    async with following(feed):
        await capped.wait()
    assert delays[:9] == [0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]


async def test_a_restart_of_redis_voids_the_position_though_its_data_is_there(
    feed: Feed, services: dict[str, embedded.Server]
) -> None:
    """It may be the data of an earlier moment: that cannot be told."""
    server = services["HERALD_REDIS_URL"]
    async with following(feed) as (follower, recorder):
        before = await follower.follow("a")
        await feed.publish([("a", "0")])
        await recorder.until("a", 1)
        server.stop()
        server.start()
        while not recorder.resets:
            await asyncio.sleep(0.005)
        after = await follower.follow("a")
        assert after.offset == 1 and after.epoch != before.epoch
        await feed.publish([("a", "1")])
        await recorder.until("a", 2)
        assert recorder.offsets["a"] == [1, 2]
        assert recorder.resets == ["a"]


async def test_a_refused_command_leaves_the_connection_fit_for_the_next_ones(feed: Feed) -> None:
    await feed.redis.set(pubsub_name("b"), "no hash")
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await feed.publish([("a", "0"), ("b", "0"), ("c", "0")])
    assert await feed.publish([("a", "1"), ("c", "1")]) == [2, 2]


async def test_a_redis_that_falls_silent_is_an_error_and_its_late_answer_belongs_to_nobody(
    settings: Settings,
) -> None:
    port = urlsplit(settings.redis_url).port
    assert port is not None
    async with proxy_to(port) as proxy:
        silent = settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{proxy.port}/0"})
        async with Feed.connect(silent) as feed:
            await feed.publish([("a", "0")])
            for connection in feed.redis.connection_pool._available_connections:
                connection.socket_timeout = 0.1
                connection.retry = Retry(NoBackoff(), retries=0)
            proxy.stall()
            with pytest.raises(RedisError):
                await feed.publish([("a", "1")])
            assert (await feed.positions(["a"]))["a"].offset == 1


async def test_a_cancelled_command_s_reply_belongs_to_nobody(feed: Feed) -> None:
    waiting = asyncio.create_task(exchange(feed.redis, [("BLPOP", "list", 0)]))
    async with asyncio.timeout(30):
        while (await feed.redis.info("clients"))["blocked_clients"] == 0:
            await asyncio.sleep(0.005)
    [connection] = [each for each in feed.redis.connection_pool._in_use_connections if each.is_connected]
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert not connection.is_connected


async def test_a_command_that_reaches_a_demoted_leader_goes_to_the_new_one(
    settings: Settings, tmp_path: Path
) -> None:
    with (
        embedded.valkey(tmp_path / "first") as first,
        replica_of(port_of(first), tmp_path / "second") as second,
        redis.Redis.from_url(first.url) as of_first,
        redis.Redis.from_url(second.url) as of_second,
    ):
        async with proxy_to(port_of(first)) as front:
            reached = settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{front.port}/0"})
            async with Feed.connect(reached) as feed:
                await feed.publish([("a", "0")])
                await asyncio.to_thread(until_replicated, first)
                of_second.slaveof()
                front.target = port_of(second)
                of_first.slaveof("127.0.0.1", str(port_of(second)))
                assert await feed.publish([("a", "1")]) == [2]
