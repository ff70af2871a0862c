"""Publishes stored status changes, and clears their "unannounced" mark in MongoDB."""

import logging

from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from herald.shared.feed.feed import Feed
from herald.shared.tasks.events import TaskEvent
from herald.shared.tasks.models import Task
from herald.shared.tasks.store import Store

log = logging.getLogger(__name__)


class Announcer:
    """Publishes every status that a task may stay in for a while: queued, retrying, and the ended ones.

    Such a change is stored with the mark "unannounced", which is cleared once the event has been published.
    If a process dies in between, or Redis is down, the mark stays, and maintenance in a worker publishes the
    event again. A duplicate does no harm, since a client keeps the newest version of a task.
    """

    def __init__(self, store: Store, feed: Feed) -> None:
        self._store = store
        self._feed = feed

    async def announce(self, task: Task) -> bool:
        """Publish the status of ``task`` and clear its mark; False if it could not be published."""
        published = await self.publish(task)
        if published:
            await self.mark_announced(task)
        return published

    async def publish(self, task: Task) -> bool:
        """Publish the status of ``task``; the caller clears the mark later, with `mark_announced`."""
        try:
            await self._feed.publish(TaskEvent.of(task).messages())
        except (RedisError, OSError) as error:
            log.warning("could not publish that task %s is %s: %s", task.task_id, task.status, error)
            return False
        return True

    async def mark_announced(self, task: Task) -> None:
        """Clear the mark of ``task``; if MongoDB is down, its event will be published again."""
        try:
            await self._store.mark_announced(task)
        except PyMongoError as error:
            log.warning("task %s will be published again, could not clear its mark: %s", task.task_id, error)
