"""The life of one task in a worker: claim, attempt, and how it ends."""

import asyncio
import logging
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from opentelemetry.trace import SpanKind
from pymongo.errors import PyMongoError

from herald.shared.feed.announcer import Announcer
from herald.shared.feed.feed import Feed
from herald.shared.observability import logs, metrics, tracing
from herald.shared.queue.durations import Durations
from herald.shared.queue.jobs import job_id, retry_delay_s
from herald.shared.settings import Settings
from herald.shared.tasks.documents import UnreadableError
from herald.shared.tasks.models import ENDED, EndReason, Task, TaskStatus, interrupted_steps, now
from herald.shared.tasks.store import Store
from herald.shared.tasks.task_types import TASK_TYPES
from herald.worker.engine.attempts import Runs, StopReason
from herald.worker.engine.journal import Journal, LeaseLostError
from herald.worker.engine.retry_policy import MAX_LOSSES, Outcome, backoff_s, losses, outcome_of
from herald.worker.engine.steps import StepRunner
from herald.worker.engine.timing import StepClock
from herald.worker.llm.provider import Provider, ProviderError
from herald.worker.tasks.base import Generator, PlannedStep

ResultT = TypeVar("ResultT")

log = logging.getLogger(__name__)

SAVING = PlannedStep("Saving", 0.5)
"""The last step of every task."""
OTHER_VERSION_AFTER_S = 30.0
"""Seconds until a task that only another version can read or run may be taken from the queue again."""


class RunAgainError(Exception):
    """The task is to be run again, after so many seconds."""

    def __init__(self, due_in_s: float = 0) -> None:
        super().__init__(f"in {due_in_s:.1f} s")
        self.due_in_s = due_in_s


@dataclass(frozen=True)
class Parts:
    """What a task's life needs."""

    settings: Settings
    store: Store
    feed: Feed
    announcer: Announcer
    durations: Durations
    provider: Provider
    worker_id: str
    generators: Mapping[str, Generator]
    runs: Runs


async def run_task(task_id: str, parts: Parts, *, job: str | None = None, was_lost: bool = False) -> None:
    """Run one attempt of a task, from its claim to its end.

    Whatever goes wrong with the task ends in its document and its event; a second call for the same task is
    harmless. ``job`` is the job that brought it here; one from before the user's retry, which an older Redis
    may bring back, runs nothing. ``was_lost`` is whether it was taken over from a worker that is gone.

    Raises:
        RunAgainError: it shall run again.
        UnreadableError: its document cannot be read; nothing has been changed.
        pymongo.errors.PyMongoError: MongoDB cannot be reached.
    """
    run = await Run.begin(task_id, parts, job=job, was_lost=was_lost)
    if run is None:
        return
    with parts.runs.keep(run), run.told():
        try:
            await run.attempt()
        except LeaseLostError:
            log.info("the task is no longer ours, leaving it")
            now_at = (await parts.store.attempts([task_id])).get(task_id, run.number)
            if now_at != run.number:  # else it was cancelled
                metrics.LEASES_LOST.inc()
        except (RunAgainError, UnreadableError, PyMongoError):
            raise  # no fault of the task's: it is not counted against it
        except Exception as error:
            await run.fail(outcome_of(error, timeout_s=parts.settings.task_timeout_s))


