"""The messages on the feed: task events, snapshots, pieces of a draft, and emitted data."""

import json
from typing import Any, Literal

from herald.shared.tasks.channels import Channel
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

EVENT_OF_STATUS: dict[str, EventType] = {
    TaskStatus.QUEUED: "task.queued",
    TaskStatus.PROCESSING: "task.processing",
    TaskStatus.RETRYING: "task.retrying",
    TaskStatus.COMPLETED: "task.completed",
    TaskStatus.FAILED: "task.failed",
    TaskStatus.CANCELLED: "task.cancelled",
}
"""The event that is published when a task enters a status."""


Message = tuple[str, str]
"""A channel, and the JSON text to publish on it."""


class TaskEvent(Model):
    """One change of a task, with the whole public state of the task after it."""

    type: EventType
    at: Timestamp
    task: PublicTask
    traceparent: str | None = None
    """The trace of the request that created the task (W3C Trace Context)."""

    @classmethod
    def of(cls, task: Task, event_type: EventType | None = None) -> "TaskEvent":
        """The event for the current state of ``task``; its type defaults to that of the task's status."""
        return cls(
            type=event_type or EVENT_OF_STATUS[task.status],
            at=now(),
            task=task.public(),
            traceparent=task.traceparent,
        )

    def channels(self) -> list[str]:
        """The names of the channels that carry this event."""
        channels = [Channel.user(self.task.user_id), Channel.task(self.task.task_id)]
        if self.task.brand_id:
            channels.append(Channel.brand(self.task.brand_id))
        return [str(channel) for channel in channels]

    def messages(self) -> list[Message]:
        """This event for each of its channels, encoded once."""
        data = self.encode()
        return [(channel, data) for channel in self.channels()]


class TaskSnapshot(Model):
    """The initial state of a subscription, in ``data`` of its reply: active tasks, then recently ended ones.

    Both are sorted newest first. If not all of them fit, ``GET /api/jobs?after=<after>`` lists the tasks that
    were left out, among others.
    """

    tasks: list[PublicTask]
    truncated: Literal[True] | None = None
    """Present if tasks were left out."""
    after: str | None = None
    """The cursor to the tasks that were left out; present if there are any."""


class TaskDelta(Model):
    """A piece of the draft that a model is writing for a task; published on the channel of the task only.

    Join the pieces of one ``(attempt, step, part)`` in the order of ``start``, which also reveals duplicates
    and gaps.
    """

    type: Literal["task.delta"] = "task.delta"
    at: Timestamp
    task_id: str
    attempt: int
    step: str
    part: str | None = None
    """Which answer the piece belongs to, if the step requests several at once."""
    start: int
    """The offset of the piece in the answer, in Unicode characters; 0 starts the answer over."""
    text: str
    """A part of a JSON document, as the model writes it."""


class TaskEmitted(Model):
    """Live data that a task's code has emitted; published on the channel of the task only.

    The newest data of each name is also part of the task, as ``emitted``.
    """

    type: Literal["task.emitted"] = "task.emitted"
    at: Timestamp
    task_id: str
    attempt: int
    name: str
    data: Any
    """A JSON value."""


def conflation_key(data: str) -> str | None:
    """The id of the task whose progress ``data`` (JSON text) reports; None for any other message.

    A newer progress event supersedes the earlier ones of its task.
    """
    event = json.loads(data)
    if isinstance(event, dict) and event.get("type") == "task.progress":
        return str(event["task"]["taskId"])
    return None
