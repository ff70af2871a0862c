"""ARQ made sturdy: short leases that are renewed, and a worker that outlives a lost Redis.

ARQ's command line makes its worker by the name ``arq.worker.Worker``; importing this module puts ours there.
"""

import asyncio
import logging

import arq.worker
from arq.constants import in_progress_key_prefix
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

LEASE_S = 8.0
"""A worker that is gone loses its tasks to others after this many seconds."""
RENEW_EVERY_S = LEASE_S / 4
RECONNECT_MAX_S = 5.0
HOPELESS_AFTER_S = 600.0


class Worker(arq.worker.Worker):
    """ARQ's worker, with two of its habits changed.

    Its lock on a job lasts as long as the job's timeout; ours is a lease of seconds, renewed while the job
    runs. It ends with the first Redis error; ours connects again, and the jobs that run go on meanwhile.
    """

    async def main(self) -> None:
        """Take and run jobs until told to stop.

        Raises:
            redis.RedisError: Redis has been away for `HOPELESS_AFTER_S`.
        """
        self.in_progress_timeout_s = LEASE_S
        renewing = asyncio.create_task(self._renew_leases(), name="renew-leases")
        try:
            await self._outlive_redis()
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)

    async def _outlive_redis(self) -> None:
        loop = asyncio.get_running_loop()
        failing_since: float | None = None
        delay_s = 0.1
        while True:
            started_at = loop.time()
            try:
                return await super().main()
            except (RedisError, OSError) as error:
                if failing_since is None or loop.time() - started_at > RECONNECT_MAX_S:
                    failing_since, delay_s = loop.time(), 0.1
                if loop.time() - failing_since > HOPELESS_AFTER_S:
                    raise
                log.warning("lost Redis, connecting again: %s", error)
            await asyncio.sleep(delay_s)
            delay_s = min(delay_s * 2, RECONNECT_MAX_S)
            await self._recount_slots()

    async def _recount_slots(self) -> None:
        """Free the slots of jobs that were about to start when Redis failed: ARQ has lost count of them."""
        running = [task for task in self.tasks.values() if not task.done()]
        self.job_counter = len(running)
        self.sem = asyncio.BoundedSemaphore(self.max_jobs + 1)
        for _ in running:
            await self.sem.acquire()

    async def start_jobs(self, job_ids: list[bytes]) -> None:
        """Start those of the jobs that nobody runs; not even we, where the lease ran out with Redis away."""
        await super().start_jobs([job_id for job_id in job_ids if not self._runs(job_id.decode())])

    def _runs(self, job_id: str) -> bool:
        return job_id in self.tasks and not self.tasks[job_id].done()

    async def _renew_leases(self) -> None:
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            try:
                await self._renew([job_id for job_id in self.tasks if self._runs(job_id)])
            except (RedisError, OSError) as error:
                log.warning("could not renew the leases: %s", error)

    async def _renew(self, job_ids: list[str]) -> None:
        lease_ms = round(LEASE_S * 1000)
        pipe = self.pool.pipeline(transaction=False)
        for job_id in job_ids:
            pipe.pexpire(in_progress_key_prefix + job_id, lease_ms)
        for job_id, renewed in zip(job_ids, await pipe.execute(), strict=True):
            if not renewed and self._runs(job_id):  # it ran out: take it again, unless someone else has
                await self.pool.set(in_progress_key_prefix + job_id, b"1", px=lease_ms, nx=True)


arq.worker.Worker = Worker  # type: ignore[misc]
