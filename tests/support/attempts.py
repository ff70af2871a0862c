"""Runs attempts with a scripted model, and reads the tasks and messages that they leave behind."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from herald.shared.feed.feed import Feed
from herald.shared.queue.queue import Queue
from herald.shared.settings import Settings
from herald.shared.task_api.prompt import Prompt
from herald.shared.task_api.task_type import TaskType
from herald.shared.tasks.models import Task, TaskStatus, Usage
from herald.shared.tasks.store import Store
from herald.worker.dependencies import Dependencies
from herald.worker.engine.attempt import run_task
from herald.worker.engine.claims import RunAgainError
from herald.worker.llm.provider import Piece, Provider
from tests.support.task_types import OUTLINING, WRITING, loaded_types, write_report
from tests.support.tasks import a_task

STEPS = [OUTLINING, WRITING]
"""The steps of the task that `queued` creates."""
USAGE = Usage(provider="scripted", model="m", input_tokens=10, output_tokens=5)
"""The usage of each call to the scripted model."""

Answer = Callable[[Prompt[Any]], AsyncIterator[str]]
MakeDependencies = Callable[..., Dependencies]


# How the model answers


def text_of(prompt: Prompt[Any]) -> str:
    assert prompt.draft is not None
    text: str = prompt.draft().model_dump_json(by_alias=True)
    return text


async def at_once(prompt: Prompt[Any]) -> AsyncIterator[str]:
    yield text_of(prompt)


async def slowly(prompt: Prompt[Any]) -> AsyncIterator[str]:
    text = text_of(prompt)
    for start in range(0, len(text), 20):
        yield text[start : start + 20]
        await asyncio.sleep(0.002)


async def forever(_: Prompt[Any]) -> AsyncIterator[str]:
    while True:
        yield "word "
        await asyncio.sleep(0.01)


async def nonsense(_: Prompt[Any]) -> AsyncIterator[str]:
    yield '{"sections": 3}'


class ScriptedProvider:
    """Answers calls with the entries of its script, and later calls with the prompt's draft."""

    def __init__(self, *script: Answer | Exception) -> None:
        self._script = list(script)
        self.calls: Counter[str] = Counter()

    async def write(self, prompt: Prompt[Any]) -> AsyncGenerator[Piece, None]:
        self.calls[prompt.schema.__name__] += 1
        answer = self._script.pop(0) if self._script else at_once
        if isinstance(answer, Exception):
            raise answer
        async for text in answer(prompt):
            yield Piece(text, USAGE)


def calls_of(dependencies: Dependencies) -> Counter[str]:
    """The number of calls to the scripted model, by the name of the answer's schema."""
    assert isinstance(dependencies.provider, ScriptedProvider)
    return dependencies.provider.calls


# The worker around it


def dependencies_of(
    settings: Settings,
    store: Store,
    feed: Feed,
    provider: Provider,
    *types: TaskType[Any, Any, Any],
    worker_id: str = "w1",
    state: Any = None,
) -> Dependencies:
    """A worker's dependencies; it runs `write_report` and ``types``."""
    redis: Any = feed.redis
    return Dependencies.assemble(
        settings=settings,
        store=store,
        feed=feed,
        redis=redis,
        provider=provider,
        task_types=loaded_types(write_report, *types, state=state),
        worker_id=worker_id,
    )


@pytest.fixture
def make_dependencies(settings: Settings, store: Store, feed: Feed) -> MakeDependencies:
    """Makes a worker's dependencies, with a model that follows a script and additional task types."""

    def make(
        *script: Answer | Exception,
        types: Sequence[TaskType[Any, Any, Any]] = (),
        worker_id: str = "w1",
        state: Any = None,
        **changes: Any,
    ) -> Dependencies:
        changed = settings.model_copy(update=changes)
        provider = ScriptedProvider(*script)
        return dependencies_of(changed, store, feed, provider, *types, worker_id=worker_id, state=state)

    return make


# Tasks, and the messages about them


async def queued(store: Store, **changes: Any) -> Task:
    """A new task in MongoDB only; by default one of `write_report`."""
    report = {"type": write_report.name, "payload": {"topic": "Bells", "count": 2}}
    return (await store.create(a_task(**{**report, **changes})))[0]


async def enqueued(store: Store, settings: Settings, **changes: Any) -> Task:
    """A new task, in MongoDB and in the queue; by default of a type that every worker process runs."""
    task, _ = await store.create(a_task(**changes))
    async with Queue.connect(settings) as queue:
        assert await queue.enqueue(task)
        assert not await queue.enqueue(task), "it is already queued"
    return task


async def until_status(store: Store, task: Task, *statuses: TaskStatus) -> Task:
    """Wait until the task has one of the statuses."""
    async with asyncio.timeout(30):
        while True:
            found = await store.get(task.task_id)
            if found is not None and found.status in statuses:
                return found
            await asyncio.sleep(0.02)


async def loaded(store: Store, task: Task) -> Task:
    """The task as it is stored now."""
    found = await store.get(task.task_id)
    assert found is not None
    return found


async def failed_with(store: Store, dependencies: Dependencies, **changes: Any) -> Task:
    """Run a new task and check that it fails; returns it."""
    task = await queued(store, **changes)
    await run_task(task.task_id, dependencies)
    failed = await loaded(store, task)
    assert failed.status is TaskStatus.FAILED
    assert failed.completed_at and failed.last_error
    return failed


async def events(feed: Feed) -> list[dict[str, Any]]:
    """All events on the channel of the user ``ada``."""
    return [json.loads(found.data) for found in (await feed.history("tasks#ada", limit=1000)).publications]


async def messages_of(feed: Feed, task: Task) -> list[dict[str, Any]]:
    """All messages on the task's own channel: events and deltas."""
    history = await feed.history(f"task:{task.task_id}", limit=1000)
    return [json.loads(message.data) for message in history.publications]


async def deltas(feed: Feed, task: Task) -> list[dict[str, Any]]:
    """The published pieces of the task's drafts."""
    return [message for message in await messages_of(feed, task) if message["type"] == "task.delta"]


def joined(pieces: list[dict[str, Any]]) -> dict[str, str]:
    """The drafts, joined from their pieces as a client does it, by step and part."""
    drafts: dict[str, str] = {}
    for piece in pieces:
        name = f"{piece['step']}/{piece.get('part')}"
        assert piece["start"] in (0, len(drafts.get(name, ""))), "there is a gap"
        drafts[name] = (drafts[name] if piece["start"] else "") + piece["text"]
    return drafts


async def attempted(store: Store, dependencies: Dependencies, task: Task) -> Task:
    """The task after another attempt, which may have failed."""
    with suppress(RunAgainError):
        await run_task(task.task_id, dependencies)
    return await loaded(store, task)


async def retried_by_user(store: Store, task: Task) -> Task:
    """The failed task, queued again by its user."""
    later = task.queued_at + timedelta(seconds=1)
    again = await store.transition(
        task.task_id, TaskStatus.QUEUED, by="user", queued_at=later, retry_count=0, completed_at=None
    )
    assert again is not None
    return again
