"""Our subclass of ARQ's worker, which replaces it on import.

ARQ's code starts jobs, calls their functions, and removes the jobs that have ended. The rest is replaced,
because ARQ's way would be too slow or lose work:

- ARQ polls for jobs twice a second. Ours is woken by a signal when there is a job, or when a slot is free.
- ARQ's lock on a job lasts as long as the longest job may take. Ours is a lease of seconds, see `Leases`.
- The first error from Redis ends ARQ's worker. Ours reconnects, and attempts go on meanwhile.
- On SIGTERM, ARQ cancels running jobs at once. Ours lets them run on for a while, then hands them back.

ARQ has no public interface for this, so we override methods and read attributes of `arq.worker.Worker`.
No other module does. ``tests/unit/worker/engine/test_arq_worker.py`` fails if a new version of ARQ lacks
one of them.
"""

import asyncio
import logging
import signal
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass

import arq.worker
from redis.exceptions import RedisError

from herald.shared.aio import cancel_and_wait
from herald.shared.feed.follower import Follower
from herald.shared.queue.leases import Renewal
from herald.shared.queue.queue import CANCEL_SIGNAL, WORK_SIGNAL
from herald.shared.redis.blocking import blocking_client
from herald.worker.dependencies import Dependencies
from herald.worker.engine import lease_keeper, watchdog
from herald.worker.engine.duties import repeat
from herald.worker.engine.lease_keeper import LeaseKeeper

log = logging.getLogger(__name__)

RECONNECT_MAX_S = 5.0
GIVE_UP_AFTER_S = 600.0
HAND_BACK_WITHIN_S = 7.0
"""How long attempts may take to hand back their tasks. Then they are cancelled, and their leases run out.
Attempts whose code does not end when it is cancelled take 5 s."""


@dataclass
class JobNote:
    """What the worker and a job's function pass to each other outside ARQ."""

    was_lost: bool
    """From the worker: the job was taken over from a lost worker."""
    due_in_s: float = 0.0
    """From the function, before it raises `arq.Retry`: the seconds until the job may be taken again."""


