"""ARQ's queue: enqueue with priority, wake workers, ask for a cancel.

Jobs are ARQ's own, and its worker runs them; but which one is next, and who has it, is decided by the scripts
in this folder, each in one atomic step. `herald.shared.queue.leases` has the worker's side of them.
"""

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from arq.connections import ArqRedis, RedisSettings
from arq.constants import job_key_prefix
from arq.jobs import serialize_job

from herald.shared.feed.feed import SIGNAL_PREFIX
from herald.shared.redis.pool import exchange, redis_pool, sentinel_address
from herald.shared.redis.scripts import Script
from herald.shared.settings import Settings
from herald.shared.tasks.models import Priority, PublicTask, Task, now

QUEUE_NAME = "herald:queue"
LEASES = "herald:leases"
OWNERS = "herald:owners"
LATER = "herald:later"
LINES = "herald:lines"
TURNS = "herald:turns"
TYPES = "herald:types"
STARTED = "herald:started"
QUEUE_KEYS = (QUEUE_NAME, LEASES, OWNERS, LATER, LINES, TURNS, TYPES, STARTED)
"""The keys of every script of the queue, in the order of ``queue.lua``, which says what each holds."""
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

REINDEX_AT_ONCE = 200
_HERE = Path(__file__).parent
RESERVED_FOR_S = 60.0
"""A reservation outlives the longest that MongoDB may take to store a task."""


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
    found = sentinel_address(settings.redis_url)
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


class QueueState(NamedTuple):
    """The queue at one moment, by job ids as Redis has them."""

    at_s: float
    """The moment, in Unix seconds by Redis's clock."""
    waiting: list[tuple[bytes, float]]
    """With their places (Unix seconds by Redis's clock), the lowest first."""
    later: list[tuple[bytes, float, float]]
    """Those that wait for their time: their places, and after how many seconds they are due."""
    running: list[tuple[bytes, float | None]]
    """With the seconds since they were taken; None where that is not known."""
    types: dict[bytes, bytes]
    """The task types of the jobs, where they are known."""


