"""One process at a time holds a role, and a dead holder is replaced."""

import asyncio

from herald.shared.feed.feed import Feed
from herald.shared.redis.leadership import Leadership


async def test_the_leader_keeps_its_role_until_it_resigns(feed: Feed) -> None:
    a, b = (Leadership(feed.redis, name) for name in "ab")
    assert await a.acquire("x", 30)
    assert not await b.acquire("x", 30)
    assert await a.acquire("x", 30), "the holder renews its lease"
    await b.resign("x")
    assert not await b.acquire("x", 30), "only the holder can resign"
    await a.resign("x")
    assert await b.acquire("x", 30)


async def test_a_dead_leader_is_replaced(feed: Feed) -> None:
    dead, other = (Leadership(feed.redis, name) for name in ("dead", "other"))
    assert await dead.acquire("x", 0.05)
    async with asyncio.timeout(30):
        while not await other.acquire("x", 30):
            await asyncio.sleep(0.02)
