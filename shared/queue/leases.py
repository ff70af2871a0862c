"""Takes, renews and releases a worker's leases on jobs, each in one atomic step in Redis."""

import asyncio
import logging
from typing import NamedTuple

from redis.asyncio import Redis

from herald.shared.feed.feed import SIGNAL_PREFIX
from herald.shared.queue.queue import (
    LATER,
    LEASES,
    OWNERS,
    QUEUE_KEYS,
    QUEUE_NAME,
    STARTED,
    TYPES,
    WORK_SIGNAL,
    queue_script,
)
from herald.shared.redis.pool import exchange

log = logging.getLogger(__name__)

LEASE_S = 8.0
"""After a crash, other workers take over a worker's tasks within this many seconds."""
_LEASE_MS = round(LEASE_S * 1000)


class Picked(NamedTuple):
    """A job that this worker has taken."""

    job_id: str
    score: int
    """Its score in ARQ's queue while it runs."""
    was_lost: bool = False
    """Whether it was taken over from a worker whose lease ran out. That worker may have died before it put
    a retry back in the queue, so the job's delay may not have passed."""


class Leases:
    """The leases of one worker. Workers never talk to each other; Redis decides which one gets a job.

    Example::

        for job in await leases.pick(free_slots):
            …
            await leases.release(job.job_id)
    """

    def __init__(self, redis: Redis, worker_id: str, *, user_limit: int) -> None:
        self._redis = redis
        self._worker_id = worker_id
        self._user_limit = user_limit
        self._pick = queue_script("pick.lua")
        self._renew = queue_script("renew.lua")
        self._release = queue_script("release.lua")
        self._ours: set[str] = set()
        self._renewing = asyncio.Lock()

    async def pick(self, most: int) -> list[Picked]:
        """Take up to ``most`` jobs: those of lost workers first, then by their place in the queue.

        Skips users who are at their limit of running tasks.

        Raises:
            redis.RedisError: Redis cannot be reached. Jobs may have been taken; their leases will run out.
        """
        found = await self._pick.run(
            self._redis, QUEUE_KEYS, [self._worker_id, most, _LEASE_MS, self._user_limit]
        )
        picked = []
        for job, place, lost in zip(found[::3], found[1::3], found[2::3], strict=True):
            try:
                picked.append(Picked(job.decode(), int(float(place)), bool(lost)))
            except (ValueError, OverflowError):
                await self._drop(job)
        self._ours.update(job.job_id for job in picked)
        return picked

    async def _drop(self, job: bytes) -> None:
        """Remove an entry that is not a job id; otherwise it would be taken again and again."""
        log.error("removed %r from the queue: it is not a job id", job)
        sets = [("ZREM", key, job) for key in (QUEUE_NAME, LEASES, LATER)]
        hashes = [("HDEL", key, job) for key in (OWNERS, TYPES, STARTED)]
        await exchange(self._redis, [*sets, *hashes])

    async def renew(self) -> set[str]:
        """Renew all leases; returns the ids of jobs that another worker has taken over.

        Raises:
            redis.RedisError: Redis cannot be reached; unless a later call succeeds, the leases run out.
        """
        async with self._renewing:
            if not self._ours:
                return set()
            lost = await self._renew.run(self._redis, QUEUE_KEYS, [self._worker_id, _LEASE_MS, *self._ours])
        return {job.decode() for job in lost}

    async def release(self, job_id: str, *, due_in_s: float = 0) -> None:
        """Release a lease. A job that has not ended may be taken again after ``due_in_s`` seconds.

        Raises:
            redis.RedisError: Redis cannot be reached; the lease runs out by itself.
        """
        self._ours.discard(job_id)
        async with self._renewing:
            pass  # a renewal that reached Redis after the release would take the lease again
        await self._release.run(
            self._redis,
            QUEUE_KEYS,
            [self._worker_id, job_id, round(due_in_s * 1000), SIGNAL_PREFIX + WORK_SIGNAL],
        )
