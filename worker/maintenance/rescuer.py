"""Puts tasks back in the queue that are active in MongoDB but that Redis has lost."""

import logging

from herald.shared.observability import metrics
from herald.worker.dependencies import Dependencies
from herald.worker.maintenance.settled import settled_before

log = logging.getLogger(__name__)

EVERY_S = 5.0


async def enqueue_lost(dependencies: Dependencies) -> None:
    """Enqueue each active task that is neither queued nor running in Redis.

    Raises:
        pymongo.errors.PyMongoError: MongoDB cannot be reached.
        redis.RedisError: Redis cannot be reached.
    """
    queue = dependencies.queue
    async for tasks in dependencies.store.queries.active(unchanged_since=await settled_before(queue.redis)):
        for task in await queue.missing(tasks):
            if await queue.enqueue(task):
                metrics.REQUEUED.inc()
                log.warning("task %s was not in the queue, enqueued it again", task.task_id)
