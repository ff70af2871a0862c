"""Tells of stored changes, and remembers in MongoDB what has not been told yet."""

import logging

from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from herald.shared.feed.feed import Feed
from herald.shared.tasks.events import TaskEvent
from herald.shared.tasks.models import Task
from herald.shared.tasks.store import Store

log = logging.getLogger(__name__)


class Announcer:
    """Publishes the resting statuses of tasks: queued, retrying, and the ends.

    Such a transition is stored with a mark, which goes once it has been published. Whoever dies in between,
    or finds Redis away, leaves the mark; the workers' reconcile finds it and publishes again, which does no
    harm, since a client keeps the greatest version.
    """

    def __init__(self, store: Store, feed: Feed) -> None:
        self._store = store
        self._feed = feed

    async def tell(self, task: Task) -> bool:
        """Publish that ``task`` is as it is, and note it; False: it failed, the reconcile does it later."""
        told = await self.publish(task)
        if told:
            await self.note(task)
        return told

    async def publish(self, task: Task) -> bool:
        """Publish only; for who has something more urgent to do before the note."""
        try:
            await self._feed.announce(TaskEvent.of(task))
        except (RedisError, OSError) as error:
            log.warning("task %s is %s, which could not be published: %s", task.task_id, task.status, error)
            return False
        return True

    async def note(self, task: Task) -> None:
        """Note that ``task`` has been published."""
        try:
            await self._store.announced(task)
        except PyMongoError as error:
            log.warning("task %s will be announced again: %s", task.task_id, error)
