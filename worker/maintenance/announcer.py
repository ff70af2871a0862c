"""Publishes stored changes that have not been announced, because a process died or Redis was unreachable."""

import logging

from herald.worker.dependencies import Dependencies
from herald.worker.maintenance.settled import settled_before

log = logging.getLogger(__name__)

EVERY_S = 5.0


async def announce(dependencies: Dependencies) -> None:
    """Publish each task whose last change is still marked as unannounced.

    Raises:
        pymongo.errors.PyMongoError: MongoDB cannot be reached.
        redis.RedisError: Redis cannot be reached.
    """
    settled = await settled_before(dependencies.queue.redis)
    async for tasks in dependencies.store.queries.unannounced(unchanged_since=settled):
        for task in tasks:
            if not await dependencies.announcer.announce(task):
                return  # Redis is unreachable; the next round continues
            log.warning("published a missed event: task %s is %s", task.task_id, task.status)
