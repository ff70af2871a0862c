"""Claims a task for an attempt, if this worker may and can run it."""

import logging
from typing import NamedTuple

from pydantic import BaseModel

from herald.shared.observability import metrics
from herald.shared.queue.jobs import job_id, retry_delay_s
from herald.shared.tasks.models import ENDED, EndReason, Task, TaskStatus, interrupted_steps, now
from herald.worker.dependencies import Dependencies
from herald.worker.engine.payloads import InvalidPayloadError, payload_of
from herald.worker.engine.retry_policy import MAX_LOSSES, Outcome, losses, outcome_of
from herald.worker.engine.step_rows import declared_rows
from herald.worker.loaded import LoadedType

log = logging.getLogger(__name__)

OTHER_VERSION_AFTER_S = 30.0
"""How long a task that only another version can read or run stays out of the queue, in seconds."""


class RunAgainError(Exception):
    """The task has to run again, in ``due_in_s`` seconds."""

    def __init__(self, due_in_s: float = 0) -> None:
        super().__init__(f"in {due_in_s:.1f} s")
        self.due_in_s = due_in_s


class Claimed(NamedTuple):
    """A task that this worker runs, or ends without running it."""

    task: Task
    loaded: LoadedType
    payload: BaseModel | None = None
    outcome: Outcome | None = None
    """Why the task fails without running; None if it runs."""


async def claim(
    task_id: str, dependencies: Dependencies, *, job: str | None, was_lost: bool
) -> Claimed | None:
    """Claim a task for this worker; None if it has ended or another worker was faster.

    The queue hands out a task once its time has come, by Redis's clock. There is one exception: if a worker
    died after it stored a retry and before it put the job back, the queue does not know of the delay.

    Raises:
        RunAgainError: the delay of its retry starts now, or only another worker can run it.
        UnreadableError: see `run_task`.
    """
    task = await dependencies.store.get(task_id)
    if task is None or task.status in ENDED or job not in (None, job_id(task)):
        return None
    if was_lost and task.status is TaskStatus.RETRYING and (delay_s := retry_delay_s(task)):
        raise RunAgainError(delay_s)
    if not isinstance(task.status, TaskStatus) and task.completed_at is None:
        raise RunAgainError(OTHER_VERSION_AFTER_S)
    loaded = dependencies.task_types.get(task.type)
    if loaded is None:
        log.warning("task %s is of type %s, which this worker does not run", task_id, task.type)
        raise RunAgainError(OTHER_VERSION_AFTER_S)
    lost = losses(task)
    if lost > MAX_LOSSES:  # the task itself probably crashes its workers
        message = f"{lost} workers in a row were lost while running this task"
        return Claimed(task, loaded, outcome=Outcome(message, EndReason.WORKER_LOST, retryable=False))
    try:
        payload = payload_of(task, loaded.type)
    except InvalidPayloadError as error:
        if task.type_digest not in (None, loaded.digest):
            log.warning("task %s was accepted for another version of %s: %s", task_id, task.type, error)
            raise RunAgainError(OTHER_VERSION_AFTER_S) from None
        return Claimed(task, loaded, outcome=outcome_of(error))
    claimed = await dependencies.store.transition(
        task,
        TaskStatus.PROCESSING,
        by=dependencies.worker_id,
        if_attempt=task.attempt,
        attempt=task.attempt + 1,
        started_at=task.started_at or now(),
        next_retry_at=None,
        last_error=None,
        steps=declared_rows(interrupted_steps(task.steps, TaskStatus.PROCESSING), loaded.type.options.steps),
    )
    if claimed is None:
        return None
    if claimed.started_at is not None and task.started_at is None:
        waited = claimed.started_at - claimed.queued_at
        metrics.START_SECONDS.labels(task.type).observe(waited.total_seconds())
    return Claimed(claimed, loaded, payload)
