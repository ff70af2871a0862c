"""The operators' overview, read from MongoDB, Redis and the heartbeats of workers and hubs."""

import asyncio
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal

from herald.shared.queue.heartbeats import Heartbeats
from herald.shared.queue.queue import Queue
from herald.shared.tasks.models import EndReason, Model, Open, PublicTask, TaskStatus, Timestamp, now
from herald.shared.tasks.stats import EndedTask, oldest_wait_s
from herald.shared.tasks.store import Store

WINDOW = timedelta(hours=1)
MAX_ENDED = 2000
"""At most this many ended tasks are read; if more have ended within `WINDOW`, the window is shorter."""
MAX_RUNNING = 100
MAX_FAILED = 20
MINUTES = 30
"""For how many minutes the ended tasks are counted minute by minute."""


class ActiveTasks(Model):
    """The number of active tasks of one type and status."""

    type: str
    status: TaskStatus
    tasks: int


class QueueFigures(Model):
    """The number of queued tasks, and how long the oldest has been queued, in seconds."""

    depth: int
    oldest_wait_s: float


class Minute(Model):
    """The number of tasks that ended within one minute, by status."""

    at: Timestamp
    completed: int = 0
    failed: int = 0
    cancelled: int = 0


class Reason(Model):
    """The number of tasks that failed for one reason."""

    reason: Open[EndReason]
    tasks: int


class EndedTasks(Model):
    """The number of tasks that have ended since `since`, which is at most an hour ago."""

    since: Timestamp
    completed: int
    failed: int
    cancelled: int
    reasons: list[Reason]
    minutes: list[Minute]
    """The last half hour, oldest first."""


class StartLatency(Model):
    """The queue wait of recently started tasks, in seconds: the median and the 99th percentile."""

    tasks: int
    p50_s: float
    p99_s: float


class RunningTask(Model):
    """A task that a worker is running."""

    task_id: str
    user_id: str
    type: str
    progress: int
    current_step: str | None = None
    attempt: int
    started_at: Timestamp | None = None


class WorkerFigures(Model):
    """A worker with a recent heartbeat."""

    name: str
    slots: int
    types: list[str]
    """The task types that it runs."""
    tasks: list[RunningTask]


class HubFigures(Model):
    """A hub with a recent heartbeat."""

    node: str
    connections: int
    subscriptions: int
    forwarded_per_s: float
    deliveries_per_s: float


class Overview(Model):
    """The state of the queue, the workers, the hubs and recent tasks."""

    at: Timestamp
    queue: QueueFigures
    active: list[ActiveTasks]
    ended: EndedTasks
    start: StartLatency | None = None
    workers: list[WorkerFigures]
    hubs: list[HubFigures]
    failed: list[PublicTask]
    """The newest failed tasks, newest first."""


class OverviewEvent(Model):
    """The message on the operators' channel, published every two seconds while it has subscribers."""

    type: Literal["ops.overview"] = "ops.overview"
    at: Timestamp
    overview: Overview


class OverviewReader:
    """Reads the current overview."""

    def __init__(self, store: Store, queue: Queue, heartbeats: Heartbeats) -> None:
        self._store = store
        self._queue = queue
        self._heartbeats = heartbeats

    async def read(self) -> Overview:
        """The current overview.

        Raises:
            pymongo.errors.PyMongoError: MongoDB cannot be reached.
            redis.RedisError: Redis cannot be reached.
        """
        at = now()
        active, ended, running, failed = await asyncio.gather(
            self._store.stats.active_counts(),
            self._store.stats.recently_ended(after=at - WINDOW, limit=MAX_ENDED),
            self._store.queries.search([TaskStatus.PROCESSING], limit=MAX_RUNNING),
            self._store.queries.search([TaskStatus.FAILED], limit=MAX_FAILED),
        )
        depth, owners = await self._queue.length(), await self._queue.owners()
        workers, hubs = await self._heartbeats.workers(), await self._heartbeats.hubs.present()
        return Overview(
            at=at,
            queue=QueueFigures(depth=depth, oldest_wait_s=round(oldest_wait_s(active, at), 1)),
            active=[ActiveTasks(type=each.type, status=each.status, tasks=each.tasks) for each in active],
            ended=_ended_tasks(ended, at),
            start=_start_latency(ended, running.tasks),
            workers=[
                WorkerFigures(
                    name=name,
                    slots=int(heartbeat["slots"]),
                    types=sorted(heartbeat.get("types", ())),
                    tasks=[_running_task(task) for task in running.tasks if owners.get(task.task_id) == name],
                )
                for name, heartbeat in sorted(workers.items())
            ],
            hubs=[
                HubFigures.model_validate({"node": node, **heartbeat})
                for node, heartbeat in sorted(hubs.items())
            ],
            failed=failed.tasks,
        )


def _ended_tasks(ended: Sequence[EndedTask], at: datetime) -> EndedTasks:
    since = at - WINDOW if len(ended) < MAX_ENDED else min(task.completed_at for task in ended)
    statuses = Counter(task.status for task in ended)
    failed = (task for task in ended if task.status is TaskStatus.FAILED)
    reasons = Counter(task.end_reason or EndReason.INTERNAL for task in failed)
    return EndedTasks(
        since=since,
        completed=statuses[TaskStatus.COMPLETED],
        failed=statuses[TaskStatus.FAILED],
        cancelled=statuses[TaskStatus.CANCELLED],
        reasons=[Reason(reason=reason, tasks=count) for reason, count in reasons.most_common()],
        minutes=_by_minute(ended, at),
    )


def _by_minute(ended: Iterable[EndedTask], at: datetime) -> list[Minute]:
    this_minute = at.replace(second=0, microsecond=0)
    minutes = {
        start: Counter[str]()
        for start in (this_minute - timedelta(minutes=ago) for ago in reversed(range(MINUTES)))
    }
    for task in ended:
        counter = minutes.get(task.completed_at.replace(second=0, microsecond=0))
        if counter is not None:
            counter[task.status] += 1
    return [
        Minute(
            at=start,
            completed=counter[TaskStatus.COMPLETED],
            failed=counter[TaskStatus.FAILED],
            cancelled=counter[TaskStatus.CANCELLED],
        )
        for start, counter in minutes.items()
    ]


def _start_latency(ended: Iterable[EndedTask], running: Iterable[PublicTask]) -> StartLatency | None:
    starts = [
        *((task.queued_at, task.started_at) for task in ended),
        *((task.queued_at, task.started_at) for task in running),
    ]
    waits = [(started - queued).total_seconds() for queued, started in starts if started is not None]
    if not waits:
        return None
    waits.sort()
    p50_s, p99_s = (round(waits[math.ceil(share * len(waits)) - 1], 3) for share in (0.5, 0.99))
    return StartLatency(tasks=len(waits), p50_s=p50_s, p99_s=p99_s)


def _running_task(task: PublicTask) -> RunningTask:
    return RunningTask.model_validate(task.model_dump(include=set(RunningTask.model_fields)))
