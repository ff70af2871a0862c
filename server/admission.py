"""Admits tasks to the queue: the limit per user, enqueueing, and estimates of when a queued task starts."""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

from redis.exceptions import RedisError
from starlette.background import BackgroundTask

from herald.shared.feed.announcer import Announcer
from herald.shared.queue.durations import Durations
from herald.shared.queue.estimates import Estimates, Estimator, Start
from herald.shared.queue.heartbeats import Heartbeats
from herald.shared.queue.queue import Queue
from herald.shared.queue.recent_values import RecentValues
from herald.shared.settings import Settings
from herald.shared.tasks.models import NO_WORKER, PublicTask, Task, TaskStatus
from herald.shared.tasks.store import Store

log = logging.getLogger(__name__)

TaskT = TypeVar("TaskT", bound=PublicTask)


class QueueLimitError(Exception):
    """The user already has as many queued tasks as allowed."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"You already have {limit} queued tasks. Try again when some of them have started.")


class Admission:
    """Queues, moves and withdraws tasks for the endpoints.

    Tasks are stored in MongoDB, so they are accepted even while Redis is down, but without estimates.
    """

    def __init__(
        self, settings: Settings, store: Store, queue: Queue, heartbeats: Heartbeats, announcer: Announcer
    ) -> None:
        self._limit = settings.max_queued_per_user
        self._store = store
        self._queue = queue
        self._announcer = announcer
        self._estimator = Estimator(
            queue, heartbeats, Durations(RecentValues(queue.redis)), user_limit=settings.max_running_per_user
        )

    @asynccontextmanager
    async def reserve(
        self, user_id: str, task_id: str, idempotency_key: str | None = None
    ) -> AsyncIterator[None]:
        """Reserve a place within the user's limit of queued tasks for the task that the block stores.

        The reservation is made in Redis before the queued tasks are counted in MongoDB. So each request
        counts all concurrent ones that began earlier, as a reservation or as a stored task. While Redis is
        down, concurrent requests do not see each other and may exceed the limit.

        Raises:
            QueueLimitError: the user has too many queued tasks, and none has this idempotency key.
        """
        try:
            reserved = await self._queue.reserve(user_id, task_id)
        except (RedisError, OSError):
            reserved = [task_id]
        try:
            if not await self._fits(user_id, reserved) and not (
                idempotency_key is not None
                and await self._store.queries.has_idempotency_key(user_id, idempotency_key)
            ):
                raise QueueLimitError(self._limit)
            yield
        finally:
            with suppress(RedisError, OSError):  # the reservation expires
                await self._queue.unreserve(user_id, task_id)

    async def _fits(self, user_id: str, reserved: Sequence[str]) -> bool:
        left = self._limit - len(reserved)
        if left < 0:
            return False
        if await self._store.queries.count_queued(user_id) <= left:
            return True  # a fast upper bound: a task that is stored and still reserved counts twice
        return len(reserved) > 1 and await self._store.queries.count_queued(user_id, besides=reserved) <= left

    async def enqueue(self, task: Task) -> tuple[Task, BackgroundTask | None]:
        """Publish a stored task as queued, and put it in the queue.

        If Redis is down, the task stays accepted, and the workers publish and enqueue it later.

        Returns:
            The task as `with_estimates` returns it, and work to do once the response has been sent.
        """
        try:
            estimates = await self._estimator.estimates()
            task = _with_start(task, estimates.add(task), estimates)
            published = await self._announcer.publish(task)
            await self._queue.enqueue(task)
        except (RedisError, OSError) as error:
            log.warning("task %s is stored but could not be enqueued yet: %s", task.task_id, error)
            return task, None
        return task, BackgroundTask(self._announcer.mark_announced, task) if published else None

    async def move(self, task: Task) -> Task:
        """Move a task whose priority has changed to its new place in the queue, and publish it."""
        try:
            await self._queue.move(task)
        except (RedisError, OSError) as error:
            log.warning("task %s could not be moved in the queue: %s", task.task_id, error)
        self._estimator.outdate()
        [task] = await self.with_estimates([task])
        await self._announcer.announce(task)
        return task

    async def withdraw(self, task: Task) -> None:
        """Publish a task that has been cancelled, and remove it from the queue."""
        await self._announcer.announce(task)
        try:
            await self._queue.withdraw(task)
        except (RedisError, OSError) as error:  # a worker that claims it will see that it is cancelled
            log.warning("task %s could not be removed from the queue: %s", task.task_id, error)
        self._estimator.outdate()

    async def with_estimates(self, tasks: Sequence[TaskT]) -> list[TaskT]:
        """The tasks, with the position and the estimated start of those that are queued.

        A queued task whose type no online worker runs has what it is waiting for instead.
        """
        if all(task.status is not TaskStatus.QUEUED for task in tasks):
            return list(tasks)
        try:
            estimates = await self._estimator.estimates()
        except (RedisError, OSError):
            return list(tasks)
        return [
            _with_start(task, estimates.start_of(task), estimates)
            if task.status is TaskStatus.QUEUED
            else task
            for task in tasks
        ]


def _with_start(task: TaskT, start: Start | None, estimates: Estimates) -> TaskT:
    if not estimates.has_worker(task.type):
        return task.model_copy(update={"waiting_for": NO_WORKER})
    if start is None:
        return task
    return task.model_copy(update={"queue_position": start.position, "estimated_start": start.at})
