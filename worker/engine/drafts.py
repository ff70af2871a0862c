"""Drafts: text that is still being written, published to the task's channel piece by piece."""

import asyncio
import logging

from redis.exceptions import RedisError

from herald.shared.feed.feed import Feed
from herald.shared.tasks.channels import Channel
from herald.shared.tasks.events import TaskDelta
from herald.shared.tasks.models import Task, Usage, now

log = logging.getLogger(__name__)

DELTA_EVERY_S = 0.25
SLOWEST_AFTER_DELTAS = 100
"""The pause between deltas grows to one second by this many. A channel's history holds 256 messages by
default, and clients that join late should still find most of the text there."""


class Draft:
    """One text while it is being written, by a model or by the task's code."""

    def __init__(self, step: str, part: str | None, changed: asyncio.Event) -> None:
        self.step = step
        self.part = part
        self.published = 0
        """How many characters have been published."""
        self.unpublished = ""
        self.usage: Usage | None = None
        self.is_finished = False
        self._changed = changed

    @property
    def length(self) -> int:
        """How many characters have been written."""
        return self.published + len(self.unpublished)

    def add(self, text: str, usage: Usage | None = None) -> None:
        """Add the next piece, with the total usage of the call to the model so far."""
        self.unpublished += text
        self.usage = usage or self.usage
        self._changed.set()


class Drafts:
    """All drafts of one attempt.

    Args:
        feed: where they are published.
        task: the attempt's task.
        changed: set whenever a draft grows.
    """

    def __init__(self, feed: Feed, task: Task, changed: asyncio.Event) -> None:
        self._feed = feed
        self._task_id, self._attempt = task.task_id, task.attempt
        self._changed = changed
        self._drafts: list[Draft] = []
        """Those that are being written, or not published to their end."""
        self._spent: Usage | None = None
        """What the finished drafts have used."""
        self._deltas = 0

    def begin(self, step: str, part: str | None) -> Draft:
        """A new draft. It replaces an earlier one of the same step and part."""
        draft = Draft(step, part, self._changed)
        self._drafts.append(draft)
        return draft

    def finish(self, draft: Draft) -> None:
        """Record that nothing will be added to ``draft``."""
        draft.is_finished = True
        if draft.usage is not None:
            self._spent = draft.usage.plus(self._spent)

    def usages(self) -> list[Usage]:
        """What the calls to the model have used so far; those that have ended are added up."""
        used = [self._spent, *(draft.usage for draft in self._drafts if not draft.is_finished)]
        return [usage for usage in used if usage is not None]

    def have_grown(self) -> bool:
        """Whether any text has not been published yet."""
        return any(draft.unpublished for draft in self._drafts)

    @property
    def pause_s(self) -> float:
        """The pause before the next deltas, in seconds."""
        return max(DELTA_EVERY_S, min(self._deltas / SLOWEST_AFTER_DELTAS, 1))

    async def publish(self) -> None:
        """Publish the text that has been added. If Redis is unreachable, a later call publishes it."""
        grown = [(draft, draft.unpublished) for draft in self._drafts if draft.unpublished]
        if not grown:
            return
        channel = str(Channel.task(self._task_id))
        deltas = [self._delta(draft, text).encode() for draft, text in grown]
        try:
            await self._feed.publish([(channel, delta) for delta in deltas])
        except (RedisError, OSError) as error:
            log.warning("could not publish drafts of task %s: %s", self._task_id, error)
            return
        self._deltas += len(deltas)
        for draft, text in grown:
            draft.published += len(text)
            draft.unpublished = draft.unpublished[len(text) :]
        self._drafts = [draft for draft in self._drafts if draft.unpublished or not draft.is_finished]

    def _delta(self, draft: Draft, text: str) -> TaskDelta:
        return TaskDelta(
            at=now(),
            task_id=self._task_id,
            attempt=self._attempt,
            step=draft.step,
            part=draft.part,
            start=draft.published,
            text=text,
        )
