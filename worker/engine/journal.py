"""Stores and publishes the steps, the progress and the end of an attempt."""

import asyncio
import functools
import logging
import math
from collections.abc import Callable
from datetime import datetime
from typing import Any, NoReturn

from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from herald.shared.queue.leases import LEASE_S
from herald.shared.tasks.events import EventType, TaskEvent
from herald.shared.tasks.models import HistoryEntry, Task, TaskStatus, Usage, interrupted_steps, now
from herald.worker.dependencies import Dependencies
from herald.worker.engine.drafts import Drafts
from herald.worker.engine.emitted import Emitted
from herald.worker.engine.interruption import LeaseLostError

log = logging.getLogger(__name__)

PUBLISH_EVERY_S = 0.1
STORE_EVERY_S = 1.0


class Journal:
    """Stores each change of an attempt in MongoDB, and then publishes it.

    Every write checks the attempt's number. A write that finds the task taken over raises `LeaseLostError`,
    and nothing is published after it. Between the writes, progress, drafts and emitted data are published
    only while no other worker can have the task.
    """

    def __init__(
        self, task: Task, dependencies: Dependencies, estimate: Callable[[], datetime | None] = lambda: None
    ) -> None:
        self.task = task
        """The task as published; between two writes it may be ahead of the stored one."""
        self.lease_until = asyncio.get_running_loop().time() + LEASE_S
        """Before this time, by the event loop's clock, no other worker can have taken over the task."""
        self._changed = asyncio.Event()
        self.drafts = Drafts(dependencies.feed, task, self._changed)
        self.emitted = Emitted(dependencies.feed, task)
        self._stored = task
        self._usage_before = task.usage
        self._worker_id = dependencies.worker_id
        self._store = dependencies.store
        self._feed = dependencies.feed
        self._announcer = dependencies.announcer
        self._estimate = estimate
        self._progress = 0.0
        self._unstored: dict[str, Any] = {}
        self._notes: list[str] = []
        self._writing = asyncio.Lock()

    def advance(self, percent: float) -> None:
        """Set the progress, in percent, for the next write or event. Only completed tasks reach 100."""
        self._progress = min(percent, 99.0)
        self._changed.set()

    def show(self, **changes: Any) -> None:
        """Change fields of the task with the next write or event."""
        self._unstored |= changes
        self._changed.set()

    def wake(self) -> None:
        """Let `keep_publishing` look for what has been emitted."""
        self._changed.set()

    async def check_ours(self) -> None:
        """Ask MongoDB whether the attempt is still the running one, if its lease may have run out.

        Raises:
            LeaseLostError: it is not.
            pymongo.errors.PyMongoError: MongoDB cannot be reached.
        """
        if asyncio.get_running_loop().time() >= self.lease_until:
            running = await self._store.queries.running_attempts([self.task.task_id])
            if running.get(self.task.task_id) != self.task.attempt:
                raise LeaseLostError

    async def record(self, event_type: EventType, *, note: str | None = None) -> None:
        """Store what has changed, and publish it; nothing happens if another call has just stored it.

        ``note`` is added to the task's history.

        Raises:
            LeaseLostError: see `Journal`.
            pymongo.errors.PyMongoError: MongoDB cannot be reached.
        """
        if note is not None:
            self._notes.append(note)
        async with self._writing:
            if event_type == "task.step" and not self._unstored and not self._notes:
                return
            stored = await self._store.record(
                self._stored,
                self.task.attempt,
                entry=self._entry(),
                estimated_completion=self._estimate(),
                **self._so_far(),
                **self._emitted(),
            )
            if stored is None:
                raise LeaseLostError
            self._is_stored(stored)
            await self._publish_pieces()  # before the event that completes their step
            await self.publish(event_type)

    async def end(self, status: TaskStatus, *, note: str | None = None, **changes: Any) -> bool:
        """Store the end of the attempt, and publish it; False if the task was no longer ours.

        Raises:
            pymongo.errors.PyMongoError: MongoDB cannot be reached.
        """
        async with self._writing:
            so_far = {**self._so_far(), **self._emitted()}
            so_far["steps"] = interrupted_steps(so_far.get("steps", self.task.steps), status)
            stored = await self._store.transition(
                self._stored,
                status,
                by=self._worker_id,
                if_attempt=self.task.attempt,
                note=note,
                **{**so_far, "estimated_completion": None, **changes},
            )
            if stored is None:
                return False
            self._is_stored(stored)
            await self._publish_pieces()
            await self._announcer.announce(stored)
            return True

    async def publish(self, event_type: EventType) -> None:
        """Publish the task's current state. It is already stored, so failures of Redis are only logged."""
        try:
            await self._feed.publish(TaskEvent.of(self.task, event_type).messages())
        except (RedisError, OSError) as error:
            log.warning("could not publish %s of task %s: %s", event_type, self.task.task_id, error)

    async def keep_publishing(self) -> NoReturn:
        """Publish progress, drafts and emitted data as they come, at a limited rate; store them less often.

        Progress is also stored when the lease may have run out, because the write checks whether the task
        is still ours.

        Raises:
            LeaseLostError: see `Journal`.
        """
        loop = asyncio.get_running_loop()
        store_at, delta_at = loop.time() + STORE_EVERY_S, 0.0
        while True:
            await self._changed.wait()
            self._changed.clear()
            ours = loop.time() < self.lease_until
            due = loop.time() >= store_at or not ours
            pieces = self.drafts.have_grown() or self.emitted.are_waiting
            is_newer = self._shown_progress() > self.task.progress or any(
                getattr(self.task, name) != value for name, value in self._unstored.items()
            )
            if due and (is_newer or not self.emitted.is_stored or (pieces and not ours)):
                store_at = loop.time() + STORE_EVERY_S
                await self._store_progress()
            elif is_newer:
                await self._publish_progress()
            if ours:
                await self.emitted.publish()
                if self.drafts.have_grown() and loop.time() >= delta_at:
                    delta_at = loop.time() + self.drafts.pause_s
                    async with self._writing:
                        await self.drafts.publish()
            if self.drafts.have_grown() or self.emitted.are_waiting or not self.emitted.is_stored:
                self._changed.set()
            await asyncio.sleep(PUBLISH_EVERY_S)

    async def _store_progress(self) -> None:
        try:
            await self.record("task.progress")
        except PyMongoError as error:  # failing the attempt would waste answers that have been paid for
            log.warning("could not store the progress of task %s: %s", self.task.task_id, error)

    async def _publish_progress(self) -> None:
        async with self._writing:
            newer = {**self._so_far(), "tick": self.task.tick + 1, "updated_at": now()}
            self.task = self.task.model_copy(update=newer)
            await self.publish("task.progress")

    async def _publish_pieces(self) -> None:
        await self.drafts.publish()
        await self.emitted.publish()

    def _is_stored(self, stored: Task) -> None:
        """Take note of what has been stored. Meanwhile, some of it may have changed again."""
        self.task = self._stored = stored
        self._unstored = {
            name: value for name, value in self._unstored.items() if getattr(stored, name) != value
        }

    def _entry(self) -> HistoryEntry | None:
        notes, self._notes = "; ".join(self._notes), []
        if not notes:
            return None
        return HistoryEntry(at=now(), status=TaskStatus.PROCESSING, by=self._worker_id, note=notes)

    def _emitted(self) -> dict[str, Any]:
        """The emitted data, if it has not been stored yet."""
        if self.emitted.is_stored:
            return {}
        self.emitted.is_stored = True
        return {"emitted": self.emitted.newest()}

    def _so_far(self) -> dict[str, Any]:
        return {**self._unstored, "progress": self._shown_progress(), "usage": self._usage()}

    def _shown_progress(self) -> int:
        """The progress in whole percent; it never goes back."""
        return max(math.floor(self._progress), self.task.progress)

    def _usage(self) -> Usage | None:
        """What all attempts at the task have used together."""
        calls = self.drafts.usages()
        return functools.reduce(lambda total, call: call.plus(total), calls, self._usage_before)
