"""What is asked about the tasks of all users together, for operators and metrics."""

import inspect
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from pydantic.alias_generators import to_camel
from pymongo import DESCENDING

from herald.shared.tasks.documents import readable
from herald.shared.tasks.models import ACTIVE, EndReason, Model, Open, TaskStatus


class Census(NamedTuple):
    """The tasks of one type and status."""

    type: str
    status: TaskStatus
    tasks: int
    queued_since: datetime
    """When the one was queued that has been there longest."""


class Ended(Model):
    """How a task ended, and when."""

    type: str
    status: Open[TaskStatus]
    queued_at: datetime
    started_at: datetime | None = None
    completed_at: datetime
    end_reason: Open[EndReason] | None = None


def oldest_wait_s(census: Iterable[Census], at: datetime) -> float:
    """How long the queued task has waited that has waited longest, in seconds; 0 if none waits."""
    queued = (group for group in census if group.status is TaskStatus.QUEUED)
    return max(((at - group.queued_since).total_seconds() for group in queued), default=0.0)


class TaskStats:
    """Figures of the tasks in MongoDB; see `herald.shared.tasks.store.Store`, which has one."""

    def __init__(self, tasks: Any) -> None:
        self._tasks = tasks

    async def census(self) -> list[Census]:
        """How many tasks have not ended, by type and status."""
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
        groups = self._tasks.aggregate(stages)
        if inspect.isawaitable(groups):  # PyMongo's is awaited, Motor's is not
            groups = await groups
        return [
            Census(
                group["_id"]["type"], TaskStatus(group["_id"]["status"]), group["tasks"], group["queuedSince"]
            )
            async for group in groups
        ]

    async def ended(self, *, after: datetime, limit: int) -> list[Ended]:
        """The tasks that ended after a time; of many, those that ended last."""
        shown = {"_id": 0, "taskId": 1, **{to_camel(name): 1 for name in Ended.model_fields}}
        found = self._tasks.find({"completedAt": {"$gt": after}}, shown)
        newest = found.sort("completedAt", DESCENDING).limit(limit)
        return readable(Ended, await newest.to_list(limit))
