"""A worker's claims on jobs: taken, renewed and given back in Redis, each in one atomic step."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from redis.asyncio import Redis

from shared.feed import SIGNAL_PREFIX
from shared.queue import FAR, LATER, LEASES, OWNERS, QUEUE_NAME, WORK_SIGNAL
from shared.scripts import Script

LEASE_S = 8.0
"""A worker that is gone loses its tasks to others after this many seconds."""


class Picked(NamedTuple):
    """A job that is ours now."""

    job_id: str
    score: int
    """Its place in ARQ's queue while it runs."""


class Leases:
    """Decides with the other workers who runs what, without talking to them.

    Example::

        for job_id, score in await leases.pick(free_slots):
            …
            await leases.release(job_id)
    """

    def __init__(self, redis: Redis, worker_id: str, *, user_limit: int) -> None:
        self._redis = redis
        self._worker_id = worker_id
        self._user_limit = user_limit
        self._pick = Script("pick.lua")
        self._renew = Script("renew.lua")
        self._release = Script("release.lua")

    async def pick(self, most: int) -> list[Picked]:
        """Take at most so many jobs: those of lost workers first, then by their place in the queue.

        A user who has enough tasks running is passed over.

        Raises:
            redis.RedisError: Redis cannot be reached; jobs may have been taken, for as long as a lease lasts.
        """
        found = await self._pick.run(
            self._redis,
            [QUEUE_NAME, LEASES, OWNERS, LATER],
            [self._worker_id, most, _LEASE_MS, self._user_limit, FAR],
        )
        ids, scores = found[::2], found[1::2]
        return [Picked(job.decode(), int(float(score))) for job, score in zip(ids, scores, strict=True)]

    async def renew(self, job_ids: Collection[str]) -> set[str]:
        """Renew the leases of jobs; those that another worker has meanwhile taken.

        Raises:
            redis.RedisError: Redis cannot be reached; the leases run out, unless this is tried again.
        """
        if not job_ids:
            return set()
        lost = await self._renew.run(self._redis, [LEASES, OWNERS], [self._worker_id, _LEASE_MS, *job_ids])
        return {job.decode() for job in lost}

    async def release(self, job_id: str, *, due: datetime | None = None) -> None:
        """Give a lease back; if the job has not ended it may be taken again, at once or when it is ``due``.

        Raises:
            redis.RedisError: Redis cannot be reached; then the lease runs out by itself.
        """
        due_ms = round(due.timestamp() * 1000) if due else 0
        await self._release.run(
            self._redis,
            [QUEUE_NAME, LEASES, OWNERS, LATER],
            [self._worker_id, job_id, due_ms, FAR, SIGNAL_PREFIX + WORK_SIGNAL],
        )


_LEASE_MS = round(LEASE_S * 1000)
