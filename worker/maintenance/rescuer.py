"""Puts right what a death or an outage has left half done: tasks that are lost, untold or overdue."""

import logging
from datetime import UTC, datetime, timedelta

from herald.shared.observability import metrics
from herald.shared.queue.estimates import Estimator, Start
from herald.shared.queue.heartbeats import Heartbeats
from herald.shared.queue.queue import Queue
from herald.shared.redis.leadership import Leadership
from herald.shared.redis.pool import redis_time
from herald.shared.tasks.events import TaskEvent
from herald.shared.tasks.models import EndReason, Task, TaskStatus, now
from herald.worker.engine.attempt import Parts

log = logging.getLogger(__name__)

EVERY_S = 5.0
FORGOTTEN_AFTER = timedelta(seconds=5)
"""A change that is so old is not just being handled by whoever made it."""
REINDEX_EVERY_S = 60.0
POSITIONS_EVERY_S = 3.0
DUTIES = "reconcile"
"""What the worker that reconciles leads; it keeps the lead for as long as it lives."""
POSITIONS_OF = 500
"""Waiting tasks whose positions are told."""
FRONT = 10
"""Each step forward is told to those at the front; to the others, when they have come a tenth of the way."""
START_MOVED = timedelta(seconds=10)
"""A start that is now expected so much sooner or later is told as well."""


class Reconcile:
    """Finds what MongoDB says and Redis does not show, or nobody has been told; one worker at a time does."""

    def __init__(self, parts: Parts, queue: Queue, heartbeats: Heartbeats) -> None:
        self._parts = parts
        self._queue = queue
        self._leadership = Leadership(queue.redis, parts.worker_id)
        self._planner = Estimator(
            queue, heartbeats, parts.durations, user_limit=parts.settings.max_running_per_user
        )
        self._told: dict[bytes, Start] = {}

    async def reconcile(self) -> None:
        """End what is overdue, queue what has been lost, and tell of what has not been told."""
        if not await self._leads():
            return
        at = datetime.fromtimestamp(await redis_time(self._queue.redis), UTC)
        settled = at - FORGOTTEN_AFTER
        await self._end_overdue(at)
        async for tasks in self._parts.store.active(unchanged_since=settled):
            for task in await self._queue.missing(tasks):
                if await self._queue.enqueue(task):
                    metrics.REQUEUED.inc()
                    log.warning("task %s was not in the queue, queued it again", task.task_id)
        async for tasks in self._parts.store.unannounced(unchanged_since=settled):
            for task in tasks:
                if not await self._parts.announcer.tell(task):
                    return  # Redis is away; the next round goes on
                log.warning(
                    "task %s is %s, which had not been published; published it now", task.task_id, task.status
                )

    async def _leads(self) -> bool:
        return await self._leadership.acquire(DUTIES, POSITIONS_EVERY_S)

    async def reindex(self) -> None:
        """Build the queue's index anew."""
        if await self._leads():
            await self._queue.reindex()

    async def _end_overdue(self, at: datetime) -> None:
        longest_s = self._parts.settings.task_deadline_s
        async for tasks in self._parts.store.overdue(queued_before=at - timedelta(seconds=longest_s)):
            for task in tasks:
                await self._expire(task, f"it had not ended {longest_s:g} s after it was queued")

    async def _expire(self, task: Task, message: str) -> None:
        failed = await self._parts.store.transition(
            task.task_id,
            TaskStatus.FAILED,
            by=self._parts.worker_id,
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
            await self._queue.withdraw(failed)
            await self._parts.announcer.tell(failed)

    async def tell_positions(self) -> None:
        """Tell those that wait how far they have come, and when they may expect to start."""
        if not await self._leads():
            self._told.clear()
            return
        plan = await self._planner.estimates()
        starts = {job: plan.start_at(position) for position, job in enumerate(plan.order[:POSITIONS_OF], 1)}
        moved = {
            job.decode(errors="replace").partition(":")[0]: (job, start)
            for job, start in starts.items()
            if _has_moved(start, self._told.get(job))
        }
        self._told = {job: told for job, told in self._told.items() if job in starts}
        for task in await self._parts.store.queued(list(moved)):
            job, start = moved[task.task_id]
            await self._parts.feed.announce(_waiting(task, start))
            self._told[job] = start


def _has_moved(start: Start, told: Start | None) -> bool:
    if told is None or (start.at is None) != (told.at is None):
        return True
    if start.at is not None and told.at is not None and abs(start.at - told.at) >= START_MOVED:
        return True
    if start.position <= FRONT:
        return start.position != told.position
    return abs(told.position - start.position) * 10 >= told.position


def _waiting(task: Task, start: Start) -> TaskEvent:
    """The event that tells how far a waiting task has come; its tick grows with the time it has waited."""
    tick = max(1, int((now() - task.updated_at).total_seconds() * 10))
    changes = {"tick": tick, "queue_position": start.position, "estimated_start": start.at}
    return TaskEvent.of(task.model_copy(update=changes), "task.progress")
