"""Decides when a stored change counts as abandoned by the process that made it."""

from datetime import UTC, datetime, timedelta

from redis.asyncio import Redis

from herald.shared.redis.pool import redis_time

FORGOTTEN_AFTER = timedelta(seconds=5)
"""A live process publishes and enqueues its stored changes within this time."""


async def settled_before(redis: Redis) -> datetime:
    """The time, by Redis's clock, before which nobody is handling a change any more.

    Raises:
        redis.RedisError: Redis cannot be reached.
    """
    return datetime.fromtimestamp(await redis_time(redis), UTC) - FORGOTTEN_AFTER
