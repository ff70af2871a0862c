"""Tasks that wait: whether there is room for another one, how it is queued, and where it is then."""

import logging
from collections.abc import Sequence
from typing import TypeVar

from redis.exceptions import RedisError
from starlette.background import BackgroundTask

from server.problems import Problem
from shared.announcer import Announcer
from shared.fleet import Fleet
from shared.forecast import Forecast
from shared.models import PublicTask, Task, TaskStatus
from shared.outlook import Outlook, outlooks
from shared.queue import Queue
from shared.settings import Settings
from shared.store import Store

log = logging.getLogger(__name__)

FULL_RETRY_AFTER_S = 10

TaskT = TypeVar("TaskT", bound=PublicTask)


class WaitingRoom:
    """The web process's side of the queue. MongoDB has the tasks; what Redis cannot tell is left out."""

    def __init__(
        self, settings: Settings, store: Store, queue: Queue, fleet: Fleet, announcer: Announcer
    ) -> None:
        self._most = settings.max_queued_per_user
        self._store = store
        self._queue = queue
        self._announcer = announcer
        self._fleet = fleet
        self._forecast = Forecast(queue.redis)

    async def check_room(self, user_id: str, idempotency_key: str | None) -> None:
        """Refuse a task of a user who has enough of them waiting, unless it is there already.

        Raises:
            Problem: 429.
        """
        try:
            if await self._queue.length() < self._most:
                return  # then no user has so many of them
        except (RedisError, OSError):
            pass
        if await self._store.count_waiting(user_id) < self._most:
            return
        if idempotency_key is None or not await self._store.of_key(user_id, idempotency_key):
            detail = f"{self._most} of your tasks are waiting; come back when some have run"
            raise Problem(429, detail, headers={"Retry-After": str(FULL_RETRY_AFTER_S)})

    async def admit(self, task: Task) -> tuple[Task, BackgroundTask | None]:
        """Tell of a task that is queued, and queue it; the task with its position, and what is left to do.

        It is accepted already: if Redis fails us here, the workers' reconcile does this later.
        """
        try:
            position = await self._queue.position_of_next(task)
            views = await outlooks(self._fleet, self._forecast, {task.type})
            task = _at(task, position, views[task.type])
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

    async def placed(self, tasks: Sequence[TaskT]) -> list[TaskT]:
        """The tasks, those that wait with their position and their expected start."""
        waiting = [task for task in tasks if task.status is TaskStatus.QUEUED]
        if not waiting:
            return list(tasks)
        try:
            positions = await self._queue.positions(waiting)
            views = await outlooks(self._fleet, self._forecast, {task.type for task in waiting})
        except (RedisError, OSError):
            return list(tasks)
        return [
            _at(task, positions[task.task_id], views[task.type]) if task.task_id in positions else task
            for task in tasks
        ]


def _at(task: TaskT, position: int, outlook: Outlook) -> TaskT:
    changes = {"queue_position": position, "estimated_start": outlook.start_of(position)}
    return task.model_copy(update=changes)
