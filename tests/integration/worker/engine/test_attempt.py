"""The life of an attempt, with a model that follows a script."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from herald.shared.feed.feed import Feed
from herald.shared.queue.jobs import job_id
from herald.shared.task_api.errors import ModelError
from herald.shared.tasks.models import EndReason, TaskStatus, now
from herald.shared.tasks.store import Store
from herald.worker.engine import journal as journal_module
from herald.worker.engine.attempt import run_task
from herald.worker.engine.claims import RunAgainError
from tests.support.attempts import (
    STEPS,
    USAGE,
    MakeDependencies,
    at_once,
    calls_of,
    events,
    forever,
    loaded,
    queued,
)


async def test_a_task_runs_its_steps_and_completes_with_its_result(
    make_dependencies: MakeDependencies, store: Store, feed: Feed
) -> None:
    task = await queued(store)
    await run_task(task.task_id, make_dependencies())
    done = await loaded(store, task)
    assert (done.status, done.progress, done.attempt) == (TaskStatus.COMPLETED, 100, 1)
    assert [(step.name, step.status) for step in done.steps] == [(name, "completed") for name in STEPS]
    assert all(step.started_at and step.completed_at for step in done.steps)
    assert done.current_step is None and done.completed_at and done.started_at
    assert [(step.done, step.total) for step in done.steps] == [(None, None), (2, 2)]
    assert done.usage == USAGE.model_copy(update={"input_tokens": 30, "output_tokens": 15})
    assert done.result == {"taskId": task.task_id}
    result = await store.results.result_of(done, None)
    assert result is not None
    assert [text[:28] for text in result["sections"]] == [
        "All about Section 1 of Bells",
        "All about Section 2 of Bells",
    ]
    assert await store.checkpoints.keys(task.task_id) == set()


async def test_running_an_ended_task_again_does_nothing(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    task = await queued(store)
    await run_task(task.task_id, make_dependencies())
    done = await loaded(store, task)
    again = make_dependencies()
    await run_task(task.task_id, again)
    await run_task("unknown", again)
    assert await loaded(store, task) == done
    assert not calls_of(again)


async def test_a_job_from_before_the_user_s_retry_runs_nothing(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    task = await queued(store)
    await store.transition(task.task_id, TaskStatus.CANCELLED, by="user", completed_at=now())
    later = now() + timedelta(seconds=1)
    again = await store.transition(task.task_id, TaskStatus.QUEUED, by="user", queued_at=later)
    assert again is not None
    await run_task(task.task_id, make_dependencies(), job=job_id(task))
    assert await loaded(store, task) == again
    await run_task(task.task_id, make_dependencies(), job=job_id(again))
    assert (await loaded(store, task)).status is TaskStatus.COMPLETED


async def test_only_one_of_several_workers_completes_a_task(
    make_dependencies: MakeDependencies, store: Store, feed: Feed
) -> None:
    task = await queued(store)
    await asyncio.gather(
        *(run_task(task.task_id, make_dependencies(worker_id=name)) for name in ("w1", "w2", "w3"))
    )
    done = await loaded(store, task)
    assert done.status is TaskStatus.COMPLETED
    assert [entry.status for entry in done.history].count(TaskStatus.COMPLETED) == 1
    published = await events(feed)
    assert [event["type"] for event in published].count("task.completed") == 1
    assert published[-1]["task"]["rev"] == done.rev, "another worker published something after the end"


async def test_another_worker_continues_a_killed_attempt_at_the_same_step(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    task = await queued(store)
    running = asyncio.create_task(run_task(task.task_id, make_dependencies(at_once, forever, forever)))
    while (await loaded(store, task)).current_step != STEPS[1]:
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    left = await loaded(store, task)
    assert left.status is TaskStatus.PROCESSING
    second = make_dependencies(worker_id="w2")
    await run_task(task.task_id, second)
    done = await loaded(store, task)
    assert (done.status, done.attempt, done.retry_count) == (TaskStatus.COMPLETED, 2, 0)
    assert calls_of(second) == {"Section": 2}
    assert [entry.by for entry in done.history] == ["w1", "w2", "w2"]


async def test_an_outage_of_mongodb_does_not_count_as_a_failure(
    make_dependencies: MakeDependencies, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(*_: Any, **__: Any) -> str:
        raise AutoReconnect("gone")

    task = await queued(store)
    with monkeypatch.context() as patched:
        patched.setattr(store.checkpoints, "add", gone)
        with pytest.raises(AutoReconnect):
            await run_task(task.task_id, make_dependencies())
    left = await loaded(store, task)
    assert (left.status, left.retry_count) == (TaskStatus.PROCESSING, 0)
    await run_task(task.task_id, make_dependencies())
    assert (await loaded(store, task)).status is TaskStatus.COMPLETED


async def test_an_attempt_that_begins_while_the_worker_is_stopping_is_handed_back(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    task = await queued(store)
    stopping = make_dependencies()
    stopping.running.hand_back()
    with pytest.raises(RunAgainError):
        await run_task(task.task_id, stopping)
    waiting = await loaded(store, task)
    assert (waiting.status, waiting.retry_count) == (TaskStatus.RETRYING, 0)
    assert not calls_of(stopping)
    await run_task(task.task_id, make_dependencies())
    assert (await loaded(store, task)).status is TaskStatus.COMPLETED


@pytest.mark.parametrize("ends_well", [True, False])
async def test_a_superseded_attempt_cannot_end_the_task(
    make_dependencies: MakeDependencies, store: Store, monkeypatch: pytest.MonkeyPatch, ends_well: bool
) -> None:
    task = await queued(store)
    end = journal_module.Journal.end

    async def too_late(journal: journal_module.Journal, *arguments: Any, **named: Any) -> bool:
        await store.transition(task.task_id, TaskStatus.PROCESSING, by="w2", attempt=2)
        return await end(journal, *arguments, **named)

    monkeypatch.setattr(journal_module.Journal, "end", too_late)
    unsafe = ModelError("unsafe", EndReason.SAFETY, retryable=False)
    await run_task(task.task_id, make_dependencies() if ends_well else make_dependencies(at_once, unsafe))
    now_running = await loaded(store, task)
    assert (now_running.status, now_running.attempt) == (TaskStatus.PROCESSING, 2)
    assert await store.checkpoints.keys(task.task_id), "the other attempt needs the checkpoints"
