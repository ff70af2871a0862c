"""Aggregate statistics over all tasks, for operators and metrics."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from pydantic.alias_generators import to_camel
from pymongo import DESCENDING

from herald.shared.tasks.documents import readable
from herald.shared.tasks.models import ACTIVE, EndReason, Model, Open, TaskStatus
from herald.shared.tasks.mongo import result_of


class ActiveCount(NamedTuple):
    """The number of active tasks of one type and status."""

    type: str
    status: TaskStatus
    tasks: int
    queued_since: datetime
    """The earliest ``queuedAt`` among them."""


class EndedTask(Model):
    """How and when a task ended."""

    type: str
    status: Open[TaskStatus]
    queued_at: datetime
    started_at: datetime | None = None
    completed_at: datetime
    end_reason: Open[EndReason] | None = None


def oldest_wait_s(counts: Iterable[ActiveCount], at: datetime) -> float:
    """How long the oldest queued task has been waiting at a time, in seconds; 0 if none is queued."""
    queued = (count for count in counts if count.status is TaskStatus.QUEUED)
    return max(((at - count.queued_since).total_seconds() for count in queued), default=0.0)


class TaskStats:
    """Statistics over the tasks in MongoDB; ``Store.stats`` is one.

    Each method raises ``pymongo.errors.PyMongoError`` if MongoDB cannot be reached.
    """

    def __init__(self, tasks: Any) -> None:
        self._tasks = tasks

    async def active_counts(self) -> list[ActiveCount]:
        """The number of active tasks, by type and status."""
        stages: list[dict[str, Any]] = [
            {
                "$match": {
                    "status": {"$in": list(ACTIVE)},
                    "type": {"$type": "string"},
                    "queuedAt": {"$type": "date"},
                }
            },
            {
                "$group": {
                    "_id": {"type": "$type", "status": "$status"},
                    "tasks": {"$sum": 1},
                    "queuedSince": {"$min": "$queuedAt"},
                }
            },
        ]
        return [
            ActiveCount(
                group["_id"]["type"], TaskStatus(group["_id"]["status"]), group["tasks"], group["queuedSince"]
            )
            async for group in await result_of(self._tasks.aggregate(stages))
        ]

    async def recently_ended(self, *, after: datetime, limit: int) -> list[EndedTask]:
        """The tasks that ended after a time, last ended first, at most ``limit``."""
        shown = {"_id": 0, "taskId": 1, **{to_camel(name): 1 for name in EndedTask.model_fields}}
        found = self._tasks.find({"completedAt": {"$gt": after}}, shown)
        newest = found.sort("completedAt", DESCENDING).limit(limit)
        return readable(EndedTask, await newest.to_list(limit))
