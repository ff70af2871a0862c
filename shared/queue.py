"""ARQ: put tasks in the queue, with priority."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from arq.connections import ArqRedis
from arq.constants import job_key_prefix

from shared.models import Priority, Task, now
from shared.redis_pool import redis_pool
from shared.settings import Settings

QUEUE_NAME = "herald:queue"
JOB_NAME = "run_task"

HEAD_START = {
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


class Queue:
    """The queue that the workers take tasks from; a job holds nothing but the task's id."""

    def __init__(self, redis: ArqRedis) -> None:
        self.redis = redis

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
        job = await self.redis.enqueue_job(
            JOB_NAME,
            task.task_id,
            _job_id=job_id(task),
            _defer_until=task.next_retry_at or now() - HEAD_START[task.priority],
            _expires=EXPIRES,
        )
        return job is not None

    async def missing(self, tasks: Sequence[Task]) -> list[Task]:
        """Those of the tasks that are not in the queue, neither waiting nor running."""
        pipe = self.redis.pipeline(transaction=False)
        for task in tasks:
            pipe.exists(job_key_prefix + job_id(task))
        return [task for task, there in zip(tasks, await pipe.execute(), strict=True) if not there]


def job_id(task: Task) -> str:
    """The id of the task's job: the same through all its attempts, another one after a user's retry."""
    return f"{task.task_id}:{round(task.queued_at.timestamp() * 1000)}"