async def _until_either_ends(work: Coroutine[Any, Any, ResultT], other: Coroutine[Any, Any, None]) -> ResultT:
    """Run both; the result of ``work``, or what either raises. Neither outlives this call."""
    tasks = (asyncio.create_task(work), asyncio.create_task(other))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if tasks[1].done():
            tasks[1].result()
        return await tasks[0]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Run:
    """One attempt of one task."""

    def __init__(self, task: Task, parts: Parts, generator: Generator | None) -> None:
        self._parts = parts
        self._generator = generator
        self._journal = Journal(task, parts.worker_id, parts.store, parts.feed, parts.announcer)
        self._clock = StepClock(parts.durations, task.type)
        self._work: asyncio.Task[None] | None = None
        self._stopped: StopReason | None = None
        self._ending = False

    @classmethod
    async def begin(cls, task_id: str, parts: Parts, *, job: str | None, was_lost: bool) -> "Run | None":
        """Make a task this worker's; None if someone else was faster, it has ended, or it ends here.

        The queue hands a task out when its time has come, by Redis's clock. Only where a worker died between
        storing that the task tries again and putting it back does the queue not know of its wait.

        Raises:
            RunAgainError: its wait begins now, or it is in a status that only another version knows.
            UnreadableError: see `run_task`.
        """
        task = await parts.store.get(task_id)
        if task is None or task.status in ENDED or job not in (None, job_id(task)):
            return None
        if was_lost and task.status is TaskStatus.RETRYING and (wait_s := retry_delay_s(task)):
            raise RunAgainError(wait_s)
        if not isinstance(task.status, TaskStatus) and task.completed_at is None:
            raise RunAgainError(OTHER_VERSION_AFTER_S)
        claimed = await cls._claim(task, parts)
        if claimed is None:
            return None
        run = cls(claimed, parts, parts.generators.get(claimed.type))
        await run._journal.tell("task.processing")
        return run

    @classmethod
    async def _claim(cls, task: Task, parts: Parts) -> Task | None:
        """Begin another attempt at ``task``; None if someone else was faster, or it ends here.

        It ends where several workers in a row have been lost with it: it is likely what they died of.
        """
        lost = losses(task)
        if lost > MAX_LOSSES:
            run = cls(task, parts, None)
            await run.fail(
                Outcome(
                    f"{lost} workers in a row were lost while they ran it",
                    EndReason.WORKER_LOST,
                    retryable=False,
                )
            )
            return None
        claimed = await parts.store.transition(
            task,
            TaskStatus.PROCESSING,
            by=parts.worker_id,
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

    @contextmanager
    def told(self) -> Iterator[None]:
        """What is logged within the block is about this attempt, which is a span of the task's trace."""
        task = self._journal.task
        attempt = tracing.span(
            f"run {task.type}",
            within=task.traceparent,
            kind=SpanKind.CONSUMER,
            task_id=task.task_id,
            attempt=task.attempt,
        )
        with attempt, logs.about(taskId=task.task_id, userId=task.user_id, attempt=task.attempt):
            yield

    @property
    def task_id(self) -> str:
        """The task that it is at."""
        return self._journal.task.task_id

    @property
    def number(self) -> int:
        """Which attempt at its task it is."""
        return self._journal.task.attempt

    @property
    def lease_until(self) -> float:
        """Until when, by the event loop's clock, nobody else can have taken the task over."""
        return self._journal.lease_until

    @lease_until.setter
    def lease_until(self, until: float) -> None:
        self._journal.lease_until = until

    def stop(self, reason: StopReason) -> None:
        """End the attempt, unless it is just ending; a call to a model is broken off."""
        if not self._ending:
            self._stopped = self._stopped or reason
            if self._work is not None:
                self._work.cancel()

    async def attempt(self) -> None:
        """Execute, within the time that an attempt may take, unless stopped.

        Raises:
            TimeoutError: it took too long.
            RunAgainError: it was handed back.
            LeaseLostError, ValidationError, ProviderError: see `execute`.
        """
        if self._stopped is None:
            self._work = asyncio.create_task(self.execute(), name=f"task {self.task_id}")
            try:
                async with asyncio.timeout(self._parts.settings.task_timeout_s):
                    await self._work
            except asyncio.CancelledError:
                if self._stopped is None:
                    raise
        match self._stopped:
            case StopReason.LOST:
                raise LeaseLostError
            case StopReason.SHUTDOWN:
                await self._hand_back()

    async def execute(self) -> None:
        """Run the steps as far as no earlier attempt has, store the result, and complete the task.

        Raises:
            LeaseLostError: see `Journal`.
            ValidationError: the payload is not of its type.
            ProviderError: the model gave no usable answer.
        """
        task = self._journal.task
        if self._generator is None:
            message = f"this worker knows no task type {task.type}"
            raise ProviderError(message, EndReason.BAD_INPUT, retryable=False)
        payload = TASK_TYPES[task.type].payload.model_validate(task.payload)
        steps = StepRunner(
            [*self._generator.plan(payload), SAVING],
            await self._parts.store.checkpoints(task.task_id),
            journal=self._journal,
            clock=self._clock,
            store=self._parts.store,
            provider=self._parts.provider,
        )
        await steps.begin()
        telling = self._journal.keep_telling(self._clock.estimate)
        reference = await _until_either_ends(self._make(self._generator, steps, payload), telling)
        await self._complete(reference)

    async def _make(self, generator: Generator, steps: StepRunner, payload: Any) -> dict[str, Any]:
        """Generate, and store what was made; what the task's ``result`` shall say."""
        made = await generator.generate(steps, payload)
        async with steps.run(SAVING.name):
            for document in made.documents:
                await self._parts.store.put_result(TASK_TYPES[steps.task.type].collection, document)
        return made.reference

    async def _complete(self, reference: dict[str, Any]) -> None:
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
        ended = self._journal.task
        if ended.started_at is not None and ended.completed_at is not None:
            took = ended.completed_at - ended.started_at
            metrics.RUN_SECONDS.labels(ended.type).observe(took.total_seconds())
        await self._parts.store.drop_checkpoints(self.task_id)
        await self._clock.record()

    async def fail(self, outcome: Outcome) -> None:
        """End the attempt: the task tries again later, if that may help and tries are left, or has failed.

        Raises:
            RunAgainError: it tries again.
        """
        self._ending = True
        task = self._journal.task
        changes: dict[str, Any] = {"last_error": outcome.message}
        if outcome.retryable and task.retry_count < task.max_retries:
            retry = task.retry_count + 1
            wait_s = max(outcome.retry_after_s or 0, backoff_s(retry))
            changes |= {"retry_count": retry, "next_retry_at": now() + timedelta(seconds=wait_s)}
            if await self._journal.end(TaskStatus.RETRYING, note=outcome.message, **changes):
                metrics.RETRIES.labels(task.type, outcome.reason).inc()
                raise RunAgainError(wait_s)
        else:
            changes |= {"end_reason": outcome.reason, "retryable": outcome.retryable, "completed_at": now()}
            await self._journal.end(TaskStatus.FAILED, note=outcome.message, **changes)

    async def _hand_back(self) -> None:
        """Let another worker go on with the task: it waits for its next attempt, and has not failed.

        Raises:
            RunAgainError: always, unless the task is no longer ours.
        """
        self._ending = True
        handed_back = await self._journal.end(
            TaskStatus.RETRYING,
            note="handed back: its worker stops",
            next_retry_at=now(),
            steps=interrupted_steps(self._journal.task.steps, TaskStatus.QUEUED),
        )
        if not handed_back:
            raise LeaseLostError
        raise RunAgainError
