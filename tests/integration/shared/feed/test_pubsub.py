"""Keeping the pub/sub connection open while the network or Redis fails."""

import asyncio

import pytest
import redis

from herald.shared.feed.feed import Feed
from herald.shared.feed.pubsub import PubSub
from herald.shared.launcher import embedded
from tests.support.feed import following
from tests.support.proxy import Proxy


async def test_a_silent_connection_is_replaced(
    feed: Feed, proxied: Feed, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PubSub, "ping_every_s", 0.05)
    monkeypatch.setattr(PubSub, "pong_within_s", 0.1)
    async with following(proxied) as (follower, recorder):
        await follower.follow("a")
        await feed.publish([("a", "0")])
        await recorder.until("a", 1)
        proxy.stall()
        await proxied.redis.connection_pool.disconnect()
        await feed.publish([("a", "1")])
        await recorder.until("a", 2)
        assert recorder.offsets["a"] == [1, 2]


async def test_an_unconfirmed_subscription_is_sent_again_after_a_reconnect(
    proxied: Feed, proxy: Proxy
) -> None:
    async with following(proxied) as (follower, recorder):
        while not follower.connected:
            await asyncio.sleep(0.005)
        proxy.stall()
        joining = asyncio.create_task(follower.follow("a"))
        while not follower._channels or follower._to_subscribe:
            await asyncio.sleep(0)
        proxy.drop()
        await joining
        await proxied.publish([("a", "0")])
        await recorder.until("a", 1)


async def test_a_server_that_accepts_a_connection_but_never_replies_is_abandoned(
    proxied: Feed, proxy: Proxy
) -> None:
    accepted = asyncio.Event()

    async def accept_silently(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.set()
        await reader.read()  # until the client hangs up
        writer.close()

    redis_port = proxy.target
    async with await asyncio.start_server(accept_silently, "127.0.0.1", 0) as silent:
        proxy.target = silent.sockets[0].getsockname()[1]
        proxied.redis.connection_pool.connection_kwargs["socket_timeout"] = 0.5
        async with following(proxied) as (follower, _):
            await accepted.wait()
            proxy.target = redis_port
            assert (await follower.follow("a")).offset == 0


async def test_the_pauses_between_reconnects_grow_up_to_a_limit(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    delays: list[float] = []
    capped = asyncio.Event()

    async def record(delay: float) -> None:
        delays.append(delay)
        if len(delays) == 9:
            capped.set()

    pause = asyncio.sleep
    monkeypatch.setattr("herald.shared.feed.pubsub.random.uniform", lambda *_: 1.0)
    monkeypatch.setattr(
        "herald.shared.feed.pubsub.asyncio.sleep", lambda delay: asyncio.gather(record(delay), pause(0))
    )
    monkeypatch.setattr(feed, "new_connection", lambda: redis.asyncio.Connection(port=1))
    async with following(feed):
        await capped.wait()
    assert delays[:9] == [0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]


async def test_positions_are_void_after_a_restart_of_redis_even_with_its_data(
    feed: Feed, services: dict[str, embedded.Server]
) -> None:
    """Herald cannot know whether Redis has returned with its newest data or with older data."""
    server = services["HERALD_REDIS_URL"]
    async with following(feed) as (follower, recorder):
        before = await follower.follow("a")
        await feed.publish([("a", "0")])
        await recorder.until("a", 1)
        server.stop()
        server.start()
        await recorder.until_reset()
        after = await follower.follow("a")
        assert after.offset == 1 and after.epoch != before.epoch
        await feed.publish([("a", "1")])
        await recorder.until("a", 2)
        assert recorder.offsets["a"] == [1, 2]
        assert recorder.resets == ["a"]
