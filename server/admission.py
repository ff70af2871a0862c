"""Tasks that wait: whether there is room for another one, how it is queued, and where it is then."""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

from redis.exceptions import RedisError
from starlette.background import BackgroundTask

from herald.shared.feed.announcer import Announcer
from herald.shared.queue.durations import Durations
from herald.shared.queue.estimates import Estimator, Start
from herald.shared.queue.heartbeats import Heartbeats
from herald.shared.queue.queue import Queue
from herald.shared.settings import Settings
from herald.shared.tasks.models import PublicTask, Task, TaskStatus
from herald.shared.tasks.store import Store

log = logging.getLogger(__name__)


TaskT = TypeVar("TaskT", bound=PublicTask)


class QueueLimitError(Exception):
    """The user already has as many queued tasks as allowed."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"you already have {limit} queued tasks; try again when some of them have started")


class Admission:
    """The web process's side of the queue. MongoDB has the tasks; what Redis cannot tell is left out."""

    def __init__(
        self, settings: Settings, store: Store, queue: Queue, heartbeats: Heartbeats, announcer: Announcer
    ) -> None:
        self._most = settings.max_queued_per_user
        self._store = store
        self._queue = queue
        self._announcer = announcer
        self._estimator = Estimator(
            queue, heartbeats, Durations(queue.redis), user_limit=settings.max_running_per_user
        )

    @asynccontextmanager
    async def room(
        self, user_id: str, task_id: str, idempotency_key: str | None = None
    ) -> AsyncIterator[None]:
        """Room for another waiting task of a user, which is stored within the block.

        It is reserved in Redis first, and what waits is counted in MongoDB then. So each of those that ask
        at the same time sees all that came before it, as reserved or as stored, and counts none twice.
        Without Redis, those that ask at the same time do not see each other.

        Raises:
            QueueLimitError: the user has enough queued tasks, and none of them has this idempotency key.
        """
        try:
            reserved = await self._queue.reserve(user_id, task_id)
        except (RedisError, OSError):
            reserved = [task_id]
        try:
            if not await self._fits(user_id, reserved) and not (
                idempotency_key is not None and await self._store.of_key(user_id, idempotency_key)
            ):
                raise QueueLimitError(self._most)
            yield
        finally:
            with suppress(RedisError, OSError):  # it runs out
                await self._queue.unreserve(user_id, task_id)

    async def _fits(self, user_id: str, reserved: Sequence[str]) -> bool:
        left = self._most - len(reserved)
        if left < 0:
            return False
        if await self._store.count_waiting(user_id) <= left:
            return True  # the quick count, though it counts those twice that are stored and still reserved
        return len(reserved) > 1 and await self._store.count_waiting(user_id, besides=reserved) <= left

    async def admit(self, task: Task) -> tuple[Task, BackgroundTask | None]:
        """Tell of a task that is queued, and queue it; the task with its position, and what is left to do.

        It is accepted already: if Redis fails us here, the workers' reconcile does this later.
        """
        try:
            task = _at(task, (await self._estimator.estimates()).add(task))
            published = await self._announcer.publish(task)
            await self._queue.enqueue(task)
        except (RedisError, OSError) as error:
            log.warning("task %s is stored, but not in the queue yet: %s", task.task_id, error)
            return task, None
        return task, BackgroundTask(self._announcer.note, task) if published else None

    async def move(self, task: Task) -> Task:
        """Bring a task whose priority has changed to its new place, and tell of it."""
        try:
            await self._queue.move(task)
        except (RedisError, OSError) as error:
            log.warning("task %s is not where it belongs in the queue: %s", task.task_id, error)
        self._estimator.outdate()
        [task] = await self.placed([task])
        await self._announcer.tell(task)
        return task

    async def dismiss(self, task: Task) -> None:
        """Tell of a task that has been cancelled, and see to it that nobody runs it."""
        await self._announcer.tell(task)
        try:
            await self._queue.withdraw(task)
        except (RedisError, OSError) as error:  # the worker that has it, or will, finds out by itself
            log.warning("task %s is still in the queue: %s", task.task_id, error)
        self._estimator.outdate()

    async def placed(self, tasks: Sequence[TaskT]) -> list[TaskT]:
        """The tasks, those that wait with their position and their expected start."""
        if all(task.status is not TaskStatus.QUEUED for task in tasks):
            return list(tasks)
        try:
            plan = await self._estimator.estimates()
        except (RedisError, OSError):
            return list(tasks)
        return [
            _at(task, plan.start_of(task)) if task.status is TaskStatus.QUEUED else task for task in tasks
        ]


def _at(task: TaskT, start: Start | None) -> TaskT:
    if start is None:
        return task
    return task.model_copy(update={"queue_position": start.position, "estimated_start": start.at})
