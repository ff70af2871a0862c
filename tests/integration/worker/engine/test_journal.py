"""What is recorded and published while an attempt is running."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from herald.shared.feed.feed import Feed
from herald.shared.observability import metrics
from herald.shared.settings import Settings
from herald.shared.task_api.errors import ModelError
from herald.shared.task_api.prompt import Prompt
from herald.shared.tasks.models import EndReason, Task, TaskStatus
from herald.shared.tasks.store import Store
from herald.worker.engine import journal as journal_module
from herald.worker.engine.attempt import run_task
from tests.support.attempts import (
    STEPS,
    USAGE,
    MakeDependencies,
    ScriptedProvider,
    at_once,
    dependencies_of,
    events,
    failed_with,
    forever,
    loaded,
    queued,
    slowly,
    text_of,
)


async def test_every_event_is_newer_than_the_one_before_and_progress_never_goes_back(
    make_dependencies: MakeDependencies, store: Store, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "PUBLISH_EVERY_S", 0.0)
    monkeypatch.setattr(journal_module, "STORE_EVERY_S", 0.02)

    task = await queued(store)
    await run_task(task.task_id, make_dependencies(slowly, slowly, slowly))
    published = await events(feed)
    versions = [(event["task"]["rev"], event["task"]["tick"]) for event in published]
    assert versions == sorted(set(versions))
    progress = [event["task"]["progress"] for event in published]
    assert progress == sorted(progress) and progress[-1] == 100
    assert all(percent < 100 for percent in progress[:-1]), "only completed tasks are at 100 %"
    spent = [(event["task"].get("usage") or {}).get("outputTokens", 0) for event in published]
    assert spent == sorted(spent) and len(set(spent)) > 2
    types = Counter(event["type"] for event in published)
    assert types["task.processing"] == types["task.completed"] == 1
    assert types["task.progress"] > 5
    current = [event["task"].get("currentStep") for event in published if event["type"] == "task.step"]
    assert list(dict.fromkeys(filter(None, current))) == STEPS
    assert any(event["task"]["tick"] == 0 for event in published if event["type"] == "task.progress"), (
        "no progress was stored"
    )


async def test_an_attempt_at_a_cancelled_task_stops_and_publishes_no_newer_state(
    make_dependencies: MakeDependencies, store: Store, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "PUBLISH_EVERY_S", 0.01)
    monkeypatch.setattr(journal_module, "STORE_EVERY_S", 0.05)
    task = await queued(store)
    running = asyncio.create_task(run_task(task.task_id, make_dependencies(forever)))
    while (await loaded(store, task)).progress == 0:
        await asyncio.sleep(0.01)
    cancelled = await store.transition(task.task_id, TaskStatus.CANCELLED, by="user")
    count_before = len(await events(feed))
    async with asyncio.timeout(5):
        await running
    assert await loaded(store, task) == cancelled
    stray = (await events(feed))[count_before:]
    assert cancelled is not None
    assert all(event["task"]["rev"] < cancelled.rev for event in stray), (
        "the cancelled state stays the newest"
    )


async def test_a_task_completes_without_redis(settings: Settings, store: Store) -> None:
    async with Feed.connect(settings.model_copy(update={"redis_url": "redis://127.0.0.1:1"})) as nowhere:
        task = await queued(store)
        await run_task(task.task_id, dependencies_of(settings, store, nowhere, ScriptedProvider()))
        assert (await loaded(store, task)).status is TaskStatus.COMPLETED


async def test_tokens_are_counted_however_a_call_ends(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    async def breaks_off(prompt: Prompt[Any]) -> AsyncIterator[str]:
        yield text_of(prompt)[:20]
        raise ModelError("unsafe", EndReason.SAFETY, retryable=False)

    counted = metrics.TOKENS.labels("scripted", "m", "output")
    before = counted._value.get()
    await failed_with(store, make_dependencies(at_once, breaks_off))
    assert counted._value.get() - before >= 2 * USAGE.output_tokens


async def test_a_superseded_attempt_records_nothing(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    task = await queued(store)
    taken: list[Task | None] = []

    async def taken_over(prompt: Prompt[Any]) -> AsyncIterator[str]:
        taken.append(await store.transition(task.task_id, TaskStatus.PROCESSING, by="w2", attempt=2))
        yield text_of(prompt)

    await run_task(task.task_id, make_dependencies(at_once, taken_over))
    assert await loaded(store, task) == taken[0], "the superseded attempt changed the task"
