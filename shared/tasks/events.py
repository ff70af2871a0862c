"""The task event as it goes on the wire, and the channels that carry it."""

import json
from typing import Literal

from herald.shared.tasks.models import Model, PublicTask, Task, TaskStatus, Timestamp, now

EventType = Literal[
    "task.queued",
    "task.processing",
    "task.step",
    "task.progress",
    "task.retrying",
    "task.completed",
    "task.failed",
    "task.cancelled",
]

OF_STATUS: dict[str, EventType] = {
    TaskStatus.QUEUED: "task.queued",
    TaskStatus.PROCESSING: "task.processing",
    TaskStatus.RETRYING: "task.retrying",
    TaskStatus.COMPLETED: "task.completed",
    TaskStatus.FAILED: "task.failed",
    TaskStatus.CANCELLED: "task.cancelled",
}
"""The event that announces that a task has entered a status."""


class TaskEvent(Model):
    """One change of a task, carrying the task's whole public state."""

    type: EventType
    at: Timestamp
    task: PublicTask
    traceparent: str | None = None
    """The trace that the task belongs to (W3C Trace Context)."""

    @classmethod
    def of(cls, task: Task, event_type: EventType | None = None) -> "TaskEvent":
        """The event that announces ``task`` as it is now; by default that it entered its status."""
        return cls(
            type=event_type or OF_STATUS[task.status],
            at=now(),
            task=task.public(),
            traceparent=task.traceparent,
        )

    def channels(self) -> list[str]:
        """The channels that carry this event."""
        names = [user_channel(self.task.user_id), task_channel(self.task.task_id)]
        if self.task.brand_id:
            names.append(brand_channel(self.task.brand_id))
        return names


class TaskSnapshot(Model):
    """What a subscription starts from, as ``data`` of its reply: unfinished tasks, then recently ended ones.

    Both are newest first. Where not all of them fit, ``GET /api/jobs?after=<after>`` lists the tasks that
    were left out, among others.
    """

    tasks: list[PublicTask]
    truncated: Literal[True] | None = None
    """Present if tasks were left out."""
    after: str | None = None
    """Present if tasks were left out: the cursor to them."""


class TaskDelta(Model):
    """A further piece of what a model is writing for a task; only ``task_channel`` carries it.

    Pieces of one ``(attempt, step, part)`` are joined in the order of ``start``. A reader that has a piece
    already passes over it, and one that finds a hole knows how long it is.
    """

    type: Literal["task.delta"] = "task.delta"
    at: Timestamp
    task_id: str
    attempt: int
    step: str
    part: str | None = None
    """Which of the answers that a step asks for at the same time."""
    start: int
    """Where in the answer the piece begins, in Unicode characters; 0 begins it anew."""
    text: str
    """As the model writes it: a piece of a JSON document."""


def user_channel(user_id: str) -> str:
    """The channel of all of a user's tasks."""
    return f"tasks#{user_id}"


def task_channel(task_id: str) -> str:
    """The channel of one task."""
    return f"task:{task_id}"


def brand_channel(brand_id: str) -> str:
    """The channel of all of a brand's tasks."""
    return f"brand:{brand_id}"


def conflation_key(data: str) -> str | None:
    """The id of the task whose progress ``data`` (JSON text) reports; None for any other message.

    A newer progress event makes the earlier ones of its task superfluous.
    """
    event = json.loads(data)
    if isinstance(event, dict) and event.get("type") == "task.progress":
        return str(event["task"]["taskId"])
    return None
