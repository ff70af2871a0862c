"""What a task is, and which changes of its status are legal; pure data, no I/O."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

HISTORY_LIMIT = 50
"""Newest entries that ``Task.history`` keeps."""


def now() -> datetime:
    """The present, in UTC and in whole milliseconds, which is what MongoDB can store."""
    return _whole_milliseconds(datetime.now(UTC))


def _whole_milliseconds(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=at.microsecond // 1000 * 1000)


Timestamp = Annotated[datetime, AfterValidator(_whole_milliseconds)]

KnownT = TypeVar("KnownT", bound=str)
Open = Annotated[KnownT | str, Field(union_mode="left_to_right")]
"""A value that is read as one of those known here, or as text where a newer version has stored another one.

A reader shows an unknown value as it is, and changes nothing that depends on its meaning: no transition
leaves an unknown status, and an unknown priority waits like a normal one.
"""


def new_task_id() -> str:
    """A random id of 32 hexadecimal digits that begins with its time: later tasks sort after earlier ones."""
    return f"{int(datetime.now(UTC).timestamp() * 1000):012x}{secrets.token_hex(10)}"


class TaskStatus(StrEnum):
    """Where a task is in its life."""

    QUEUED = "queued"
    PROCESSING = "processing"
    RETRYING = "retrying"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


ACTIVE = frozenset({TaskStatus.QUEUED, TaskStatus.PROCESSING, TaskStatus.RETRYING})
ENDED = frozenset(TaskStatus) - ACTIVE

TRANSITIONS: dict[TaskStatus, frozenset[TaskStatus]] = {
    TaskStatus.QUEUED: frozenset({TaskStatus.PROCESSING, TaskStatus.CANCELLED, TaskStatus.FAILED}),
    TaskStatus.PROCESSING: frozenset(
        {
            TaskStatus.COMPLETED,
            TaskStatus.FAILED,
            TaskStatus.RETRYING,
            TaskStatus.CANCELLED,
            TaskStatus.PROCESSING,  # a new attempt, after the worker of the last one died
        }
    ),
    TaskStatus.RETRYING: frozenset({TaskStatus.PROCESSING, TaskStatus.CANCELLED, TaskStatus.FAILED}),
    TaskStatus.COMPLETED: frozenset(),
    TaskStatus.FAILED: frozenset({TaskStatus.QUEUED}),  # the user's retry
    TaskStatus.CANCELLED: frozenset({TaskStatus.QUEUED}),
}
"""Every legal change of status; nothing else is ever written."""


def may_become(to: TaskStatus) -> frozenset[TaskStatus]:
    """The statuses from which ``to`` can be reached in one transition."""
    return frozenset(status for status, targets in TRANSITIONS.items() if to in targets)


class Priority(StrEnum):
    """How large a head start a task has in the queue."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class EndReason(StrEnum):
    """Why a task failed or was cancelled."""

    USER = "user"
    TIMEOUT = "timeout"
    BAD_INPUT = "badInput"
    QUOTA = "quota"
    SAFETY = "safety"
    PROVIDER_ERROR = "providerError"
    BAD_OUTPUT = "badOutput"
    WORKER_LOST = "workerLost"
    EXPIRED = "expired"
    INTERNAL = "internal"


class Model(BaseModel):
    """A model whose fields are snake_case in Python and camelCase on the wire and in MongoDB."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")

    def document(self) -> dict[str, Any]:
        """The model as MongoDB stores it: camelCase names, real dates, no empty fields."""
        return self.model_dump(by_alias=True, exclude_none=True)

    def wire(self) -> dict[str, Any]:
        """The model as JSON-ready values: camelCase names, RFC 3339 times, no empty fields."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def encode(self) -> str:
        """The same as compact JSON text, without line breaks."""
        return self.model_dump_json(by_alias=True, exclude_none=True)


class Step(Model):
    """A named stage of a task."""

    name: str
    status: Open[Literal["pending", "running", "completed", "failed"]] = "pending"
    started_at: Timestamp | None = None
    completed_at: Timestamp | None = None