class Queue:
    """The queue that the workers take tasks from; a job holds nothing but the task's id."""

    def __init__(self, redis: ArqRedis) -> None:
        self.redis = redis
        self._enqueue = queue_script("enqueue.lua")
        self._move = queue_script("move.lua")
        self._withdraw = queue_script("withdraw.lua")
        self._reindex = queue_script("reindex.lua")
        self._reserve = Script(_HERE / "reserve.lua")

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

        A retry waits for as long as it was told to when it was stored, from now on: the clock of the worker
        that stored it need not agree with ours.

        Raises:
            redis.RedisError: Redis cannot be reached; the task may be in the queue nevertheless.
        """
        job = job_id(task)
        body = serialize_job(JOB_NAME, (task.task_id,), {}, None, _unix_ms(now()), serializer=serialize)
        return bool(
            await self._enqueue.run(
                self.redis,
                [*QUEUE_KEYS, job_key_prefix + job],
                [
                    job,
                    _place_ago_ms(task),
                    body.decode(),
                    round(EXPIRES.total_seconds() * 1000),
                    round(retry_delay_s(task) * 1000),
                    task.type,
                    SIGNAL_PREFIX + WORK_SIGNAL,
                ],
            )
        )

    async def length(self) -> int:
        """How many tasks wait."""
        [waiting] = await exchange(self.redis, [("ZCOUNT", QUEUE_NAME, "-inf", f"({FAR}")])
        return int(waiting)

    async def state(self) -> QueueState:
        """All that waits and runs, as of one moment.

        Raises:
            redis.RedisError: Redis cannot be reached.
        """
        reads = [
            ("TIME",),
            ("ZRANGE", QUEUE_NAME, 0, -1, "WITHSCORES"),
            ("ZRANGE", LATER, 0, -1, "WITHSCORES"),
            ("HGETALL", TYPES),
            ("HGETALL", STARTED),
        ]
        *_, answers = await exchange(self.redis, [("MULTI",), *reads, ("EXEC",)])
        (seconds, microseconds), places, dues, types, starts = answers
        at_ms = int(seconds) * 1000 + int(microseconds) / 1000
        due = dict(_pairs(dues))
        started = dict(_pairs(starts))
        waiting, later, running = [], [], []
        for job, score in _pairs(places):
            place_ms = float(score)
            if place_ms < FAR:
                waiting.append((job, place_ms / 1000))
            elif job in due:
                due_in_s = max(0.0, (float(due[job]) - at_ms) / 1000)
                later.append((job, (place_ms - FAR) / 1000, due_in_s))
            else:
                since = started.get(job)
                running.append((job, (at_ms - float(since)) / 1000 if since is not None else None))
        return QueueState(at_ms / 1000, waiting, later, running, dict(_pairs(types)))

    async def owners(self) -> dict[str, str]:
        """The workers that have the running tasks, by task id."""
        [found] = await exchange(self.redis, [("HGETALL", OWNERS)])
        return {
            job.decode(errors="replace").partition(":")[0]: worker.decode(errors="replace")
            for job, worker in _pairs(found)
        }

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
        return bool(await self._move.run(self.redis, QUEUE_KEYS, [job_id(task), _place_ago_ms(task)]))

    async def withdraw(self, task: Task) -> None:
        """Take an ended task out of the queue, and tell the worker that may run it to stop.

        If Redis cannot be reached, whoever takes the job finds that there is nothing to do.
        """
        job = job_id(task)
        await self._withdraw.run(
            self.redis,
            [*QUEUE_KEYS, job_key_prefix + job],
            [job, SIGNAL_PREFIX + CANCEL_SIGNAL, task.task_id],
        )

    async def reindex(self) -> None:
        """Put the index by users right, in case that an older version has changed the queue without it.

        It is done in parts, so that Redis serves others in between.

        Raises:
            redis.RedisError: Redis cannot be reached.
        """
        reads = [("ZRANGE", QUEUE_NAME, 0, -1), ("HKEYS", TYPES), ("HKEYS", STARTED)]
        jobs = list(set().union(*await exchange(self.redis, reads)))
        for start in range(0, len(jobs), REINDEX_AT_ONCE):
            await self._reindex.run(self.redis, QUEUE_KEYS, jobs[start : start + REINDEX_AT_ONCE])

    async def reserve(self, user_id: str, task_id: str) -> list[str]:
        """Reserve room for another waiting task of a user; the tasks that have a reservation, with this one.

        Raises:
            redis.RedisError: Redis cannot be reached.
        """
        key, lasts_ms = _reservations(user_id), round(RESERVED_FOR_S * 1000)
        reserved: list[bytes] = await self._reserve.run(self.redis, [key], [task_id, lasts_ms])
        return [found.decode() for found in reserved]

    async def unreserve(self, user_id: str, task_id: str) -> None:
        """Drop a reservation: the task is stored, or is not going to be."""
        await exchange(self.redis, [("ZREM", _reservations(user_id), task_id)])


def queue_script(name: str) -> Script:
    """A script of the queue; its first keys are `QUEUE_KEYS`."""
    return Script(_HERE / "queue.lua", _HERE / name)


def _reservations(user_id: str) -> str:
    return f"herald:reserved:{user_id}"


def job_id(task: PublicTask) -> str:
    """The id of the task's job: the same through all its attempts, another one after a user's retry.

    The script that takes jobs reads the user from it.
    """
    return f"{task.task_id}:{_unix_ms(task.queued_at)}:{task.user_id}"


def retry_delay_s(task: PublicTask) -> float:
    """How long a task that was told to try again later has to wait, from when that was stored, in seconds.

    Both times were taken from one clock; what is left of it by ours would mean nothing.
    """
    if task.next_retry_at is None:
        return 0.0
    return max(0.0, (task.next_retry_at - task.updated_at).total_seconds())


def user_of(job: bytes) -> bytes:
    """The user that a job's id names; empty where it is not the id of a task's job."""
    _, _, user = job.partition(b":")[2].partition(b":")
    return user


def place_ago_s(task: PublicTask) -> float:
    """How long ago the task's place in the queue is.

    Exact where the task has just been accepted here; else the error is the difference of two clocks, and
    costs no more than so much of the task's turn.
    """
    # A priority that only a newer version knows counts as normal.
    head_start = HEAD_START.get(task.priority, HEAD_START[Priority.NORMAL])
    return (now() - task.queued_at + head_start).total_seconds()


def _place_ago_ms(task: PublicTask) -> int:
    return round(place_ago_s(task) * 1000)


def _pairs(flat: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
    return zip(flat[::2], flat[1::2], strict=True)


def _unix_ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
