"""Stores and publishes the steps, the progress and the end of an attempt."""

import asyncio
import functools
import logging
import math
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any, TypeVar

from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from herald.shared.aio import cancel_and_wait
from herald.shared.queue.leases import LEASE_S
from herald.shared.tasks.events import EventType, TaskEvent
from herald.shared.tasks.models import Task, TaskStatus, Usage, now
from herald.worker.dependencies import Dependencies
from herald.worker.engine.drafts import Drafts

ResultT = TypeVar("ResultT")

log = logging.getLogger(__name__)

PUBLISH_EVERY_S = 0.1
STORE_EVERY_S = 1.0


class LeaseLostError(Exception):
    """The task is no longer ours: it was cancelled, or another worker has taken it over."""


class Journal:
    """Stores each change of an attempt in MongoDB, and then publishes it.

    Every write checks the attempt's number. A write that finds the task taken over raises `LeaseLostError`,
    and nothing is published after it. Between the writes, progress and drafts are published only while no
    other worker can have the task.
    """

    def __init__(self, task: Task, dependencies: Dependencies) -> None:
        self.task = task
        """The task as published; between two writes its progress may be ahead of the stored one."""
        self.lease_until = asyncio.get_running_loop().time() + LEASE_S
        """Before this time, by the event loop's clock, no other worker can have taken over the task."""
        self._changed = asyncio.Event()
        self.drafts = Drafts(dependencies.feed, task, self._changed)
        self._stored = task
        self._usage_before = task.usage
        self._worker_id = dependencies.worker_id
        self._store = dependencies.store
        self._feed = dependencies.feed
        self._announcer = dependencies.announcer
        self._progress = 0.0
        self._writing = asyncio.Lock()

    def advance(self, percent: float) -> None:
        """Set the progress, in percent, for the next write or event. Only completed tasks reach 100."""
        self._progress = min(percent, 99.0)
        self._changed.set()

    async def record(self, event_type: EventType, **changes: Any) -> None:
        """Store a change of the running attempt, and publish it.

        Raises:
            LeaseLostError: see `Journal`.
            pymongo.errors.PyMongoError: MongoDB cannot be reached.
        """
        async with self._writing:
            stored = await self._store.record(self._stored, self.task.attempt, **self._so_far(), **changes)
            if stored is None:
                raise LeaseLostError
            self.task = self._stored = stored
            await self.drafts.publish()  # before the event that completes their step
            await self.publish(event_type)

    async def end(self, status: TaskStatus, *, note: str | None = None, **changes: Any) -> bool:
        """Store the end of the attempt, and publish it; False if the task was no longer ours.

        Raises:
            pymongo.errors.PyMongoError: MongoDB cannot be reached.
        """
        async with self._writing:
            stored = await self._store.transition(
                self._stored,
                status,
                by=self._worker_id,
                if_attempt=self.task.attempt,
                note=note,
                estimated_completion=None,
                **{**self._so_far(), **changes},
            )
            if stored is None:
                return False
            self.task = self._stored = stored
            await self._announcer.announce(stored)
            return True

    async def publish(self, event_type: EventType) -> None:
        """Publish the task's current state. It is already stored, so failures of Redis are only logged."""
        try:
            await self._feed.publish(TaskEvent.of(self.task, event_type).messages())
        except (RedisError, OSError) as error:
            log.warning("could not publish %s of task %s: %s", event_type, self.task.task_id, error)

    async def publish_during(
        self, work: Coroutine[Any, Any, ResultT], estimate: Callable[[], datetime | None]
    ) -> ResultT:
        """Run ``work``, and publish progress and drafts meanwhile; returns its result, or raises its error.

        Args:
            work: the coroutine to run. It does not outlive this call.
            estimate: returns when the attempt is expected to end.

        Raises:
            LeaseLostError: see `Journal`.
        """
        working = asyncio.create_task(work)
        publishing = asyncio.create_task(self._keep_publishing(estimate))
        try:
            await asyncio.wait((working, publishing), return_when=asyncio.FIRST_COMPLETED)
            if publishing.done():
                publishing.result()
            return await working
        finally:
            await cancel_and_wait(working, publishing)

    async def _keep_publishing(self, estimate: Callable[[], datetime | None]) -> None:
        """Publish progress and drafts as they grow, at a limited rate, and store progress less often.

        Progress is also stored when the lease may have run out, because the write checks whether the task
        is still ours.
        """
        loop = asyncio.get_running_loop()
        store_at, delta_at = loop.time() + STORE_EVERY_S, 0.0
        while True:
            await self._changed.wait()
            self._changed.clear()
            ours = loop.time() < self.lease_until
            grown = self.drafts.have_grown()
            if self._shown_progress() > self.task.progress or (grown and not ours):
                if loop.time() >= store_at or not ours:
                    store_at = loop.time() + STORE_EVERY_S
                    await self._store_progress(estimate())
                else:
                    await self._publish_progress()
            if grown:
                if ours and loop.time() >= delta_at:
                    delta_at = loop.time() + self.drafts.pause_s
                    async with self._writing:
                        await self.drafts.publish()
                else:
                    self._changed.set()
            await asyncio.sleep(PUBLISH_EVERY_S)

    async def _store_progress(self, estimate: datetime | None) -> None:
        try:
            await self.record("task.progress", estimated_completion=estimate)
        except PyMongoError as error:  # failing the attempt would waste answers that have been paid for
            log.warning("could not store the progress of task %s: %s", self.task.task_id, error)

    async def _publish_progress(self) -> None:
        async with self._writing:
            newer = {**self._so_far(), "tick": self.task.tick + 1, "updated_at": now()}
            self.task = self.task.model_copy(update=newer)
            await self.publish("task.progress")

    def _so_far(self) -> dict[str, Any]:
        return {"progress": self._shown_progress(), "usage": self._usage()}

    def _shown_progress(self) -> int:
        """The progress in whole percent; it never goes back."""
        return max(math.floor(self._progress), self.task.progress)

    def _usage(self) -> Usage | None:
        """What all attempts at the task have used together."""
        calls = self.drafts.usages()
        return functools.reduce(lambda total, call: call.plus(total), calls, self._usage_before)