def interrupted_steps(steps: Sequence[Step], entering: str) -> list[Step]:
    """The steps of a task at the moment it enters a status: no step runs.

    Where the attempt failed, the step that was running has failed; otherwise it is pending again. A task that
    is queued again, or begins another attempt, has no failed steps.
    """
    if entering in (TaskStatus.FAILED, TaskStatus.RETRYING):
        return [
            step.model_copy(update={"status": "failed"}) if step.status == "running" else step
            for step in steps
        ]
    kept = {"completed"} if entering is not TaskStatus.CANCELLED else {"completed", "failed"}
    return [step if step.status in kept else Step(name=step.name) for step in steps]


class Usage(Model):
    """What a task's generation has used so far, summed over its model calls."""

    provider: str
    model: str
    input_tokens: int = 0
    output_tokens: int = 0
    """With those that the model thought in, which are paid for alike."""
    cost_usd: float | None = None
    """At the provider's list price, in US dollars; None where the price is not known."""

    def plus(self, other: "Usage | None") -> "Usage":
        """This usage with ``other``'s tokens and cost added to it."""
        if other is None:
            return self
        costs = [cost for cost in (self.cost_usd, other.cost_usd) if cost is not None]
        return self.model_copy(
            update={
                "input_tokens": self.input_tokens + other.input_tokens,
                "output_tokens": self.output_tokens + other.output_tokens,
                "cost_usd": round(sum(costs), 6) if costs else None,
            }
        )


class HistoryEntry(Model):
    """One transition in a task's life."""

    at: Timestamp
    status: Open[TaskStatus]
    by: str
    note: str | None = None


class PublicTask(Model):
    """The part of a task that its owner's browsers see."""

    task_id: str
    user_id: str
    brand_id: str | None = None
    type: str
    status: Open[TaskStatus] = TaskStatus.QUEUED
    progress: int = Field(0, ge=0, le=100)
    """Whole percents done; never goes back within an attempt."""
    current_step: str | None = None
    current_step_index: int | None = None
    steps: list[Step] = []
    priority: Open[Priority] = Priority.NORMAL
    queued_at: Timestamp
    started_at: Timestamp | None = None
    completed_at: Timestamp | None = None
    estimated_completion: Timestamp | None = None
    next_retry_at: Timestamp | None = None
    result: dict[str, Any] | None = None
    """A reference to what was made, such as ``{"mediaPlanGroupId": …}``."""
    last_error: str | None = None
    end_reason: Open[EndReason] | None = None
    retryable: bool | None = None
    retry_count: int = 0
    max_retries: int = 3
    attempt: int = 0
    queue_position: int | None = None
    """Which one it is of those that wait, from 1."""
    estimated_start: Timestamp | None = None
    """When it is expected to be taken from the queue."""
    usage: Usage | None = None
    rev: int = 1
    """Grows by one at every stored transition."""
    tick: int = 0
    """Counts the unstored progress events since ``rev``; a reader keeps the greater ``(rev, tick)``."""
    created_at: Timestamp
    updated_at: Timestamp


class Task(PublicTask):
    """The whole task document, as stored."""

    payload: dict[str, Any]
    idempotency_key: str | None = None
    request_digest: str | None = None
    """Fingerprint of the creating request, so that a reused key with another body is noticed."""
    history: list[HistoryEntry] = []
    traceparent: str | None = None
    """The trace that it belongs to (W3C Trace Context): that of the request that made it."""
    unannounced: bool | None = None
    """Set while the newest transition has not been published yet."""

    @property
    def trace_id(self) -> str | None:
        """The id of the trace that it belongs to."""
        return self.traceparent.partition("-")[2].partition("-")[0] or None if self.traceparent else None

    def public(self) -> PublicTask:
        """The part of this task that may leave the house."""
        return PublicTask.model_validate(self.model_dump(include=set(PublicTask.model_fields)))
