"""ARQ made event-driven: wake-ups, leases, a gentle stop, and outliving a lost Redis.

ARQ's command line makes its worker by the name ``arq.worker.Worker``; importing this module puts ours there.
"""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import NamedTuple

import arq.worker
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from herald.shared.aio import cancel_and_wait
from herald.shared.feed.feed import Feed
from herald.shared.feed.follower import Follower
from herald.shared.queue.leases import LEASE_S, Leases
from herald.shared.queue.queue import CANCEL_SIGNAL, WORK_SIGNAL
from herald.worker.engine.attempts import Runs

log = logging.getLogger(__name__)

RECONNECT_MAX_S = 5.0
HOPELESS_AFTER_S = 600.0
HAND_BACK_WITHIN_S = 5.0
"""How long tasks may take to be handed back before they are broken off; their leases run out then."""


class Duty(NamedTuple):
    """Something that a worker does again and again beside its tasks."""

    every_s: float
    work: Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Equipment:
    """What the worker needs besides ARQ; `herald.worker.main` puts it into ARQ's context as ``equipment``."""

    leases: Leases
    runs: Runs
    feed: Feed
    duties: Sequence[Duty]
    grace_s: float
    due_in_s: dict[str, float] = field(default_factory=dict)
    """After how many seconds the jobs that are put back may be taken again; those not in it, at once."""
    were_lost: set[str] = field(default_factory=set)
    """The jobs that run here and were taken over from a worker that is gone."""


class Worker(arq.worker.Worker):
    """ARQ's worker, which takes jobs differently.

    ARQ looks twice a second; ours is woken when there is work, or when it may take more. ARQ's lock on a job
    lasts as long as the longest job may run; ours is a lease of seconds, see `Leases`. ARQ ends with the
    first Redis error; ours connects again, and what runs goes on meanwhile. Told to stop, ARQ breaks its jobs
    off; ours lets them run on for a while and hands the others back.
    """

    _stopping: asyncio.Task[None] | None = None

    @property
    def _equipment(self) -> Equipment:
        equipment: Equipment = self.ctx["equipment"]
        return equipment

    async def main(self) -> None:
        """Take and run jobs until told to stop.

        Raises:
            pymongo.errors.PyMongoError: MongoDB cannot be reached at the start.
            redis.RedisError: Redis has been away for `HOPELESS_AFTER_S`.
        """
        self._woken = asyncio.Event()
        self._hurry = asyncio.Event()
        self.ctx["redis"] = self.pool
        if self.on_startup:
            await self.on_startup(self.ctx)
        signals = Follower(self._equipment.feed, lambda *_: None, lambda _: None)
        signals.listen(WORK_SIGNAL, lambda _: self._woken.set())
        signals.listen(CANCEL_SIGNAL, self._equipment.runs.stop)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(signals)
            for duty in (Duty(LEASE_S / 8, self._renew_leases), *self._equipment.duties):
                task = asyncio.create_task(_again_and_again(duty), name=f"duty {duty.work.__name__}")
                stack.push_async_callback(cancel_and_wait, task)
            await self._outlive_redis()

    async def _outlive_redis(self) -> None:
        failing_since: float | None = None
        delay_s = 0.1
        while True:
            started_at = self.loop.time()
            try:
                return await self._serve()
            except (RedisError, OSError) as error:
                if failing_since is None or self.loop.time() - started_at > RECONNECT_MAX_S:
                    failing_since, delay_s = self.loop.time(), 0.1
                if self.loop.time() - failing_since > HOPELESS_AFTER_S:
                    raise
                log.warning("lost Redis, connecting again: %s", error)
            await asyncio.sleep(delay_s)
            delay_s = min(delay_s * 2, RECONNECT_MAX_S)

    async def _serve(self) -> None:
        """Take jobs whenever woken, and every `poll_delay_s` in case that a signal was lost."""
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
            for job_id, score, was_lost in await self._equipment.leases.pick(free):
                if job_id not in self.tasks:  # our own lease may have run out while Redis was away
                    if was_lost:
                        self._equipment.were_lost.add(job_id)
                    self.tasks[job_id] = task = self.loop.create_task(self._run(job_id, score))
                    task.add_done_callback(lambda _, job_id=job_id: self._ended(job_id))  # type: ignore[misc]
        await self.record_health()

    def _ended(self, job_id: str) -> None:
        del self.tasks[job_id]
        self._equipment.were_lost.discard(job_id)
        self._woken.set()

    async def _run(self, job_id: str, score: int) -> None:
        """Run a job as ARQ does, and give its lease back; whatever fails here ends no worker."""
        try:
            await self.run_job(job_id, score)
        except (RedisError, OSError) as error:  # it is taken again, and found to be done
            log.warning("the end of job %s could not be told to Redis: %s", job_id, error)
        except Exception:
            log.exception("ARQ could not run job %s", job_id)
        finally:
            due_in_s = self._equipment.due_in_s.pop(job_id, 0.0)
            try:
                await self._equipment.leases.release(job_id, due_in_s=due_in_s)
            except (RedisError, OSError) as error:
                log.warning("the lease of job %s will run out by itself: %s", job_id, error)

    async def _renew_leases(self) -> None:
        """Renew the leases of what runs, and stop what another worker has taken."""
        until, job_ids = self.loop.time() + LEASE_S, list(self.tasks)
        lost = await self._equipment.leases.renew()
        for job_id in job_ids:
            task_id = job_id.partition(":")[0]
            if job_id in lost:
                self._equipment.runs.stop(task_id)
            else:
                self._equipment.runs.renewed(task_id, until)

    def handle_sig(self, signum: signal.Signals) -> None:
        """Stop; told so twice, without waiting."""
        if self._stopping is None:
            self._stopping = self.loop.create_task(self._stop(signum))
        else:
            self._hurry.set()

    async def _stop(self, signum: signal.Signals) -> None:
        self.allow_pick_jobs = False
        equipment: Equipment | None = self.ctx.get("equipment")
        if equipment is not None and self.tasks:
            log.info("%s: letting %d tasks run on for a while", signum.name, len(self.tasks))
            await self._until_idle(equipment.grace_s, or_hurried=True)
            equipment.runs.hand_back()
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
        """Close what is open; a Redis that is away does not keep us from ending."""
        try:
            await super().close()
        except (RedisError, OSError) as error:
            log.warning("Redis is away at the end: %s", error)


async def _again_and_again(duty: Duty) -> None:
    """Do a duty for as long as the worker runs; a failure is logged, and the next time comes."""
    while True:
        try:
            await duty.work()
        except (RedisError, PyMongoError, OSError) as error:
            log.warning("%s: a service does not answer: %s", duty.work.__name__, error)
        except Exception:
            log.exception("%s failed", duty.work.__name__)
        await asyncio.sleep(duty.every_s)


arq.worker.Worker = Worker  # type: ignore[misc]