class Worker(arq.worker.Worker):
    """ARQ's worker with leases, wake-up signals, and a shutdown that loses nothing.

    The startup function has to put these into ARQ's context: ``dependencies`` (`Dependencies`) and ``duties``
    (a sequence of `Duty`). In return, job functions find ``jobs`` there: the `JobNote` of each running job,
    by job id.
    """

    _stopping: asyncio.Task[None] | None = None

    @property
    def _dependencies(self) -> Dependencies:
        dependencies: Dependencies = self.ctx["dependencies"]
        return dependencies

    async def main(self) -> None:
        """Take and run jobs until the worker is stopped.

        Raises:
            pymongo.errors.PyMongoError: MongoDB cannot be reached at the start.
            redis.RedisError: Redis has been unreachable for `GIVE_UP_AFTER_S`.
        """
        self._woken = asyncio.Event()
        self._hurry = asyncio.Event()
        self._jobs: dict[str, JobNote] = {}
        self.ctx["redis"] = self.pool
        self.ctx["jobs"] = self._jobs
        if self.on_startup:
            await self.on_startup(self.ctx)
        signals = Follower(self._dependencies.feed, lambda *_: None, lambda _: None)
        signals.listen(WORK_SIGNAL, lambda _: self._woken.set())
        signals.listen(CANCEL_SIGNAL, self._dependencies.running.stop)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(watchdog.watching())
            client = blocking_client(self._dependencies.settings, timeout_s=lease_keeper.TIMEOUT_S)
            keeper = LeaseKeeper(self._dependencies.leases, client, self._on_renewed)
            await stack.enter_async_context(keeper.running())
            await stack.enter_async_context(signals)
            for duty in self.ctx["duties"]:
                task = asyncio.create_task(repeat(duty), name=f"duty: {duty.name}")
                stack.push_async_callback(cancel_and_wait, task)
            await self._serve_through_outages()

    async def _serve_through_outages(self) -> None:
        failing_since: float | None = None
        delay_s = 0.1
        while True:
            started_at = self.loop.time()
            try:
                return await self._serve()
            except (RedisError, OSError) as error:
                if failing_since is None or self.loop.time() - started_at > RECONNECT_MAX_S:
                    failing_since, delay_s = self.loop.time(), 0.1
                if self.loop.time() - failing_since > GIVE_UP_AFTER_S:
                    raise
                log.warning("lost the connection to Redis, reconnecting: %s", error)
            await asyncio.sleep(delay_s)
            delay_s = min(delay_s * 2, RECONNECT_MAX_S)

    async def _serve(self) -> None:
        """Take jobs whenever woken, and every `poll_delay_s` in case a signal was lost."""
        while True:
            self._woken.clear()
            await self._poll_iteration()
            if self.burst and not self.tasks:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(self.poll_delay_s):
                    await self._woken.wait()

    async def _poll_iteration(self) -> None:
        """Fill the free slots."""
        free = self.max_jobs - len(self.tasks)
        if self.allow_pick_jobs and free > 0:
            for job_id, score, was_lost in await self._dependencies.leases.pick(free):
                if job_id not in self.tasks:  # our own lease may have run out while Redis was unreachable
                    self._jobs[job_id] = JobNote(was_lost)
                    self.tasks[job_id] = task = self.loop.create_task(self._run(job_id, score))
                    task.add_done_callback(lambda _, job_id=job_id: self._ended(job_id))  # type: ignore[misc]
        await self.record_health()

    def _ended(self, job_id: str) -> None:
        del self.tasks[job_id]
        del self._jobs[job_id]
        self._woken.set()

    async def _run(self, job_id: str, score: int) -> None:
        """Let ARQ run a job, then release its lease. No failure here ends the worker."""
        try:
            await self.run_job(job_id, score)
        except (RedisError, OSError) as error:  # the job will be picked again, but its task has ended
            log.warning("could not remove job %s from Redis: %s", job_id, error)
        except Exception:
            log.exception("ARQ could not run job %s", job_id)
        finally:
            try:
                await self._dependencies.leases.release(job_id, due_in_s=self._jobs[job_id].due_in_s)
            except (RedisError, OSError) as error:
                log.warning("could not release the lease of job %s, it will run out: %s", job_id, error)

    def _on_renewed(self, renewal: Renewal) -> None:
        """Note how long the leases last, and stop the attempts that another worker has taken over."""
        for job_id in renewal.kept:
            self._dependencies.running.renewed(_task_of(job_id), renewal.until)
        for job_id in renewal.lost:
            self._dependencies.running.stop(_task_of(job_id))

    def handle_sig(self, signum: signal.Signals) -> None:
        """Stop gracefully; a second signal skips the grace period."""
        if self._stopping is None:
            self._stopping = self.loop.create_task(self._stop(signum))
        else:
            self._hurry.set()

    async def _stop(self, signum: signal.Signals) -> None:
        self.allow_pick_jobs = False
        dependencies: Dependencies | None = self.ctx.get("dependencies")
        if dependencies is not None and self.tasks:
            grace_s = dependencies.settings.worker_grace_s
            log.info("%s: %d tasks may run on for up to %g s", signum.name, len(self.tasks), grace_s)
            await self._until_idle(grace_s, or_hurried=True)
            dependencies.running.hand_back()
            await self._until_idle(HAND_BACK_WITHIN_S)
        for task in self.tasks.values():
            task.cancel()
        if self.main_task is not None:
            await cancel_and_wait(self.main_task)
        if self.on_stop is not None:
            self.on_stop(signum)

    async def _until_idle(self, seconds: float, *, or_hurried: bool = False) -> None:
        if not self.tasks:
            return
        waiting = [asyncio.create_task(asyncio.wait(list(self.tasks.values())))]
        if or_hurried:
            waiting.append(asyncio.create_task(self._hurry.wait()))  # type: ignore[arg-type]
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()

    async def close(self) -> None:
        """Close everything, even if Redis is unreachable."""
        try:
            await super().close()
        except (RedisError, OSError) as error:
            log.warning("Redis is unreachable during shutdown: %s", error)


def _task_of(job_id: str) -> str:
    return job_id.partition(":")[0]


# `arq` on the command line builds its worker from this name.
arq.worker.Worker = Worker  # type: ignore[misc]
