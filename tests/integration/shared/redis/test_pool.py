"""Sending commands to a Redis that rejects them, falls silent, or is no longer the leader."""

import asyncio

import pytest
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from herald.shared.feed.feed import Feed
from herald.shared.redis.pool import exchange
from tests.support.failover import Failover
from tests.support.proxy import Proxy


async def test_a_connection_stays_usable_after_a_rejected_command(feed: Feed) -> None:
    await feed.redis.set("text", "not a list")
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await exchange(feed.redis, [("RPUSH", "a", "0"), ("RPUSH", "text", "0"), ("RPUSH", "b", "0")])
    assert await exchange(feed.redis, [("RPUSH", "a", "1"), ("RPUSH", "b", "1")]) == [2, 2]


async def test_a_command_to_a_silent_redis_fails_and_its_late_reply_is_discarded(
    proxied: Feed, proxy: Proxy
) -> None:
    assert await exchange(proxied.redis, [("RPUSH", "a", "0")]) == [1]
    for connection in proxied.redis.connection_pool._available_connections:
        connection.socket_timeout = 0.1
        connection.retry = Retry(NoBackoff(), retries=0)
    proxy.stall()
    with pytest.raises(RedisError):
        await exchange(proxied.redis, [("RPUSH", "a", "1")])
    assert await exchange(proxied.redis, [("LRANGE", "a", 0, 0)]) == [[b"0"]]


async def test_the_reply_to_a_cancelled_command_is_discarded(feed: Feed) -> None:
    waiting = asyncio.create_task(exchange(feed.redis, [("BLPOP", "list", 0)]))
    async with asyncio.timeout(30):
        while (await feed.redis.info("clients"))["blocked_clients"] == 0:
            await asyncio.sleep(0.005)
    [connection] = [each for each in feed.redis.connection_pool._in_use_connections if each.is_connected]
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert not connection.is_connected


async def test_a_command_that_reaches_a_demoted_leader_is_sent_to_the_new_one(failover: Failover) -> None:
    redis = failover.feed.redis
    await exchange(redis, [("RPUSH", "a", "0")])
    await failover.replicate()
    failover.promote()
    failover.switch()
    failover.demote()
    assert await exchange(redis, [("RPUSH", "a", "1")]) == [2]
