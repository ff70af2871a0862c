"""What is written down of an attempt, and told of it: its steps, its progress, its drafts, its end."""

import asyncio
import functools
import logging
import math
from collections.abc import Callable
from datetime import datetime
from typing import Any

from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from herald.shared.feed.announcer import Announcer
from herald.shared.feed.feed import Feed
from herald.shared.queue.leases import LEASE_S
from herald.shared.tasks.channels import Channel
from herald.shared.tasks.events import EventType, TaskDelta, TaskEvent
from herald.shared.tasks.models import Task, TaskStatus, Usage, now
from herald.shared.tasks.store import Store
from herald.worker.llm.provider import Piece

log = logging.getLogger(__name__)

PUBLISH_EVERY_S = 0.1
STORE_EVERY_S = 1.0
DELTA_EVERY_S = 0.25
UNHURRIED_DELTAS = 100
"""When so many pieces of drafts have been told they come once a second: a channel's history has 256 places
by default, and who comes late shall still find most of what has been written."""


class LeaseLostError(Exception):
    """The task is no longer ours: it was cancelled, or another worker has taken it over."""


class Draft:
    """An answer of a model while it is being written."""

    def __init__(self, step: str, part: str | None, changed: asyncio.Event) -> None:
        self.step = step
        self.part = part
        self.told = 0
        """How much of it has been published, in characters."""
        self.untold = ""
        self.usage: Usage | None = None
        self._changed = changed

    @property
    def length(self) -> int:
        """How much has been written, in characters."""
        return self.told + len(self.untold)

    def add(self, piece: Piece) -> None:
        """Note a further piece."""
        self.untold += piece.text
        self.usage = piece.usage
        self._changed.set()


class Journal:
    """Writes an attempt down in MongoDB, and then tells of it.

    Every write is guarded by the attempt's number; the first that finds the task in other hands raises
    `LeaseLostError`, and nothing is told after it. Progress and drafts are told between the writes as well,
    though only as long as nobody else can have the task.
    """

    def __init__(self, task: Task, worker_id: str, store: Store, feed: Feed, announcer: Announcer) -> None:
        self.task = task
        """As it is shown; between two writes its progress is ahead of what is stored."""
        self.lease_until = asyncio.get_running_loop().time() + LEASE_S
        """Until when, by the event loop's clock, nobody else can have taken the task over."""
        self._stored = task
        self._spent_before = task.usage
        self._worker_id = worker_id
        self._store = store
        self._feed = feed
        self._announcer = announcer
        self._progress = 0.0
        self._drafts: list[Draft] = []
        self._deltas = 0
        self._changed = asyncio.Event()
        self._writing = asyncio.Lock()

    # What has happened: noted at once, told by the next write or by `keep_telling`.

    def advance(self, percent: float) -> None:
        """Note how much is done; 100 is for completed tasks."""
        self._progress = min(percent, 99.0)
        self._changed.set()

    def draft(self, step: str, part: str | None) -> Draft:
        """A new answer that will be written; it takes the place of an earlier one of the same name."""
        draft = Draft(step, part, self._changed)
        self._drafts.append(draft)
        return draft

    # What is written

    async def record(self, event_type: EventType, **changes: Any) -> None:
        """Store a change of the running attempt, and tell it.

        Raises:
            LeaseLostError: see `Journal`.
        """
        async with self._writing:
            stored = await self._store.record(self._stored, self.task.attempt, **self._so_far(), **changes)
            if stored is None:
                raise LeaseLostError
            self.task = self._stored = stored
            await self._tell_drafts()  # before the event that their step is done
            await self.tell(event_type)

    async def end(self, status: TaskStatus, *, note: str | None = None, **changes: Any) -> bool:
        """Store that the attempt has ended, and tell it; False if the task was no longer ours."""
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

    def _so_far(self) -> dict[str, Any]:
        return {"progress": self._shown_progress(), "usage": self._usage()}

    def _shown_progress(self) -> int:
        """Whole percents, never less than what was shown before."""
        return max(math.floor(self._progress), self.task.progress)

    def _usage(self) -> Usage | None:
        spent = [draft.usage for draft in self._drafts if draft.usage is not None]
        return functools.reduce(lambda sum_, call: call.plus(sum_), spent, self._spent_before)

    # What is told

    async def tell(self, event_type: EventType) -> None:
        """Publish the task as it is; MongoDB has it, so a Redis that is away costs only the liveness."""
        try:
            await self._feed.publish(TaskEvent.of(self.task, event_type).messages())
        except (RedisError, OSError) as error:
            log.warning("%s of task %s could not be published: %s", event_type, self.task.task_id, error)

    async def keep_telling(self, estimate: Callable[[], datetime | None]) -> None:
        """Tell progress and drafts as they grow, though not too often, and store progress more seldom.

        It is stored as well where a lease may have run out: a write finds out whether the task is still ours.
        """
        loop = asyncio.get_running_loop()
        store_at, delta_at = loop.time() + STORE_EVERY_S, 0.0
        while True:
            await self._changed.wait()
            self._changed.clear()
            ours = loop.time() < self.lease_until
            grown = any(draft.untold for draft in self._drafts)
            if self._shown_progress() > self.task.progress or (grown and not ours):
                if loop.time() >= store_at or not ours:
                    store_at = loop.time() + STORE_EVERY_S
                    await self._store_progress(estimate())
                else:
                    await self._tell_progress()
            if grown:
                if ours and loop.time() >= delta_at:
                    delta_at = loop.time() + max(DELTA_EVERY_S, min(self._deltas / UNHURRIED_DELTAS, 1))
                    async with self._writing:
                        await self._tell_drafts()
                else:
                    self._changed.set()
            await asyncio.sleep(PUBLISH_EVERY_S)

    async def _store_progress(self, estimate: datetime | None) -> None:
        try:
            await self.record("task.progress", estimated_completion=estimate)
        except PyMongoError as error:  # not worth a step that may be paid for
            log.warning("the progress of task %s could not be stored: %s", self.task.task_id, error)

    async def _tell_progress(self) -> None:
        async with self._writing:
            newer = {**self._so_far(), "tick": self.task.tick + 1, "updated_at": now()}
            self.task = self.task.model_copy(update=newer)
            await self.tell("task.progress")

    async def _tell_drafts(self) -> None:
        """Publish what has been written meanwhile; if Redis is away it is kept for the next time."""
        grown = [(draft, draft.untold) for draft in self._drafts if draft.untold]
        if not grown:
            return
        channel = str(Channel.task(self.task.task_id))
        deltas = [self._delta(draft, text).encode() for draft, text in grown]
        try:
            await self._feed.publish([(channel, delta) for delta in deltas])
        except (RedisError, OSError) as error:
            log.warning("drafts of task %s could not be published: %s", self.task.task_id, error)
            return
        self._deltas += len(deltas)
        for draft, text in grown:
            draft.told += len(text)
            draft.untold = draft.untold[len(text) :]

    def _delta(self, draft: Draft, text: str) -> TaskDelta:
        return TaskDelta(
            at=now(),
            task_id=self.task.task_id,
            attempt=self.task.attempt,
            step=draft.step,
            part=draft.part,
            start=draft.told,
            text=text,
        )
