"""The life of one attempt at a task: claim it, run its steps, store the result, and report how it ended."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from opentelemetry.trace import SpanKind
from pymongo.errors import PyMongoError
from structlog.contextvars import bound_contextvars

from herald.shared.observability import metrics, tracing
from herald.shared.queue.jobs import job_id, retry_delay_s
from herald.shared.task_api.errors import ModelError
from herald.shared.tasks.documents import UnreadableError
from herald.shared.tasks.models import ENDED, EndReason, Task, TaskStatus, interrupted_steps, now
from herald.shared.tasks.task_types import TASK_TYPES
from herald.worker.attempts import StopReason
from herald.worker.dependencies import Dependencies
from herald.worker.engine.journal import Journal, LeaseLostError
from herald.worker.engine.retry_policy import MAX_LOSSES, Outcome, backoff_s, losses, outcome_of
from herald.worker.engine.steps import StepRunner
from herald.worker.engine.timing import StepClock
from herald.worker.tasks.base import PlannedStep, Result

log = logging.getLogger(__name__)

SAVING = PlannedStep("Saving", 0.5)
"""The last step of every task."""
OTHER_VERSION_AFTER_S = 30.0
"""How long a task that only another version can read or run stays out of the queue, in seconds."""


class RunAgainError(Exception):
    """The task has to run again, in ``due_in_s`` seconds."""

    def __init__(self, due_in_s: float = 0) -> None:
        super().__init__(f"in {due_in_s:.1f} s")
        self.due_in_s = due_in_s


class ShutdownError(Exception):
    """The worker is stopping, so the attempt has to hand its task back."""


async def run_task(
    task_id: str, dependencies: Dependencies, *, job: str | None = None, was_lost: bool = False
) -> None:
    """Run one attempt at a task, from its claim to its end.

    A failure of the task itself is stored and published, not raised. Calling this twice for one task is safe.

    Args:
        task_id: the task.
        dependencies: the worker's.
        job: the id of the job, if there is one. A job from before the user's last retry runs nothing; a Redis
            that came back with older data may return such a job.
        was_lost: whether the job was taken over from a lost worker.

    Raises:
        RunAgainError: the task has to run again.
        UnreadableError: its document cannot be read; nothing has been changed.
        pymongo.errors.PyMongoError: MongoDB cannot be reached.
    """
    task = await claim(task_id, dependencies, job=job, was_lost=was_lost)
    if task is None:
        return
    attempt = Attempt(task, dependencies)
    with dependencies.running.track(attempt), attempt.observed():
        try:
            await attempt.publish_start()
            reference = await attempt.produce()
            await attempt.complete(reference)
        except ShutdownError:
            await attempt.hand_back()
        except LeaseLostError:
            await attempt.abandon()
        except (RunAgainError, UnreadableError, PyMongoError):
            raise  # not the task's fault, so this does not count as a failure
        except Exception as error:
            await attempt.retry_or_fail(outcome_of(error, timeout_s=dependencies.settings.task_timeout_s))


async def claim(task_id: str, dependencies: Dependencies, *, job: str | None, was_lost: bool) -> Task | None:
    """Claim a task for this worker; None if it has ended or another worker was faster.

    The queue hands out a task once its time has come, by Redis's clock. There is one exception: if a worker
    died after it stored a retry and before it put the job back, the queue does not know of the delay.

    Raises:
        RunAgainError: the delay of its retry starts now, or only another version knows its status.
        UnreadableError: see `run_task`.
    """
    task = await dependencies.store.get(task_id)
    if task is None or task.status in ENDED or job not in (None, job_id(task)):
        return None
    if was_lost and task.status is TaskStatus.RETRYING and (delay_s := retry_delay_s(task)):
        raise RunAgainError(delay_s)
    if not isinstance(task.status, TaskStatus) and task.completed_at is None:
        raise RunAgainError(OTHER_VERSION_AFTER_S)
    lost = losses(task)
    if lost > MAX_LOSSES:  # the task itself probably crashes its workers
        message = f"{lost} workers in a row were lost while running this task"
        outcome = Outcome(message, EndReason.WORKER_LOST, retryable=False)
        await Attempt(task, dependencies).retry_or_fail(outcome)
        return None
    claimed = await dependencies.store.transition(
        task,
        TaskStatus.PROCESSING,
        by=dependencies.worker_id,
        if_attempt=task.attempt,
        attempt=task.attempt + 1,
        started_at=task.started_at or now(),
        next_retry_at=None,
        last_error=None,
    )
    if claimed is not None and claimed.started_at is not None and task.started_at is None:
        waited = claimed.started_at - claimed.queued_at
        metrics.START_SECONDS.labels(task.type).observe(waited.total_seconds())
    return claimed


class Attempt:
    """One attempt at one task."""

    def __init__(self, task: Task, dependencies: Dependencies) -> None:
        self._dependencies = dependencies
        self._journal = Journal(task, dependencies)
        self._clock = StepClock(dependencies.durations, task.type)
        self._work: asyncio.Task[dict[str, Any]] | None = None
        self._stopped: StopReason | None = None
        self._ending = False

    @property
    def task_id(self) -> str:
        """The task's id."""
        return self._journal.task.task_id

    @property
    def number(self) -> int:
        """The attempt's number, from 1."""
        return self._journal.task.attempt

    @property
    def lease_until(self) -> float:
        """Before this time, by the event loop's clock, no other worker can have taken over the task."""
        return self._journal.lease_until

    @lease_until.setter
    def lease_until(self, until: float) -> None:
        self._journal.lease_until = until

    @contextmanager
    def observed(self) -> Iterator[None]:
        """Add the attempt's ids to the log lines of the block, and trace the block as a span."""
        task = self._journal.task
        span = tracing.span(
            f"run {task.type}",
            within=task.traceparent,
            kind=SpanKind.CONSUMER,
            task_id=task.task_id,
            attempt=task.attempt,
        )
        with span, bound_contextvars(taskId=task.task_id, userId=task.user_id, attempt=task.attempt):
            yield

    def stop(self, reason: StopReason) -> None:
        """Stop the attempt, unless it is already ending; this cancels a running call to the model."""
        if not self._ending:
            self._stopped = self._stopped or reason
            if self._work is not None:
                self._work.cancel()

    async def publish_start(self) -> None:
        """Publish that the task is being processed."""
        await self._journal.publish("task.processing")

    async def produce(self) -> dict[str, Any]:
        """Run the steps and store the result within the time limit; returns the value of ``task.result``.

        Raises:
            TimeoutError: it took too long.
            ShutdownError: the worker is stopping.
            LeaseLostError: see `Journal`.
            ValidationError: the payload does not fit its task type.
            ModelError: the model gave no usable answer.
        """
        if self._stopped is None:
            self._work = asyncio.create_task(self._run_steps(), name=f"task {self.task_id}")
            try:
                async with asyncio.timeout(self._dependencies.settings.task_timeout_s):
                    return await self._work
            except asyncio.CancelledError:
                if self._stopped is None:
                    raise
        raise ShutdownError if self._stopped is StopReason.SHUTDOWN else LeaseLostError

    async def _run_steps(self) -> dict[str, Any]:
        """Run the steps that no earlier attempt has completed; the last one stores the result."""
        task, store = self._journal.task, self._dependencies.store
        generator = self._dependencies.generators.get(task.type)
        if generator is None:
            message = f"this worker does not know the task type {task.type}"
            raise ModelError(message, EndReason.BAD_INPUT, retryable=False)
        payload = TASK_TYPES[task.type].payload.model_validate(task.payload)
        steps = StepRunner(
            [*generator.plan(payload), SAVING],
            await store.checkpoints.load(task.task_id),
            journal=self._journal,
            clock=self._clock,
            dependencies=self._dependencies,
        )

        async def generate_and_save() -> dict[str, Any]:
            result: Result = await generator.generate(steps, payload)
            async with steps.run(SAVING.name):
                for document in result.documents:
                    await store.results.save(TASK_TYPES[task.type].collection, document)
            return result.reference

        await steps.begin()
        return await self._journal.publish_during(generate_and_save(), self._clock.estimate)

    async def complete(self, reference: dict[str, Any]) -> None:
        """Complete the task; ``reference`` points to its result.

        Raises:
            LeaseLostError: see `Journal`.
        """
        self._ending = True
        completed = await self._journal.end(
            TaskStatus.COMPLETED,
            progress=100,
            result=reference,
            completed_at=now(),
            current_step=None,
            current_step_index=None,
            last_error=None,
        )
        if not completed:
            raise LeaseLostError
        task = self._journal.task
        if task.started_at is not None and task.completed_at is not None:
            took = task.completed_at - task.started_at
            metrics.RUN_SECONDS.labels(task.type).observe(took.total_seconds())
        await self._dependencies.store.checkpoints.delete(self.task_id)
        await self._clock.record()

    async def retry_or_fail(self, outcome: Outcome) -> None:
        """Schedule a retry if it may help and retries are left; otherwise the task has failed.

        Raises:
            RunAgainError: a retry is scheduled.
        """
        self._ending = True
        task = self._journal.task
        changes: dict[str, Any] = {"last_error": outcome.message}
        if outcome.retryable and task.retry_count < task.max_retries:
            retry = task.retry_count + 1
            delay_s = max(outcome.retry_after_s or 0, backoff_s(retry))
            changes |= {"retry_count": retry, "next_retry_at": now() + timedelta(seconds=delay_s)}
            if await self._journal.end(TaskStatus.RETRYING, note=outcome.message, **changes):
                metrics.RETRIES.labels(task.type, outcome.reason).inc()
                raise RunAgainError(delay_s)
        else:
            changes |= {"end_reason": outcome.reason, "retryable": outcome.retryable, "completed_at": now()}
            await self._journal.end(TaskStatus.FAILED, note=outcome.message, **changes)

    async def hand_back(self) -> None:
        """Let another worker continue the task at once. This does not count as a failure.

        Raises:
            RunAgainError: always, unless the task is no longer ours.
        """
        self._ending = True
        handed_back = await self._journal.end(
            TaskStatus.RETRYING,
            note="handed back because its worker is stopping",
            next_retry_at=now(),
            steps=interrupted_steps(self._journal.task.steps, TaskStatus.QUEUED),
        )
        if handed_back:
            raise RunAgainError
        await self.abandon()

    async def abandon(self) -> None:
        """Leave the task alone: it was cancelled, or another worker has it."""
        log.info("abandoning the attempt, the task is no longer ours")
        attempts = await self._dependencies.store.queries.running_attempts([self.task_id])
        if attempts.get(self.task_id, self.number) != self.number:  # it was not cancelled
            metrics.LEASES_LOST.inc()
