"""ARQ's queue: enqueue with priority, wake workers, ask for a cancel.

Jobs are ARQ's own, and its worker runs them; but which one is next, and who has it, is decided by the scripts
of ``shared/lua``, each in one atomic step. `worker.leases` has the worker's side of them.
"""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from arq.connections import ArqRedis, RedisSettings
from arq.constants import job_key_prefix
from arq.jobs import serialize_job

from shared.feed import SIGNAL_PREFIX
from shared.models import Priority, PublicTask, Task, now
from shared.redis_pool import exchange, guarded, redis_pool
from shared.scripts import Script
from shared.settings import Settings

QUEUE_NAME = "herald:queue"
LEASES = "herald:leases"
OWNERS = "herald:owners"
LATER = "herald:later"
FAR = 10**13
"""Added to the place of a job that is not to be taken: it runs, or it waits for its time."""
JOB_NAME = "run_task"

WORK_SIGNAL = "work"
CANCEL_SIGNAL = "cancel"

HEAD_START: dict[str, timedelta] = {
    Priority.LOW: timedelta(0),
    Priority.NORMAL: timedelta(minutes=10),
    Priority.HIGH: timedelta(minutes=20),
}
"""How much earlier a task counts as queued: so a low one that has waited longer than that goes first."""

EXPIRES = timedelta(days=7)
"""A job that no worker has taken by then is dropped from Redis."""


def serialize(job: dict[str, Any]) -> bytes:
    """A job as JSON; what JSON has no form for is kept as text, because it only goes into ARQ's logs."""
    return json.dumps(job, default=str).encode()


def deserialize(job: bytes) -> dict[str, Any]:
    """The job that `serialize` wrote.

    Raises:
        ValueError: it is not JSON.
    """
    decoded: dict[str, Any] = json.loads(job)
    return decoded


def arq_redis(settings: Settings) -> ArqRedis:
    """ARQ's client on ``settings.redis_url``; its connections open on first use."""
    return ArqRedis(
        redis_pool(settings),
        job_serializer=serialize,
        job_deserializer=deserialize,
        default_queue_name=QUEUE_NAME,
    )


def arq_settings(settings: Settings) -> RedisSettings:
    """``settings.redis_url`` as ARQ's own command line understands it."""
    found = guarded(settings.redis_url)
    if found is None:
        return RedisSettings.from_dsn(settings.redis_url)
    return RedisSettings(
        host=found.sentinels,
        sentinel=True,
        sentinel_master=found.service,
        database=found.login["db"],
        username=found.login["username"],
        password=found.login["password"],
    )


class Queue:
    """The queue that the workers take tasks from; a job holds nothing but the task's id."""

    def __init__(self, redis: ArqRedis) -> None:
        self.redis = redis
        self._enqueue = Script("enqueue.lua")
        self._move = Script("move.lua")

    @classmethod
    @asynccontextmanager
    async def connect(cls, settings: Settings) -> AsyncIterator["Queue"]:
        """A queue on ``settings.redis_url``; connections open on first use, so this never fails."""
        redis = arq_redis(settings)
        try:
            yield cls(redis)
        finally:
            await redis.connection_pool.disconnect()

    async def enqueue(self, task: Task) -> bool:
        """Queue ``task`` for now, or for its next retry; False if it is in the queue already.

        Raises:
            redis.RedisError: Redis cannot be reached; the task may be in the queue nevertheless.
        """
        job, at_ms = job_id(task), _unix_ms(now())
        body = serialize_job(JOB_NAME, (task.task_id,), {}, None, at_ms, serializer=serialize)
        due_ms = _unix_ms(task.next_retry_at) if task.next_retry_at else 0
        return bool(
            await self._enqueue.run(
                self.redis,
                [QUEUE_NAME, job_key_prefix + job, LEASES, LATER],
                [
                    job,
                    _place(task),
                    body.decode(),
                    round(EXPIRES.total_seconds() * 1000),
                    due_ms,
                    FAR,
                    SIGNAL_PREFIX + WORK_SIGNAL,
                ],
            )
        )

    async def length(self) -> int:
        """How many tasks wait."""
        [waiting] = await exchange(self.redis, [("ZCOUNT", QUEUE_NAME, "-inf", f"({FAR}")])
        return int(waiting)

    async def position_of_next(self, task: PublicTask) -> int:
        """Which one ``task`` would be of those that wait, from 1, if it were queued now."""
        [before] = await exchange(self.redis, [("ZCOUNT", QUEUE_NAME, "-inf", f"({_place(task)}")])
        return 1 + int(before)

    async def positions(self, tasks: Sequence[PublicTask]) -> dict[str, int]:
        """By task id, which ones the tasks are of those that wait, from 1; without those that do not wait."""
        if not tasks:
            return {}
        ranks = [("ZRANK", QUEUE_NAME, job_id(task)) for task in tasks]
        waiting, *found = await exchange(self.redis, [("ZCOUNT", QUEUE_NAME, "-inf", f"({FAR}"), *ranks])
        return {
            task.task_id: rank + 1
            for task, rank in zip(tasks, found, strict=True)
            if rank is not None and rank < waiting
        }

    async def owners(self) -> dict[str, str]:
        """The workers that have the running tasks, by task id."""
        [found] = await exchange(self.redis, [("HGETALL", OWNERS)])
        pairs = zip(found[::2], found[1::2], strict=True)
        return {job.decode().partition(":")[0]: worker.decode() for job, worker in pairs}

    async def missing(self, tasks: Sequence[Task]) -> list[Task]:
        """Those of the tasks that are not in the queue, neither waiting nor running."""
        if not tasks:
            return []
        commands: list[tuple[str, ...]] = []
        for task in tasks:
            job = job_id(task)
            commands += [
                ("ZSCORE", LEASES, job),
                ("ZSCORE", QUEUE_NAME, job),
                ("EXISTS", job_key_prefix + job),
            ]
        replies = iter(await exchange(self.redis, commands))
        there = [bool(lease or (place and body)) for lease, place, body in zip(*[replies] * 3, strict=True)]
        return [task for task, is_there in zip(tasks, there, strict=True) if not is_there]

    async def move(self, task: Task) -> bool:
        """Give a waiting task the place of its priority; False if it waits no more."""
        return bool(await self._move.run(self.redis, [QUEUE_NAME], [job_id(task), _place(task), FAR]))

    async def withdraw(self, task: Task) -> None:
        """Take an ended task out of the queue, and tell the worker that may run it to stop.

        If Redis cannot be reached, whoever takes the job finds that there is nothing to do.
        """
        job = job_id(task)
        async with self.redis.pipeline(transaction=True) as pipe:
            pipe.zrem(QUEUE_NAME, job)
            pipe.zrem(LATER, job)
            pipe.delete(job_key_prefix + job)
            pipe.publish(SIGNAL_PREFIX + CANCEL_SIGNAL, task.task_id)
            await pipe.execute()


def job_id(task: PublicTask) -> str:
    """The id of the task's job: the same through all its attempts, another one after a user's retry.

    The script that takes jobs reads the user from it.
    """
    return f"{task.task_id}:{_unix_ms(task.queued_at)}:{task.user_id}"


def _place(task: PublicTask) -> int:
    # A priority that only a newer version knows counts as normal.
    return _unix_ms(task.queued_at - HEAD_START.get(task.priority, HEAD_START[Priority.NORMAL]))


def _unix_ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
