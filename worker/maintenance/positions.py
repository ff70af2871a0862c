"""Shows waiting users how their tasks move forward in the queue, or that no worker for them is online."""

from datetime import timedelta
from typing import Any

from herald.shared.queue.estimates import Estimator, Start
from herald.shared.queue.jobs import task_of
from herald.shared.tasks.events import TaskEvent
from herald.shared.tasks.models import NO_WORKER, Task, now
from herald.worker.dependencies import Dependencies

EVERY_S = 3.0
MAX_UPDATED = 500
"""How many queued tasks that wait for the same workers get updates, from the front of the queue."""
FRONT = 10
"""Up to this position, every change is published; further back, only a gain of a tenth."""
START_MOVED = timedelta(seconds=10)
"""A change of the expected start by this much is published too."""


class PositionPublisher:
    """Publishes the positions that have changed since they were last published.

    It remembers in memory what has been published, so a new leader publishes every position once.
    """

    def __init__(self, dependencies: Dependencies) -> None:
        self._store = dependencies.store
        self._feed = dependencies.feed
        self._estimator = Estimator(
            dependencies.queue,
            dependencies.heartbeats,
            dependencies.durations,
            user_limit=dependencies.settings.max_running_per_user,
        )
        self._published: dict[bytes, Start | None] = {}
        """What was last published of each job; None stands for no worker."""

    async def publish(self) -> None:
        """Publish the positions and expected starts that have changed noticeably, and who has no worker.

        Raises:
            pymongo.errors.PyMongoError: MongoDB cannot be reached.
            redis.RedisError: Redis cannot be reached.
        """
        estimates = await self._estimator.estimates()
        starts = estimates.front(MAX_UPDATED)
        for job, published in self._published.items():
            if published is None and (start := estimates.start_of_job(job)):
                starts[job] = start  # a worker has come, however many are ahead
        moved = {
            task_of(job): (job, start)
            for job, start in starts.items()
            if job not in self._published or _has_moved(start, self._published[job])
        }
        self._published = {job: start for job, start in self._published.items() if job in starts}
        for task in await self._store.queries.queued(list(moved)):
            job, start = moved[task.task_id]
            await self._feed.publish(_position_event(task, start).messages())
            self._published[job] = start

    def forget(self) -> None:
        """Forget what has been published: another worker leads, and publishes newer positions."""
        self._published.clear()


def _has_moved(start: Start | None, published: Start | None) -> bool:
    if start is None or published is None:
        return start is not published
    if (start.at is None) != (published.at is None):
        return True
    if start.at is not None and published.at is not None and abs(start.at - published.at) >= START_MOVED:
        return True
    if start.position <= FRONT:
        return start.position != published.position
    return abs(published.position - start.position) * 10 >= published.position


def _position_event(task: Task, start: Start | None) -> TaskEvent:
    """The event with a queued task's position. Its tick grows with the time that the task has waited."""
    changes: dict[str, Any] = {"tick": max(1, int((now() - task.updated_at).total_seconds() * 10))}
    if start is None:
        changes["waiting_for"] = NO_WORKER
    else:
        changes |= {"queue_position": start.position, "estimated_start": start.at}
    return TaskEvent.of(task.model_copy(update=changes), "task.progress")
