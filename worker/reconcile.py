"""Puts right what a death or an outage has left half done: tasks that are lost, untold or overdue."""

import logging
from datetime import datetime, timedelta

from shared import metrics
from shared.events import TaskEvent
from shared.fleet import Fleet
from shared.models import EndReason, Task, TaskStatus, now
from shared.outlook import outlooks
from shared.queue import Queue
from worker.run import Parts

log = logging.getLogger(__name__)

EVERY_S = 5.0
FORGOTTEN_AFTER = timedelta(seconds=5)
"""A change that is so old is not just being handled by whoever made it."""
POSITIONS_EVERY_S = 3.0
POSITIONS_OF = 500
"""Waiting tasks whose positions are told."""
FRONT = 10
"""Each step forward is told to those at the front; to the others, when they have come a tenth of the way."""


class Reconcile:
    """Finds what MongoDB says and Redis does not show, or nobody has been told; one worker at a time does."""

    def __init__(self, parts: Parts, queue: Queue, fleet: Fleet) -> None:
        self._parts = parts
        self._queue = queue
        self._fleet = fleet
        self._told: dict[str, int] = {}

    async def reconcile(self) -> None:
        """End what is overdue, queue what has been lost, and tell of what has not been told."""
        if not await self._fleet.leads("reconcile", self._parts.worker_id, EVERY_S):
            return
        settled = now() - FORGOTTEN_AFTER
        await self._end_overdue()
        async for tasks in self._parts.store.active(unchanged_since=settled):
            for task in await self._queue.missing(tasks):
                if await self._queue.enqueue(task):
                    metrics.REQUEUED.inc()
                    log.warning("task %s was not in the queue, queued it again", task.task_id)
        async for tasks in self._parts.store.unannounced(unchanged_since=settled):
            for task in tasks:
                if not await self._parts.announcer.tell(task):
                    return  # Redis is away; the next round goes on
                log.warning("task %s is %s, and nobody had been told", task.task_id, task.status)

    async def _end_overdue(self) -> None:
        longest_s = self._parts.settings.task_deadline_s
        async for tasks in self._parts.store.overdue(queued_before=now() - timedelta(seconds=longest_s)):
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
        )
        if failed is not None:
            await self._queue.withdraw(failed)
            await self._parts.announcer.tell(failed)

    async def tell_positions(self) -> None:
        """Tell those that wait how far they have come, and when they may expect to start."""
        if not await self._fleet.leads("positions", self._parts.worker_id, POSITIONS_EVERY_S):
            return
        tasks = await self._parts.store.waiting(limit=POSITIONS_OF)
        positions = await self._queue.positions(tasks)
        moved = [task for task in tasks if self._has_moved(task, positions.get(task.task_id))]
        views = await outlooks(self._fleet, self._parts.forecast, {task.type for task in moved})
        told = {task.task_id: self._told[task.task_id] for task in tasks if task.task_id in self._told}
        for task in moved:
            told[task.task_id] = position = positions[task.task_id]
            start = views[task.type].start_of(position)
            await self._parts.feed.announce(_waiting(task, position, start))
        self._told = told

    def _has_moved(self, task: Task, position: int | None) -> bool:
        if position is None:
            return False
        told = self._told.get(task.task_id)
        if told is None:
            return True
        return position != told if position <= FRONT else abs(told - position) * 10 >= told


def _waiting(task: Task, position: int, start: datetime | None) -> TaskEvent:
    """The event that tells how far a waiting task has come; its tick grows with the time it has waited."""
    tick = max(1, int((now() - task.updated_at).total_seconds() * 10))
    changes = {"tick": tick, "queue_position": position, "estimated_start": start}
    return TaskEvent.of(task.model_copy(update=changes), "task.progress")
