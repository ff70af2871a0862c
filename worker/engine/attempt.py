"""The life of one attempt at a task: claim it, run its function, store the result, report how it ended."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from bson.errors import BSONError
from opentelemetry.trace import SpanKind
from pymongo.errors import WriteError
from structlog.contextvars import bound_contextvars

from herald.shared.observability import metrics, tracing
from herald.shared.task_api.codec import Codec
from herald.shared.task_api.errors import MisuseError
from herald.shared.tasks.models import TaskStatus, interrupted_steps, now
from herald.worker.attempts import StopReason
from herald.worker.dependencies import Dependencies
from herald.worker.engine.claims import Claimed, RunAgainError, claim
from herald.worker.engine.context import RunContext
from herald.worker.engine.interruption import Interruption, LeaseLostError
from herald.worker.engine.journal import Journal
from herald.worker.engine.retry_policy import AttemptTimeoutError, Outcome, outcome_of
from herald.worker.engine.run import Run
from herald.worker.engine.steps import Steps
from herald.worker.engine.supervision import supervised
from herald.worker.engine.timing import StepClock, UsualSteps

log = logging.getLogger(__name__)


class ShutdownError(Exception):
    """The worker is stopping, so the attempt has to hand its task back."""


class TaskCodeError(Exception):
    """The task's own code has failed."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(repr(error))
        self.error = error


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
    claimed = await claim(task_id, dependencies, job=job, was_lost=was_lost)
    if claimed is None:
        return
    attempt = Attempt(claimed, dependencies)
    if claimed.outcome is not None:
        await attempt.retry_or_fail(claimed.outcome)
        return
    with dependencies.running.track(attempt), attempt.observed():
        try:
            await attempt.publish_start()
            result = await attempt.produce()
            reference = await attempt.save(result)
            await attempt.complete(reference)
        except ShutdownError:
            await attempt.hand_back()
        except LeaseLostError:
            await attempt.abandon()
        except TaskCodeError as failure:
            await attempt.retry_or_fail(outcome_of(failure.error))
        except AttemptTimeoutError as error:
            await attempt.retry_or_fail(outcome_of(error))


class Attempt:
    """One attempt at one task."""

    def __init__(self, claimed: Claimed, dependencies: Dependencies) -> None:
        task, loaded = claimed.task, claimed.loaded
        self._dependencies = dependencies
        self._type = loaded.type
        self._payload = claimed.payload
        self._interruption = Interruption()
        self._clock = StepClock(dependencies.durations, task.type)
        self._journal = Journal(task, dependencies, self._clock.estimate)
        usual = UsualSteps(dependencies.values)
        declared = loaded.type.options.steps
        self._steps = Steps(self._journal, self._clock, usual, declared, self._interruption)
        self._run = Run(self._journal, self._steps, dependencies, loaded.state, self._interruption)
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
        """Stop the attempt, unless it is already ending; this cancels the task's code."""
        if not self._ending:
            self._interruption.set(ShutdownError() if reason is StopReason.SHUTDOWN else LeaseLostError())

    async def publish_start(self) -> None:
        """Publish that the task is being processed."""
        await self._journal.publish("task.processing")

    async def produce(self) -> Any:
        """Run the task's function within the time limit; returns its result.

        Raises:
            AttemptTimeoutError: it took too long.
            ShutdownError: the worker is stopping.
            LeaseLostError: the task is no longer ours.
            TaskCodeError: the task's code failed.
            pymongo.errors.PyMongoError: MongoDB cannot be reached.
        """
        return await supervised(
            self._work(),
            journal=self._journal,
            interruption=self._interruption,
            timeout_s=self._type.options.timeout,
        )

    async def _work(self) -> Any:
        await self._run.checkpoints.load()
        await self._steps.begin()
        if self._interruption.is_set:
            return None
        try:
            return await self._type(RunContext(self._run), self._payload)
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:  # such as a panic of a library that is written in Rust
            raise TaskCodeError(error) from error

    async def save(self, result: Any) -> dict[str, Any]:
        """Store the result; returns the value of ``task.result``.

        Raises:
            LeaseLostError: the task is no longer ours.
            TaskCodeError: the result does not have the type that the task's function declares.
            pymongo.errors.PyMongoError: MongoDB cannot be reached.
        """
        self._ending = True
        storage = self._type.storage
        try:
            codec = Codec(f"the task {self._type.name}", self._type.result)
            value = json.loads(codec.encode(result, exclude_none=storage is not None))
            await self._journal.check_ours()
            return await self._dependencies.store.results.save_result(self._journal.task, value, storage)
        except MisuseError as error:
            raise TaskCodeError(error) from error
        except (BSONError, OverflowError, WriteError) as error:
            message = f"the result of {self._type.name} cannot be stored in MongoDB: {error}"
            raise TaskCodeError(MisuseError(message)) from error

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
        if self._run.checkpoints.exist:
            await self._dependencies.store.checkpoints.delete(self.task_id)
        await self._steps.record()

    async def retry_or_fail(self, outcome: Outcome) -> None:
        """Schedule a retry if it may help and retries are left; otherwise the task has failed.

        Raises:
            RunAgainError: a retry is scheduled.
        """
        self._ending = True
        task = self._journal.task
        changes: dict[str, Any] = {"last_error": outcome.message}
        if outcome.traceback is not None:
            changes["traceback"] = self._redacted(outcome.traceback)
        if outcome.retryable and task.retry_count < task.max_retries:
            retry = task.retry_count + 1
            delay_s = outcome.delay_s(retry, self._type.options.backoff)
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

    def _redacted(self, text: str) -> str:
        for secret in self._dependencies.settings.secrets():
            text = text.replace(secret, "…")
        return text
