"""A worker's claims on jobs: taken, renewed and given back in Redis, each in one atomic step."""

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
"""A worker that is gone loses its tasks to others after this many seconds."""


class Picked(NamedTuple):
    """A job that is ours now."""

    job_id: str
    score: int
    """Its place in ARQ's queue while it runs."""
    was_lost: bool = False
    """Whether a worker had it that is gone: so nobody has seen to it that its time has come."""


class Leases:
    """Decides with the other workers who runs what, without talking to them.

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
        """Take at most so many jobs: those of lost workers first, then by their place in the queue.

        A user who has enough tasks running is passed over.

        Raises:
            redis.RedisError: Redis cannot be reached; jobs may have been taken, for as long as a lease lasts.
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
        """Drop what is no job of ours, lest it is taken again and again."""
        log.error("dropped %r from the queue: it is not the id of a job", job)
        sets = [("ZREM", key, job) for key in (QUEUE_NAME, LEASES, LATER)]
        hashes = [("HDEL", key, job) for key in (OWNERS, TYPES, STARTED)]
        await exchange(self._redis, [*sets, *hashes])

    async def renew(self) -> set[str]:
        """Renew the leases of the jobs that were taken; returns those that another worker has taken since.

        Raises:
            redis.RedisError: Redis cannot be reached; the leases run out, unless this is tried again.
        """
        async with self._renewing:
            if not self._ours:
                return set()
            lost = await self._renew.run(self._redis, QUEUE_KEYS, [self._worker_id, _LEASE_MS, *self._ours])
        return {job.decode() for job in lost}

    async def release(self, job_id: str, *, due_in_s: float = 0) -> None:
        """Give a lease back; if the job has not ended it may be taken again after so many seconds.

        Raises:
            redis.RedisError: Redis cannot be reached; then the lease runs out by itself.
        """
        self._ours.discard(job_id)
        async with self._renewing:
            pass  # a renewal that arrived after the release would take the lease again
        await self._release.run(
            self._redis,
            QUEUE_KEYS,
            [self._worker_id, job_id, round(due_in_s * 1000), SIGNAL_PREFIX + WORK_SIGNAL],
        )


_LEASE_MS = round(LEASE_S * 1000)
