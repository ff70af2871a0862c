"""No position ever names two publications, even across a failover of Redis."""

import asyncio

import pytest
import redis

from herald.shared.feed.follower import Follower
from herald.shared.feed.pubsub import PubSub
from tests.support.failover import Failover
from tests.support.older import until_replicated
from tests.support.positions import CHANNEL, Reader, publish


async def test_a_server_that_leads_again_has_another_epoch(failover: Failover) -> None:
    feed, other = failover.feed, failover.other
    await publish(feed, "1")
    await failover.replicate()
    at_first = (await feed.history(CHANNEL, limit=0)).position
    failover.promote()
    at_second = (await other.history(CHANNEL, limit=0)).position
    failover.demote()
    await asyncio.to_thread(until_replicated, failover.second)
    with redis.Redis.from_url(failover.first.url) as first:
        first.slaveof()
    again = (await feed.history(CHANNEL, limit=0)).position
    assert [at_first.offset, at_second.offset, again.offset] == [1, 1, 1]
    assert len({at_first.epoch, at_second.epoch, again.epoch}) == 3


async def test_a_follower_notices_that_its_leader_was_demoted(
    failover: Failover, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failover by hand, without sentinels that close the connections of the old leader."""
    monkeypatch.setattr(PubSub, "ping_every_s", 0.05)
    monkeypatch.setattr(PubSub, "pong_within_s", 0.2)
    feed, other = failover.feed, failover.other
    await publish(feed, "1", "2")
    await failover.replicate()
    failover.promote()  # it has only these two
    reader = Reader()
    async with Follower(feed, reader.on_publication, reader.on_reset) as follower:
        await reader.follow(follower)
        await publish(feed, "3 lost", "4 lost")
        await reader.until("4 lost")
        failover.switch()
        failover.demote()
        await asyncio.to_thread(until_replicated, failover.second)
        await publish(other, "3", "4")
        await reader.until("reset")
        position = await reader.follow(follower)
        await publish(other, "5")
        await reader.until("5")
        assert position.offset == 4
        assert reader.data == ["3 lost", "4 lost", "reset", "5"]


async def test_a_position_read_from_another_server_than_the_followed_one_is_not_trusted(
    failover: Failover, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two servers lead for a moment: the old one was only paused, and connections to it stay open."""
    monkeypatch.setattr(PubSub, "ping_every_s", 600)  # the follower must notice without a ping
    feed, other = failover.feed, failover.other
    await publish(feed, "1", "2")
    await failover.replicate()
    failover.promote()
    await publish(feed, "3 lost", "4 lost")
    failover.switch()  # for the follower's new connection; the feed keeps its own
    reader = Reader()
    async with Follower(feed, reader.on_publication, reader.on_reset) as follower:
        while not follower.connected:
            await asyncio.sleep(0.005)
        await reader.follow(follower)
        await publish(other, "3", "4", "5", "6")
        await reader.until("reset")
        position = await reader.follow(follower)
        await publish(other, "7")
        await reader.until("7")
        assert position.offset == 6
        assert reader.data == ["reset", "7"]
