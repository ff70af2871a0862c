"""The life of one task in a worker: claim, steps, progress, checkpoints, retry, finish."""

import asyncio
import logging
import math
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar

from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from shared.announcer import Announcer
from shared.catalog import TASK_TYPES
from shared.events import EventType, TaskEvent
from shared.feed import Feed
from shared.forecast import Forecast
from shared.models import ENDED, EndReason, Step, Task, TaskStatus, now
from shared.settings import Settings
from shared.store import Store
from worker.clock import StepClock
from worker.generators.base import Generator, PlannedStep
from worker.leases import LEASE_S
from worker.llm.provider import AnswerT, Prompt, Provider, ProviderError
from worker.outcome import MAX_LOSSES, Outcome, backoff_s, losses, outcome_of
from worker.runs import Runs, StopReason

ResultT = TypeVar("ResultT")

log = logging.getLogger(__name__)

PUBLISH_EVERY_S = 0.1
STORE_EVERY_S = 1.0
TYPICAL_ANSWER_CHARS = 1500


class LeaseLostError(Exception):
    """The task is no longer ours: it was cancelled, or another worker has taken it over."""


class RunAgainError(Exception):
    """The task is to be run again: at once, or when it is ``due``."""

    def __init__(self, due: datetime | None = None) -> None:
        super().__init__(f"due {due}" if due else "at once")
        self.due = due


@dataclass(frozen=True)
class Parts:
    """What a task's life needs."""

    settings: Settings
    store: Store
    feed: Feed
    announcer: Announcer
    forecast: Forecast
    provider: Provider
    worker_id: str
    generators: Mapping[str, Generator]
    runs: Runs


