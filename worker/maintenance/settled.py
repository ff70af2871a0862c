"""Tells recent changes, which their own process is still handling, from those that were left behind."""

from datetime import UTC, datetime, timedelta

from redis.asyncio import Redis

from herald.shared.redis.pool import redis_time

FORGOTTEN_AFTER = timedelta(seconds=5)
"""A process that stores a change publishes and enqueues it within this time, if it does so at all."""


async def settled_before(redis: Redis) -> datetime:
    """Changes from before this time, by Redis's clock, are not being handled any more.

    Raises:
        redis.RedisError: Redis cannot be reached.
    """
    return datetime.fromtimestamp(await redis_time(redis), UTC) - FORGOTTEN_AFTER
