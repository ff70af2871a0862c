"""Runs one task to its end with the worker's own engine, on a store, a feed and a model in memory."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Generic, TypeVar, cast

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from herald.shared.aio import cancel_and_wait
from herald.shared.feed.announcer import Announcer
from herald.shared.queue.durations import Durations
from herald.shared.settings import Settings
from herald.shared.task_api.codec import Codec
from herald.shared.task_api.context import Context
from herald.shared.task_api.task_type import TaskType
from herald.shared.tasks.models import ENDED, Task, TaskStatus, new_task_id, now
from herald.shared.tasks.records import title_from
from herald.worker.attempts import RunningAttempts
from herald.worker.dependencies import Dependencies
from herald.worker.engine.attempt import run_task
from herald.worker.engine.claims import RunAgainError
from herald.worker.engine.context import RunContext
from herald.worker.engine.journal import Journal
from herald.worker.loaded import LoadedType
from herald.worker.testing.halt import Halt
from herald.worker.testing.memory import MemoryFeed, MemoryValues
from herald.worker.testing.outcome import TestRun
from herald.worker.testing.script import ScriptedModel
from herald.worker.testing.store import MemoryStore
from herald.worker.threads import StepThreads

StateT = TypeVar("StateT")
InT = TypeVar("InT", bound=BaseModel)
OutT = TypeVar("OutT")

USER = "test-user"


async def run(
    task_type: TaskType[StateT, InT, OutT],
    payload: InT,
    /,
    *,
    state: StateT | None = None,
    model: Sequence[Any] = (),
    crash_after: str | None = None,
) -> TestRun[OutT]:
    """Run a task to its end, with the engine of a worker but without any service.

    A failed attempt is repeated as in production, but without its delay. Prompts are answered by their
    drafts, unless there is a script.

    Args:
        task_type: the task type.
        payload: the task's payload.
        state: the value of ``ctx.state``.
        model: the model's answers, in the order of the prompts: pydantic models, JSON values, JSON text, or
            exceptions to raise.
        crash_after: the name of a step. Right after its first checkpoint is stored, the attempt dies as if
            its worker were lost, and another one begins.

    Raises:
        AssertionError: the model was asked for more answers than there are; the task has stored no checkpoint
            for ``crash_after``; or the last attempt has not used a checkpoint of an earlier one.

    Example::

        async def test_a_step_is_not_repeated() -> None:
            done = await run(write_press_release, News(…), crash_after="Finding the angle")
            assert done.steps["Finding the angle"].ran_in == [1]
            assert len(done.result.paragraphs) == 3
    """
    return await _Trial(task_type, payload, state, model, crash_after).run()


def run_sync(
    task_type: TaskType[StateT, InT, OutT],
    payload: InT,
    /,
    *,
    state: StateT | None = None,
    model: Sequence[Any] = (),
    crash_after: str | None = None,
) -> TestRun[OutT]:
    """`run`, for tests that are not async."""
    return asyncio.run(run(task_type, payload, state=state, model=model, crash_after=crash_after))


class _Trial(Generic[StateT, InT, OutT]):
    """One task from its start to its end."""

    def __init__(
        self,
        task_type: TaskType[StateT, InT, OutT],
        payload: InT,
        state: StateT | None,
        model: Sequence[Any],
        crash_after: str | None,
    ) -> None:
        self._type = task_type
        self._crash_after = crash_after
        self._ran: list[Counter[str]] = []
        self._errors: list[BaseException] = []
        self._progress: list[int] = []
        self._emitted: list[tuple[str, Any]] = []
        self._task = _new_task(task_type, payload)
        self._store = MemoryStore(crash_after)
        self._feed = MemoryFeed()
        self._model = ScriptedModel(model)
        self._loaded = LoadedType(self._recorded(), "", state)

    async def run(self) -> TestRun[OutT]:
        """Run the task to its end; see the function `run`."""
        await self._store.create(self._task)
        task = await self._attempt()
        while task.status not in ENDED:
            task = await self._attempt()
        self._check(task)
        return TestRun(
            task,
            self._result(task),
            ran=self._ran,
            errors=self._errors,
            progress=[*self._progress, task.progress],
            emitted=self._emitted,
            prompts=self._model.asked,
            published=self._feed.published,
        )

    async def _attempt(self) -> Task:
        """Run one attempt until it ends or dies; returns the task after it."""
        halt = Halt()
        self._model.halt = halt
        self._store.checkpoints.begin_attempt(halt)
        running = asyncio.create_task(run_task(self._task.task_id, self._dependencies()))
        try:
            await asyncio.wait((running, halt.reached), return_when=asyncio.FIRST_COMPLETED)
        finally:
            await cancel_and_wait(running)
        if halt.reached.done():
            halt.reached.result()
        else:
            with suppress(RunAgainError):
                running.result()
        found = await self._store.get(self._task.task_id)
        assert found is not None  # noqa: S101
        return found

    def _recorded(self) -> TaskType[StateT, InT, OutT]:
        """The task type with a function that records what it runs and raises."""

        async def recorded(ctx: Context[StateT], payload: InT) -> OutT:
            attempt = cast("RunContext", ctx)._run
            self._ran.append(attempt.ran)
            self._watch(attempt.journal)
            try:
                return await self._type(ctx, payload)
            except Exception as error:
                self._errors.append(error)
                raise

        task_type = TaskType(
            self._type.name, self._type.payload, self._type.result, recorded, self._type.options
        )
        task_type.storage = self._type.storage
        return task_type

    def _watch(self, journal: Journal) -> None:
        """Record what the task reports, all of it: clients get it at a limited rate."""
        advance, emit = journal.advance, journal.emitted.add
        self._progress.append(journal.task.progress)

        def advanced(percent: float) -> None:
            advance(percent)
            self._progress.append(max(self._progress[-1], min(int(percent), 99)))

        def emitted(name: str, data: Any) -> None:
            emit(name, data)
            self._emitted.append((name, to_jsonable_python(data, by_alias=True)))

        journal.advance, journal.emitted.add = advanced, emitted  # type: ignore[method-assign]

    def _dependencies(self) -> Dependencies:
        """A worker's, without what only the queue needs."""
        values, absent = MemoryValues(), cast("Any", None)
        return Dependencies(
            settings=Settings.model_construct(),  # does not read the environment
            worker_id=f"test-worker-{len(self._ran) + 1}",
            store=self._store,
            feed=self._feed,
            announcer=Announcer(self._store, self._feed),
            queue=absent,
            leases=absent,
            heartbeats=absent,
            values=values,
            durations=Durations(values),
            provider=self._model,
            task_types={self._type.name: self._loaded},
            threads=StepThreads(),
            running=RunningAttempts(),
        )

    def _check(self, task: Task) -> None:
        if self._store.checkpoints.crash_after is not None:
            names = ", ".join(repr(step.name) for step in task.steps) or "none"
            failure = f" The task has failed: {task.last_error}" if task.last_error else ""
            raise AssertionError(
                f"crash_after={self._crash_after!r}: no such step was completed; the task's steps: "
                f"{names}.{failure}"
            )
        unused = self._store.checkpoints.unused(task.attempt)
        if unused and task.status is TaskStatus.COMPLETED:
            raise AssertionError(
                f"attempt {task.attempt} did not use a checkpoint of an earlier attempt for "
                f"{', '.join(map(repr, unused))}, and so repeated work that was done. A step's arguments, or "
                "its key=…, must be the same in every attempt; pass no current time and no random value"
            )

    def _result(self, task: Task) -> Any:
        if task.status is not TaskStatus.COMPLETED:
            return None
        return Codec(self._type.name, self._type.result).decode(json.dumps(self._store.results.value))


def _new_task(task_type: TaskType[Any, Any, Any], payload: BaseModel) -> Task:
    """The task as the server would create it."""
    at, options = now(), task_type.options
    return Task(
        task_id=new_task_id(),
        user_id=USER,
        type=task_type.name,
        title=title_from(options.title, payload.model_dump(mode="json")),
        payload=payload.model_dump(mode="json", by_alias=True),
        max_retries=options.retries,
        priority=options.priority,
        queued_at=at,
        created_at=at,
        updated_at=at,
    )
