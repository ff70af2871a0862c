"""ARQ: put tasks in the queue, with priority."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from arq.connections import ArqRedis

from shared.models import Priority, Task
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
        """Queue ``task``; False if this revision of it is in the queue already.

        Raises:
            redis.RedisError: Redis cannot be reached; the task may be in the queue nevertheless.
        """
        job = await self.redis.enqueue_job(
            JOB_NAME,
            task.task_id,
            _job_id=f"{task.task_id}:{task.rev}",
            _defer_until=datetime.now(UTC) - HEAD_START[task.priority],
            _expires=EXPIRES,
        )
        return job is not None
