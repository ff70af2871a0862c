"""The queue: adds, moves, withdraws and counts jobs, and reads its whole state.

The jobs are ARQ's, and ARQ's worker runs them. But the Lua scripts in this folder decide which worker runs
which job next, each in one atomic step. `herald.shared.queue.leases` is the workers' side of the queue.
"""

from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from arq.connections import ArqRedis, RedisSettings
from arq.constants import job_key_prefix
from redis.asyncio import Redis

from herald.shared.feed.feed import signal_name
from herald.shared.queue.jobs import (
    deserialize,
    job_body,
    job_id,
    place_ago_s,
    retry_delay_s,
    serialize,
    task_of,
)
from herald.shared.redis.pool import exchange, in_namespace, redis_pool, sentinel_address
from herald.shared.redis.scripts import Script
from herald.shared.settings import Settings
from herald.shared.tasks.models import PublicTask, Task

QUEUE_NAME = "herald:queue"
LEASES = "herald:leases"
OWNERS = "herald:owners"
LATER = "herald:later"
LINES = "herald:lines-of-types"
TURNS = "herald:turns-of-types"
TYPES = "herald:types"
STARTED = "herald:started"
QUEUE_KEYS = (QUEUE_NAME, LEASES, OWNERS, LATER, LINES, TURNS, TYPES, STARTED)
"""The keys that every script of the queue gets, in this order; ``queue.lua`` describes each one. `queue_keys`
puts them into a client's namespace."""
LEGACY_KEYS = ("herald:lines", "herald:turns")
"""The index that the previous version keeps."""
FAR = 10**13
"""Added to the place of a job that must not be taken, because it is running or waits for its retry."""

WORK_SIGNAL = "work"
CANCEL_SIGNAL = "cancel"

EXPIRES = timedelta(days=7)
"""The body of a job that no worker takes expires after this time."""
RESERVED_FOR_S = 60.0
"""How long a reservation lasts, in seconds; storing a task never takes longer."""
REINDEX_AT_ONCE = 200
"""The number of jobs per call of ``reindex.lua``; other commands run between two calls."""

_HERE = Path(__file__).parent


def arq_redis(settings: Settings) -> ArqRedis:
    """ARQ's client on ``settings.redis_url``; its connections open on first use."""
    redis = ArqRedis(redis_pool(settings), job_serializer=serialize, job_deserializer=deserialize)
    redis.default_queue_name = in_namespace(redis, QUEUE_NAME)
    return redis


def queue_keys(redis: Redis) -> list[str]:
    """`QUEUE_KEYS` in the namespace of ``redis``."""
    return [in_namespace(redis, key) for key in QUEUE_KEYS]


def arq_settings(settings: Settings) -> RedisSettings:
    """``settings.redis_url`` in the form that ARQ's command line takes."""
    address = sentinel_address(settings.redis_url)
    if address is None:
        return RedisSettings.from_dsn(settings.redis_url)
    return RedisSettings(
        host=address.sentinels,
        sentinel=True,
        sentinel_master=address.service,
        database=address.login["db"],
        username=address.login["username"],
        password=address.login["password"],
    )


class QueueState(NamedTuple):
    """A snapshot of the queue. Job ids are bytes, as Redis returns them."""

    at_s: float
    """When it was taken, in Unix seconds by Redis's clock."""
    waiting: list[tuple[bytes, float]]
    """Queued jobs and their places (Unix seconds by Redis's clock), the lowest place first."""
    later: list[tuple[bytes, float, float]]
    """Jobs that wait for a retry: their places, and the seconds until they are due."""
    running: list[tuple[bytes, float | None]]
    """Running jobs, and the seconds since a worker took them; None if that is unknown."""
    types: dict[bytes, bytes]
    """The task type of each job, as far as known."""

    def of_types(self, task_types: Collection[str]) -> "QueueState":
        """The part of the queue with the jobs of some task types."""
        kinds = {task_type.encode() for task_type in task_types}
        types = {job: kind for job, kind in self.types.items() if kind in kinds}
        return QueueState(
            self.at_s,
            [each for each in self.waiting if each[0] in types],
            [each for each in self.later if each[0] in types],
            [each for each in self.running if each[0] in types],
            types,
        )


