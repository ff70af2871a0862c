"""Fails tasks that did not end by their deadline."""

from datetime import UTC, datetime, timedelta

from herald.shared.redis.pool import redis_time
from herald.shared.tasks.models import EndReason, Task, TaskStatus, now
from herald.worker.dependencies import Dependencies

EVERY_S = 5.0


async def end_overdue(dependencies: Dependencies) -> None:
    """Fail each task that has missed its deadline, by Redis's clock.

    A task without one has to end within ``HERALD_TASK_DEADLINE_S`` of being queued.

    Raises:
        pymongo.errors.PyMongoError: MongoDB cannot be reached.
        redis.RedisError: Redis cannot be reached.
    """
    at = datetime.fromtimestamp(await redis_time(dependencies.queue.redis), UTC)
    deadline_s = dependencies.settings.task_deadline_s
    queued_before = at - timedelta(seconds=deadline_s)
    async for tasks in dependencies.store.queries.overdue(at, queued_before=queued_before):
        for task in tasks:
            own_s = (task.deadline - task.queued_at).total_seconds() if task.deadline else deadline_s
            await _expire(task, f"the task did not end within {own_s:g} s of being queued", dependencies)


async def _expire(task: Task, message: str, dependencies: Dependencies) -> None:
    failed = await dependencies.store.transition(
        task.task_id,
        TaskStatus.FAILED,
        by=dependencies.worker_id,
        if_attempt=task.attempt,
        note=message,
        last_error=message,
        end_reason=EndReason.EXPIRED,
        retryable=True,
        completed_at=now(),
        next_retry_at=None,
        estimated_completion=None,
    )
    if failed is not None:
        await dependencies.queue.withdraw(failed)
        await dependencies.announcer.announce(failed)
