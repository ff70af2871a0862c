"""What an operator wants to see at a glance, put together from MongoDB, Redis and what the hubs tell."""

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
MOST_ENDED = 2000
"""So many ended tasks are looked at; where more have ended within the window, it is shorter."""
MOST_SHOWN = 100
FAILED_SHOWN = 20
MINUTES = 30


class ActiveTasks(Model):
    """How many tasks of one type have one status."""

    type: str
    status: TaskStatus
    tasks: int


class QueueFigures(Model):
    """What waits."""

    depth: int
    oldest_wait_s: float


class Minute(Model):
    """What ended within a minute."""

    at: Timestamp
    completed: int = 0
    failed: int = 0
    cancelled: int = 0


class Reason(Model):
    """How many tasks failed for one reason."""

    reason: Open[EndReason]
    tasks: int


class EndedTasks(Model):
    """What has ended lately."""

    since: Timestamp
    completed: int
    failed: int
    cancelled: int
    reasons: list[Reason]
    minutes: list[Minute]
    """The last half hour, oldest first."""


class StartLatency(Model):
    """How long tasks have waited for their first attempt, in seconds."""

    tasks: int
    p50_s: float
    p99_s: float


class RunningTask(Model):
    """A task that a worker is at."""

    task_id: str
    user_id: str
    type: str
    progress: int
    current_step: str | None = None
    attempt: int
    started_at: Timestamp | None = None


class WorkerFigures(Model):
    """A worker that lives."""

    name: str
    slots: int
    tasks: list[RunningTask]


class HubFigures(Model):
    """A web process that lives."""

    node: str
    connections: int
    subscriptions: int
    forwarded_per_s: float
    deliveries_per_s: float


class Overview(Model):
    """Everything at a glance."""

    at: Timestamp
    queue: QueueFigures
    active: list[ActiveTasks]
    ended: EndedTasks
    start: StartLatency | None = None
    workers: list[WorkerFigures]
    hubs: list[HubFigures]
    failed: list[PublicTask]
    """The tasks that have failed last, newest first."""


class OverviewEvent(Model):
    """What is published to the operators' channel, every few seconds while somebody looks."""

    type: Literal["ops.overview"] = "ops.overview"
    at: Timestamp
    overview: Overview


class OverviewReader:
    """Reads overviews."""

    def __init__(self, store: Store, queue: Queue, heartbeats: Heartbeats) -> None:
        self._store = store
        self._queue = queue
        self._heartbeats = heartbeats

    async def read(self) -> Overview:
        """The overview as it is now.

        Raises:
            pymongo.errors.PyMongoError: MongoDB cannot be reached.
            redis.RedisError: Redis cannot be reached.
        """
        at = now()
        census, ended, running, failed = await asyncio.gather(
            self._store.stats.active_counts(),
            self._store.stats.recently_ended(after=at - WINDOW, limit=MOST_ENDED),
            self._store.queries.search([TaskStatus.PROCESSING], limit=MOST_SHOWN),
            self._store.queries.search([TaskStatus.FAILED], limit=FAILED_SHOWN),
        )
        depth, owners = await self._queue.length(), await self._queue.owners()
        workers, hubs = await self._heartbeats.workers(), await self._heartbeats.hubs.present()
        return Overview(
            at=at,
            queue=QueueFigures(depth=depth, oldest_wait_s=round(oldest_wait_s(census, at), 1)),
            active=[ActiveTasks(type=each.type, status=each.status, tasks=each.tasks) for each in census],
            ended=_summed_up(ended, at),
            start=_start_latency(ended, running.tasks),
            workers=[
                WorkerFigures(
                    name=name,
                    slots=int(told["slots"]),
                    tasks=[_running(task) for task in running.tasks if owners.get(task.task_id) == name],
                )
                for name, told in sorted(workers.items())
            ],
            hubs=[HubFigures.model_validate({"node": node, **told}) for node, told in sorted(hubs.items())],
            failed=failed.tasks,
        )


def _summed_up(ended: Sequence[EndedTask], at: datetime) -> EndedTasks:
    since = at - WINDOW if len(ended) < MOST_ENDED else min(task.completed_at for task in ended)
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


def _running(task: PublicTask) -> RunningTask:
    return RunningTask.model_validate(task.model_dump(include=set(RunningTask.model_fields)))