class Queue:
    """The queue that workers take tasks from. A job holds nothing but its task's id.

    Each method raises ``redis.RedisError`` if Redis cannot be reached.
    """

    def __init__(self, redis: ArqRedis) -> None:
        self.redis = redis
        self._keys = queue_keys(redis)
        self._enqueue = queue_script("enqueue.lua")
        self._move = queue_script("move.lua")
        self._withdraw = queue_script("withdraw.lua")
        self._reindex = queue_script("reindex.lua")
        self._reserve = Script(_HERE / "reserve.lua")

    @classmethod
    @asynccontextmanager
    async def connect(cls, settings: Settings) -> AsyncIterator["Queue"]:
        """A queue on ``settings.redis_url``; connections open on first use."""
        redis = arq_redis(settings)
        try:
            yield cls(redis)
        finally:
            await redis.connection_pool.disconnect()

    async def enqueue(self, task: Task) -> bool:
        """Queue ``task`` to run now or, if it waits for a retry, after its delay.

        Returns False if the task is already queued or running. The delay starts now; its length is taken
        from the stored task, so the clocks of two processes need not agree.

        Raises:
            redis.RedisError: Redis cannot be reached; the task may have been queued nevertheless.
        """
        job = job_id(task)
        return bool(
            await self._enqueue.run(
                self.redis,
                [*self._keys, job_key_prefix + job],
                [
                    job,
                    _place_ago_ms(task),
                    job_body(task),
                    round(EXPIRES.total_seconds() * 1000),
                    round(retry_delay_s(task) * 1000),
                    task.type,
                    signal_name(self.redis, WORK_SIGNAL),
                ],
            )
        )

    async def length(self) -> int:
        """The number of queued tasks that could run now."""
        [waiting] = await exchange(self.redis, [("ZCOUNT", self._key(QUEUE_NAME), "-inf", f"({FAR}")])
        return int(waiting)

    async def state(self) -> QueueState:
        """All queued and running jobs, read as of one moment."""
        reads = [
            ("TIME",),
            ("ZRANGE", self._key(QUEUE_NAME), 0, -1, "WITHSCORES"),
            ("ZRANGE", self._key(LATER), 0, -1, "WITHSCORES"),
            ("HGETALL", self._key(TYPES)),
            ("HGETALL", self._key(STARTED)),
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
        """The name of the worker that runs each running task, by task id."""
        [found] = await exchange(self.redis, [("HGETALL", self._key(OWNERS))])
        return {task_of(job): worker.decode(errors="replace") for job, worker in _pairs(found)}

    async def missing(self, tasks: Sequence[Task]) -> list[Task]:
        """Those of ``tasks`` that are neither queued nor running."""
        if not tasks:
            return []
        commands: list[tuple[str, ...]] = []
        for task in tasks:
            job = job_id(task)
            commands += [
                ("ZSCORE", self._key(LEASES), job),
                ("ZSCORE", self._key(QUEUE_NAME), job),
                ("EXISTS", job_key_prefix + job),
            ]
        replies = iter(await exchange(self.redis, commands))
        there = [bool(lease or (place and body)) for lease, place, body in zip(*[replies] * 3, strict=True)]
        return [task for task, is_there in zip(tasks, there, strict=True) if not is_there]

    async def move(self, task: Task) -> bool:
        """Move a queued task to the place of its priority; False if it is no longer queued."""
        return bool(await self._move.run(self.redis, self._keys, [job_id(task), _place_ago_ms(task)]))

    async def withdraw(self, task: Task) -> None:
        """Remove an ended task from the queue, and signal its worker to stop if it is running.

        If this fails, a worker may still take the job, but it finds that the task has ended.
        """
        job = job_id(task)
        await self._withdraw.run(
            self.redis,
            [*self._keys, job_key_prefix + job],
            [job, signal_name(self.redis, CANCEL_SIGNAL), task.task_id],
        )

    async def reindex(self) -> None:
        """Repair the index, in case an older version changed the queue without updating it.

        This takes several calls, so that other commands run in between. The previous version's own index is
        deleted; a worker of that version rebuilds it.
        """
        in_queue = ("ZRANGE", self._key(QUEUE_NAME), 0, -1)
        in_hashes = [("HKEYS", self._key(name)) for name in (TYPES, STARTED, OWNERS)]
        jobs = list(set().union(*await exchange(self.redis, [in_queue, *in_hashes])))
        await exchange(self.redis, [("DEL", *(self._key(name) for name in LEGACY_KEYS))])
        for start in range(0, len(jobs), REINDEX_AT_ONCE):
            await self._reindex.run(self.redis, self._keys, jobs[start : start + REINDEX_AT_ONCE])

    async def reserve(self, user_id: str, task_id: str) -> list[str]:
        """Reserve room for another queued task of a user; returns all reserved ids, this one included."""
        key, lasts_ms = self._reservations(user_id), round(RESERVED_FOR_S * 1000)
        reserved: list[bytes] = await self._reserve.run(self.redis, [key], [task_id, lasts_ms])
        return [found.decode() for found in reserved]

    async def unreserve(self, user_id: str, task_id: str) -> None:
        """Drop a reservation, because the task has been stored or rejected."""
        await exchange(self.redis, [("ZREM", self._reservations(user_id), task_id)])

    def _reservations(self, user_id: str) -> str:
        return self._key(f"herald:reserved:{user_id}")

    def _key(self, name: str) -> str:
        return in_namespace(self.redis, name)


def queue_script(name: str) -> Script:
    """A script of the queue; its first keys are `queue_keys`."""
    return Script(_HERE / "queue.lua", _HERE / name)


def _place_ago_ms(task: PublicTask) -> int:
    return round(place_ago_s(task) * 1000)


def _pairs(flat: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
    return zip(flat[::2], flat[1::2], strict=True)
