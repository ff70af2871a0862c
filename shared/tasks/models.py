"""The task, its steps, and the legal transitions of its status; pure data, no I/O."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

HISTORY_LIMIT = 50
"""``Task.history`` keeps this many entries, the newest ones."""


def now() -> datetime:
    """The current time in UTC, in whole milliseconds, because MongoDB stores nothing finer."""
    return _whole_milliseconds(datetime.now(UTC))


def _whole_milliseconds(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=at.microsecond // 1000 * 1000)


Timestamp = Annotated[datetime, AfterValidator(_whole_milliseconds)]

KnownT = TypeVar("KnownT", bound=str)
Open = Annotated[KnownT | str, Field(union_mode="left_to_right")]
"""An enumeration that a newer version may extend: a value that is not known here is read as text.

Readers show an unknown value as it is and never act on it: an unknown status has no transitions, and an
unknown priority is treated as normal.
"""


def new_task_id() -> str:
    """A random id of 32 hexadecimal digits that starts with the time, so ids sort in order of creation."""
    return f"{int(datetime.now(UTC).timestamp() * 1000):012x}{secrets.token_hex(10)}"


class TaskStatus(StrEnum):
    """The state of a task."""

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
            TaskStatus.PROCESSING,  # a new attempt, after the worker of the last one was lost
        }
    ),
    TaskStatus.RETRYING: frozenset({TaskStatus.PROCESSING, TaskStatus.CANCELLED, TaskStatus.FAILED}),
    TaskStatus.COMPLETED: frozenset(),
    TaskStatus.FAILED: frozenset({TaskStatus.QUEUED}),  # the user's retry
    TaskStatus.CANCELLED: frozenset({TaskStatus.QUEUED}),
}
"""Every legal transition; the store writes no other."""


def may_become(to: TaskStatus) -> frozenset[TaskStatus]:
    """The statuses that have a transition to ``to``."""
    return frozenset(status for status, targets in TRANSITIONS.items() if to in targets)


class Priority(StrEnum):
    """The priority of a task: a higher one gives it a larger head start in the queue."""

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
    """A model with snake_case fields in Python and camelCase ones on the wire and in MongoDB."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, use_attribute_docstrings=True, extra="ignore"
    )

    def document(self) -> dict[str, Any]:
        """The model as a MongoDB document: camelCase names, `datetime` values, no empty fields."""
        return self.model_dump(by_alias=True, exclude_none=True)

    def wire(self) -> dict[str, Any]:
        """The model as JSON-ready values: camelCase names, RFC 3339 times, no empty fields."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def encode(self) -> str:
        """The model as compact JSON text: like `wire`, without line breaks."""
        return self.model_dump_json(by_alias=True, exclude_none=True)


class Step(Model):
    """A named step of a task."""

    name: str
    status: Open[Literal["pending", "running", "completed", "failed"]] = "pending"
    started_at: Timestamp | None = None
    completed_at: Timestamp | None = None
    done: int | None = None
    """How many of the step's items are done, if it has several."""
    total: int | None = None
    """How many items the step has, if it has several."""


def interrupted_steps(steps: Sequence[Step], entering: str) -> list[Step]:
    """The steps of a task that enters the status ``entering``, none of them running.

    If the attempt failed, the running step becomes failed; otherwise it becomes pending again. When a task is
    queued again or starts another attempt, its failed steps become pending too.
    """
    if entering in (TaskStatus.FAILED, TaskStatus.RETRYING):
        return [
            step.model_copy(update={"status": "failed"}) if step.status == "running" else step
            for step in steps
        ]
    ended = entering in (TaskStatus.COMPLETED, TaskStatus.CANCELLED)
    unchanged = {"completed", "failed"} if ended else {"completed"}
    return [step if step.status in unchanged else Step(name=step.name) for step in steps]


class Usage(Model):
    """The tokens and the cost of a task so far, over all its model calls."""

    provider: str
    model: str
    input_tokens: int = 0
    output_tokens: int = 0
    """Including thinking tokens, which cost the same."""
    cost_usd: float | None = None
    """In US dollars, at the provider's list price; None if the price is unknown."""

    def plus(self, other: "Usage | None") -> "Usage":
        """The sum of this usage and ``other``, with the provider and model of this one."""
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
    """One status change of a task."""

    at: Timestamp
    status: Open[TaskStatus]
    by: str
    note: str | None = None


class WaitingFor(Model):
    """Why a queued task has not started."""

    reason: str
    """``noWorker``: no worker for its type is online."""


NO_WORKER = WaitingFor(reason="noWorker")


class PublicTask(Model):
    """A task as clients receive it."""

    task_id: str
    user_id: str
    brand_id: str | None = None
    type: str
    title: str | None = None
    """The title of this task, made from its payload by the task type's template."""
    status: Open[TaskStatus] = TaskStatus.QUEUED
    progress: int = Field(0, ge=0, le=100)
    """In percent; never decreases within an attempt."""
    current_step: str | None = None
    current_step_index: int | None = None
    """The index of the current step in ``steps``, from 0."""
    steps: list[Step] = []
    priority: Open[Priority] = Priority.NORMAL
    queued_at: Timestamp
    started_at: Timestamp | None = None
    completed_at: Timestamp | None = None
    estimated_completion: Timestamp | None = None
    next_retry_at: Timestamp | None = None
    result: dict[str, Any] | None = None
    """A reference to the result, such as ``{"taskId": …}``; ``GET /api/jobs/{taskId}/result`` returns it."""
    last_error: str | None = None
    end_reason: Open[EndReason] | None = None
    retryable: bool | None = None
    retry_count: int = 0
    max_retries: int = 3
    attempt: int = 0
    queue_position: int | None = None
    """The position among all queued tasks, from 1."""
    estimated_start: Timestamp | None = None
    """When a worker is expected to start it."""
    waiting_for: WaitingFor | None = None
    """Why it has not started, while it is queued and this is known."""
    emitted: dict[str, Any] | None = None
    """The newest data of each name that the task's code has emitted."""
    usage: Usage | None = None
    rev: int = 1
    """The revision, which grows by one with every stored change."""
    tick: int = 0
    """The number of published progress events since ``rev``; readers keep the greatest ``(rev, tick)``."""
    created_at: Timestamp
    updated_at: Timestamp


class Task(PublicTask):
    """The whole task, as stored in MongoDB."""

    payload: dict[str, Any]
    type_digest: str | None = None
    """The digest of the registered task type that accepted the payload; see `TaskTypeRecord`."""
    deadline: Timestamp | None = None
    """When the task fails if it has not ended; None: ``HERALD_TASK_DEADLINE_S`` after ``queued_at``."""
    traceback: str | None = None
    """The traceback of the last unexpected exception, for operators."""
    idempotency_key: str | None = None
    request_digest: str | None = None
    """A digest of the request that created the task, to detect a key that is reused for another request."""
    history: list[HistoryEntry] = []
    traceparent: str | None = None
    """The trace of the request that created the task (W3C Trace Context)."""
    unannounced: bool | None = None
    """True until the newest transition has been published; then absent."""

    @property
    def trace_id(self) -> str | None:
        """The id of the trace in ``traceparent``; None without one."""
        return self.traceparent.partition("-")[2].partition("-")[0] or None if self.traceparent else None

    def public(self) -> PublicTask:
        """The public part of this task."""
        return PublicTask.model_validate(self.model_dump(include=set(PublicTask.model_fields)))
