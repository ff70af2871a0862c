"""Drafts are published while the model is writing them, without gaps."""

import json
from typing import Any

import pytest

from herald.shared.feed.feed import Feed
from herald.shared.tasks.store import Store
from herald.worker.engine import drafts as drafts_module
from herald.worker.engine import journal as journal_module
from herald.worker.engine.attempt import run_task
from tests.support.attempts import (
    STEPS,
    MakeDependencies,
    deltas,
    events,
    joined,
    messages_of,
    nonsense,
    queued,
    slowly,
)


async def test_drafts_are_published_while_they_are_written(
    make_dependencies: MakeDependencies, store: Store, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "PUBLISH_EVERY_S", 0.005)
    monkeypatch.setattr(drafts_module, "DELTA_EVERY_S", 0.01)
    task = await queued(store)
    await run_task(task.task_id, make_dependencies(slowly, slowly, slowly))
    published = await deltas(feed, task)
    assert len(published) > 6
    assert {(piece["taskId"], piece["attempt"]) for piece in published} == {(task.task_id, 1)}
    drafts = joined(published)
    assert set(drafts) == {"Outlining/None", "Writing/1", "Writing/2"}
    for draft_text in drafts.values():
        json.loads(draft_text)
    assert all("task.delta" not in event["type"] for event in await events(feed))
    types = [
        json.loads(one.data)["type"]
        for one in (await feed.history(f"task:{task.task_id}", limit=1000)).publications
    ]
    assert types[-1] == "task.completed", "a delta was published after the end"


async def test_a_second_draft_of_the_same_answer_starts_over(
    make_dependencies: MakeDependencies, store: Store, feed: Feed
) -> None:
    task = await queued(store)
    await run_task(task.task_id, make_dependencies(nonsense))
    published = [piece for piece in await deltas(feed, task) if piece["step"] == STEPS[0]]
    assert [piece["start"] for piece in published] == [0, 0]
    assert "sections" in json.loads(joined(published)[f"{STEPS[0]}/None"])


async def test_a_draft_has_no_gap_after_redis_returns(
    make_dependencies: MakeDependencies, store: Store, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "PUBLISH_EVERY_S", 0.005)
    monkeypatch.setattr(drafts_module, "DELTA_EVERY_S", 0.01)
    publish, failures = feed.publish, iter(range(5))

    async def sometimes(messages: Any, **_: Any) -> list[int]:
        if any("task.delta" in data for _, data in messages) and next(failures, None) is not None:
            raise ConnectionError("gone")
        return await publish(messages)

    monkeypatch.setattr(feed, "publish", sometimes)
    task = await queued(store)
    await run_task(task.task_id, make_dependencies(slowly, slowly, slowly))
    assert next(failures, None) is None
    for text in joined(await deltas(feed, task)).values():
        json.loads(text)


async def test_the_whole_draft_is_published_before_its_step_is_completed(
    make_dependencies: MakeDependencies, store: Store, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "PUBLISH_EVERY_S", 60)
    task = await queued(store)
    await run_task(task.task_id, make_dependencies(slowly, slowly, slowly))
    messages = await messages_of(feed, task)
    completed = next(
        index
        for index, message in enumerate(messages)
        if "task" in message
        and message["task"]["steps"][:1]
        and message["task"]["steps"][0]["status"] == "completed"
    )
    before = joined([message for message in messages[:completed] if message["type"] == "task.delta"])
    assert json.loads(before[f"{STEPS[0]}/None"])
    for text in joined(await deltas(feed, task)).values():
        json.loads(text)
