"""Repairs the queue's index by user, in case an older version changed the queue without updating it."""

from herald.worker.dependencies import Dependencies

EVERY_S = 60.0


async def reindex(dependencies: Dependencies) -> None:
    """Repair the index.

    Raises:
        redis.RedisError: Redis cannot be reached.
    """
    await dependencies.queue.reindex()
