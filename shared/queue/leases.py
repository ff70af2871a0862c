"""Takes, renews and releases a worker's leases on jobs, each in one atomic step in Redis."""

import asyncio
import logging
import math
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from typing import NamedTuple

import redis
from redis.asyncio import Redis

from herald.shared.feed.feed import signal_name
from herald.shared.queue.queue import (
    LATER,
    LEASES,
    OWNERS,
    QUEUE_NAME,
    STARTED,
    TYPES,
    WORK_SIGNAL,
    queue_keys,
    queue_script,
)
from herald.shared.redis.pool import exchange, in_namespace

log = logging.getLogger(__name__)

LEASE_S = 8.0
"""After a crash, other workers take over a worker's tasks within this many seconds."""
_LEASE_MS = round(LEASE_S * 1000)
ENDS_WITHIN_S = 30.0
"""How long an attempt may take, besides its time limit, to be claimed and to store how it ended."""


class TypeLimits(NamedTuple):
    """The limits of a task type; None means no limit."""

    concurrency: int | None = None
    """How many of its jobs may run at once, over all workers."""
    per_user: int | None = None
    """How many of them may run at once for one user, over all workers."""
    timeout_s: float | None = None
    """How long an attempt may take. After that and `ENDS_WITHIN_S`, its lease is not renewed any more."""


class Picked(NamedTuple):
    """A job that this worker has taken."""

    job_id: str
    score: int
    """Its score in ARQ's queue while it runs."""
    was_lost: bool = False
    """Whether it was taken over from a worker whose lease ran out. That worker may have died before it put
    a retry back in the queue, so the job's delay may not have passed."""


class Renewal(NamedTuple):
    """The result of renewing the leases."""

    kept: list[str]
    """The ids of the jobs whose leases were renewed."""
    until: float
    """Before this time, by the monotonic clock, no other worker can have taken them over."""
    lost: list[str]
    """The ids of the jobs that another worker has taken over."""


class _Held(NamedTuple):
    task_type: str
    renewed_until: float
    """When its lease is renewed for the last time, by the monotonic clock."""


class Leases:
    """The leases of one worker. Workers never talk to each other; Redis decides which one gets a job.

    Jobs are picked and released on the event loop, and renewed from a thread.

    Example::

        for job in await leases.pick(free_slots):
            …
            await leases.release(job.job_id)

    Args:
        redis: a client for the queue.
        worker_id: the worker.
        user_limit: how many jobs of one user may run at once, over all workers; 0 means no limit.
        types: the task types that the worker runs. It gets no jobs of other types.
    """

    def __init__(
        self, redis: Redis, worker_id: str, *, user_limit: int, types: Mapping[str, TypeLimits]
    ) -> None:
        self._redis = redis
        self._worker_id = worker_id
        self._user_limit = user_limit
        self._types = types
        self._keys = queue_keys(redis)
        self._pick = queue_script("pick.lua")
        self._renew = queue_script("renew.lua")
        self._release = queue_script("release.lua")
        self._lock = threading.Lock()
        """Guards the two fields below, which the loop and the renewing thread share."""
        self._held: dict[str, _Held] = {}
        self._renewing: Future[None] | None = None
        """Done once the renewal that is on its way has been answered."""

    async def pick(self, most: int) -> list[Picked]:
        """Take up to ``most`` jobs: those of lost workers first, then by their place in the queue.

        Skips types, and users, that are at their limit of running tasks.

        Raises:
            redis.RedisError: Redis cannot be reached. Jobs may have been taken; their leases will run out.
        """
        limits = [
            each
            for name, type_ in self._types.items()
            for each in (name, type_.concurrency or 0, type_.per_user or 0)
        ]
        found = await self._pick.run(
            self._redis, self._keys, [self._worker_id, most, _LEASE_MS, self._user_limit, *limits]
        )
        picked = []
        for job, task_type, place, lost in zip(*[iter(found)] * 4, strict=True):
            try:
                each = Picked(job.decode(), int(float(place)), bool(lost))
            except (ValueError, OverflowError):
                await self._drop(job)
                continue
            picked.append(each)
            self._hold(each.job_id, task_type.decode())
        return picked

    def _hold(self, job_id: str, task_type: str) -> None:
        timeout_s = self._types.get(task_type, TypeLimits()).timeout_s
        until = math.inf if timeout_s is None else time.monotonic() + timeout_s + ENDS_WITHIN_S
        with self._lock:
            self._held[job_id] = _Held(task_type, until)

    async def _drop(self, job: bytes) -> None:
        """Remove an entry that is not a job id; otherwise it would be taken again and again."""
        log.error("removed %r from the queue: it is not a job id", job)
        sets = [("ZREM", in_namespace(self._redis, key), job) for key in (QUEUE_NAME, LEASES, LATER)]
        hashes = [("HDEL", in_namespace(self._redis, key), job) for key in (OWNERS, TYPES, STARTED)]
        await exchange(self._redis, [*sets, *hashes])

    def renew(self, client: redis.Redis) -> Renewal:
        """Renew all leases; called from a thread, with a client of its own.

        Raises:
            redis.RedisError: Redis cannot be reached; unless a later call succeeds, the leases run out.
        """
        at = time.monotonic()
        with self._lock:
            for job_id in [job_id for job_id, held in self._held.items() if held.renewed_until <= at]:
                del self._held[job_id]
                log.error("job %s still runs after its time limit; its lease is not renewed any more", job_id)
            held = {job_id: held.task_type for job_id, held in self._held.items()}
            if not held:
                return Renewal([], at, [])
            answered = self._renewing = Future[None]()
        try:
            jobs = [each for job in held.items() for each in job]
            script = client.register_script(self._renew.text)
            found = script(keys=self._keys, args=[self._worker_id, _LEASE_MS, *jobs])
        finally:
            with self._lock:
                self._renewing = None
            answered.set_result(None)
        lost = [job.decode() for job in found]
        return Renewal([job_id for job_id in held if job_id not in lost], at + _LEASE_MS / 1000, lost)

    async def release(self, job_id: str, *, due_in_s: float = 0) -> None:
        """Release a lease. A job that has not ended may be taken again after ``due_in_s`` seconds.

        Raises:
            redis.RedisError: Redis cannot be reached; the lease runs out by itself.
        """
        with self._lock:
            self._held.pop(job_id, None)
            renewing = self._renewing
        if renewing is not None:  # a renewal that reached Redis after the release would take the lease again
            await asyncio.shield(asyncio.wrap_future(renewing))
        await self._release.run(
            self._redis,
            self._keys,
            [self._worker_id, job_id, round(due_in_s * 1000), signal_name(self._redis, WORK_SIGNAL)],
        )