async def run_task(task_id: str, parts: Parts) -> None:
    """Run one attempt of a task, from its claim to its end.

    Whatever goes wrong with the task ends in its document and its event; a second call for the same task is
    harmless.

    Raises:
        RunAgainError: it shall run again.
        pymongo.errors.PyMongoError: MongoDB cannot be reached.
    """
    run = await Run.begin(task_id, parts)
    if run is None:
        return
    with parts.runs.keep(run):
        try:
            await run.attempt()
        except LeaseLostError:
            log.info("task %s is no longer ours, leaving it", task_id)
        except (RunAgainError, PyMongoError):
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
    """One attempt of one task.

    Every write is guarded by the attempt's number; the first that finds the task in other hands raises
    `LeaseLostError`, and nothing is published after it.
    """

    def __init__(self, task: Task, parts: Parts, generator: Generator | None) -> None:
        self.task = task
        """As it is shown; between two writes its progress is ahead of what is stored."""
        self._stored = task
        self._parts = parts
        self._generator = generator
        self._plan: Sequence[PlannedStep] = ()
        self._checkpoints: dict[str, Any] = {}
        self._progress = 0.0
        self._changed = asyncio.Event()
        self._writing = asyncio.Lock()
        self.lease_until = asyncio.get_running_loop().time() + LEASE_S
        """Until when, by the event loop's clock, nobody else can have taken the task over."""
        self._work: asyncio.Task[None] | None = None
        self._stopped: StopReason | None = None
        self._ending = False
        self._clock = StepClock(parts.forecast, task.type)

    @classmethod
    async def begin(cls, task_id: str, parts: Parts) -> "Run | None":
        """Make a task this worker's; None if someone else was faster, it has ended, or it ends here.

        Raises:
            RunAgainError: its time has not come.
        """
        task = await parts.store.get(task_id)
        if task is None or task.status in ENDED:
            return None
        if task.status is TaskStatus.RETRYING and task.next_retry_at and task.next_retry_at > now():
            raise RunAgainError(task.next_retry_at)
        claimed = await cls._claim(task, parts)
        if claimed is None:
            return None
        run = cls(claimed, parts, parts.generators.get(claimed.type))
        await run._publish("task.processing")
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
        return await parts.store.transition(
            task,
            TaskStatus.PROCESSING,
            by=parts.worker_id,
            if_attempt=task.attempt,
            attempt=task.attempt + 1,
            started_at=task.started_at or now(),
            next_retry_at=None,
        )

    @property
    def task_id(self) -> str:
        """The task that it is at."""
        return self.task.task_id

    @property
    def number(self) -> int:
        """Which attempt at its task it is."""
        return self.task.attempt

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
        """Run every step that has no checkpoint yet, store the result, and complete the task.

        Raises:
            LeaseLostError: see `Run`.
            ValidationError: the payload is not of its type.
            ProviderError: the model gave no usable answer.
        """
        if self._generator is None:
            message = f"this worker knows no task type {self.task.type}"
            raise ProviderError(message, EndReason.BAD_INPUT, retryable=False)
        task_type = TASK_TYPES[self.task.type]
        payload = task_type.payload.model_validate(self.task.payload)
        self._plan = self._generator.plan(payload)
        self._checkpoints = await self._parts.store.checkpoints(self.task.task_id)
        await self._clock.begin(
            [step.name for step in self._plan if step.name not in self._checkpoints],
            whole=not self._checkpoints,
        )
        await self._record("task.step", steps=self._steps(), estimated_completion=self._clock.estimate())
        result = await _until_either_ends(self._generator.generate(self, payload), self._report())
        for document in result.documents:
            await self._parts.store.put_result(task_type.collection, document)
        await self._complete(result.reference)

    async def ask(self, step: str, prompt: Prompt[AnswerT]) -> AnswerT:
        """Run the step ``step`` by asking the model, or return what it answered in an earlier attempt.

        Raises:
            LeaseLostError: see `Run`.
            ProviderError: the model gave no usable answer.
        """
        index = [planned.name for planned in self._plan].index(step)
        if step in self._checkpoints:
            self._advance(index, 1)
            return prompt.schema.model_validate(self._checkpoints[step])
        self._clock.start(step)
        await self._record(
            "task.step",
            current_step=step,
            current_step_index=index,
            steps=self._steps(running=step),
            estimated_completion=self._clock.estimate(),
        )
        written = 0

        def on_text(piece: str) -> None:
            nonlocal written
            written += len(piece)
            # How long the answer will be nobody knows: come closer to the step's end, and never reach it.
            self._advance(index, 1 - math.exp(-2 * written / TYPICAL_ANSWER_CHARS))

        text, usage = await self._parts.provider.write(prompt, on_text)
        answer = prompt.parse(text)
        output = answer.wire()
        await self._parts.store.save_checkpoint(self.task.task_id, step, output)
        self._checkpoints[step] = output
        self._advance(index, 1)
        self._clock.finish(step)
        await self._record(
            "task.step",
            steps=self._steps(),
            usage=usage.plus(self.task.usage),
            estimated_completion=self._clock.estimate(),
        )
        return answer

    def _advance(self, index: int, fraction: float) -> None:
        """Note that step number ``index`` is done by ``fraction``."""
        total = sum(step.weight for step in self._plan)
        before = sum(step.weight for step in self._plan[:index])
        percent = 100 * (before + self._plan[index].weight * fraction) / total
        if percent > self._progress:
            self._progress = min(percent, 99.0)  # 100 is for the completed
            self._changed.set()

    def _steps(self, *, running: str | None = None) -> list[Step]:
        """The steps as they are now."""
        before = {step.name: step for step in self.task.steps}
        at = now()
        steps = []
        for planned in self._plan:
            step = before.get(planned.name, Step(name=planned.name))
            if planned.name in self._checkpoints:
                if step.status != "completed":
                    step = step.model_copy(update={"status": "completed", "completed_at": at})
            elif planned.name == running:
                step = Step(name=planned.name, status="running", started_at=at)
            steps.append(step)
        return steps

    async def _record(self, event_type: EventType, **changes: Any) -> None:
        """Store a change of the running attempt, and publish it."""
        async with self._writing:
            stored = await self._parts.store.record(
                self._stored, self.task.attempt, progress=self._shown_progress(), **changes
            )
            self._take(stored)
            await self._publish(event_type)

    def _shown_progress(self) -> int:
        """Whole percents, never less than what was shown before."""
        return max(math.floor(self._progress), self.task.progress)

    async def _report(self) -> None:
        """Publish progress as it changes, though not too often, and store it more seldom.

        It is stored as well where a lease may have run out: a write finds out whether the task is still ours.
        """
        loop = asyncio.get_running_loop()
        store_at = loop.time() + STORE_EVERY_S
        while True:
            await self._changed.wait()
            self._changed.clear()
            if self._shown_progress() > self.task.progress:
                if loop.time() >= min(store_at, self.lease_until):
                    store_at = loop.time() + STORE_EVERY_S
                    await self._store_progress()
                else:
                    await self._publish_progress()
            await asyncio.sleep(PUBLISH_EVERY_S)

    async def _store_progress(self) -> None:
        try:
            await self._record("task.progress", estimated_completion=self._clock.estimate())
        except PyMongoError as error:  # not worth a step that may be paid for
            log.warning("the progress of task %s could not be stored: %s", self.task.task_id, error)

    async def _publish_progress(self) -> None:
        async with self._writing:
            newer = {"progress": self._shown_progress(), "tick": self.task.tick + 1, "updated_at": now()}
            self.task = self.task.model_copy(update=newer)
            await self._publish("task.progress")

    async def _complete(self, reference: dict[str, Any]) -> None:
        self._ending = True
        stored = await self._transition(
            TaskStatus.COMPLETED,
            progress=100,
            result=reference,
            completed_at=now(),
            current_step=None,
            current_step_index=None,
            estimated_completion=None,
            last_error=None,
        )
        self._take(stored)
        await self._parts.announcer.tell(self.task)
        await self._parts.store.drop_checkpoints(self.task.task_id)
        await self._clock.learn()

    async def fail(self, outcome: Outcome) -> None:
        """End the attempt: the task tries again later, if that may help and tries are left, or has failed.

        Raises:
            RunAgainError: it tries again.
        """
        self._ending = True
        steps = self._interrupted("failed")
        if outcome.retryable and self.task.retry_count < self.task.max_retries:
            delay_s = max(outcome.retry_after_s or 0, backoff_s(self.task.retry_count + 1))
            due = now() + timedelta(seconds=delay_s)
            stored = await self._transition(
                TaskStatus.RETRYING,
                note=outcome.message,
                last_error=outcome.message,
                retry_count=self.task.retry_count + 1,
                next_retry_at=due,
                estimated_completion=None,
                steps=steps,
            )
            if stored is not None:
                await self._parts.announcer.tell(stored)
                raise RunAgainError(due)
            return
        stored = await self._transition(
            TaskStatus.FAILED,
            note=outcome.message,
            last_error=outcome.message,
            end_reason=outcome.reason,
            retryable=outcome.retryable,
            completed_at=now(),
            estimated_completion=None,
            steps=steps,
        )
        if stored is not None:
            await self._parts.announcer.tell(stored)

    async def _hand_back(self) -> None:
        """Let another worker go on with the task: it waits for its next attempt, and has not failed.

        Raises:
            RunAgainError: always, unless the task is no longer ours.
        """
        self._ending = True
        stored = await self._transition(
            TaskStatus.RETRYING,
            note="handed back: its worker stops",
            next_retry_at=now(),
            estimated_completion=None,
            steps=self._interrupted("pending"),
        )
        if stored is None:
            raise LeaseLostError
        await self._parts.announcer.tell(stored)
        raise RunAgainError

    def _interrupted(self, status: Literal["pending", "failed"]) -> list[Step]:
        """The steps, with ``status`` for the one that was running."""
        return [
            step.model_copy(update={"status": status}) if step.status == "running" else step
            for step in self.task.steps
        ]

    async def _transition(self, to: TaskStatus, *, note: str | None = None, **changes: Any) -> Task | None:
        return await self._parts.store.transition(
            self._stored,
            to,
            by=self._parts.worker_id,
            if_attempt=self.task.attempt,
            note=note,
            **changes,
        )

    def _take(self, stored: Task | None) -> None:
        if stored is None:
            raise LeaseLostError
        self.task = self._stored = stored

    async def _publish(self, event_type: EventType) -> None:
        """Publish the task as it is; MongoDB has it, so a Redis that is away costs only the liveness."""
        try:
            await self._parts.feed.announce(TaskEvent.of(self.task, event_type))
        except (RedisError, OSError) as error:
            log.warning("%s of task %s could not be published: %s", event_type, self.task.task_id, error)
