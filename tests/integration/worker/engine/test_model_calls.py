"""How the model is asked, and which of its answers are saved."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from herald.shared.feed.feed import Feed
from herald.shared.task_api.context import Context
from herald.shared.task_api.errors import ModelError
from herald.shared.task_api.prompt import Prompt
from herald.shared.task_api.task_type import task
from herald.shared.tasks.models import EndReason, Model, TaskStatus
from herald.shared.tasks.store import Store
from herald.worker.engine import journal as journal_module
from herald.worker.engine.attempt import run_task
from herald.worker.engine.claims import RunAgainError
from herald.worker.engine.digests import digest_of_call
from herald.worker.engine.functions import Call
from tests.support.attempts import (
    STEPS,
    USAGE,
    MakeDependencies,
    at_once,
    calls_of,
    events,
    failed_with,
    loaded,
    nonsense,
    queued,
    text_of,
)
from tests.support.task_types import Brief, outline


async def test_an_answer_that_does_not_fit_is_sent_back_with_its_faults(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    rejections: list[Any] = []

    async def corrected(prompt: Prompt[Any]) -> AsyncIterator[str]:
        rejections.append(prompt.rejected)
        yield text_of(prompt)

    task = await queued(store)
    await run_task(task.task_id, make_dependencies(nonsense, corrected))
    done = await loaded(store, task)
    assert (done.status, done.retry_count) == (TaskStatus.COMPLETED, 0)
    [rejected] = rejections
    assert rejected.text == '{"sections": 3}'
    assert rejected.faults == ["sections: Input should be a valid array"]
    assert done.usage is not None and done.usage.output_tokens == 4 * USAGE.output_tokens


async def test_a_second_answer_that_does_not_fit_fails_the_task(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    failed = await failed_with(store, make_dependencies(nonsense, nonsense))
    assert (failed.end_reason, failed.retryable) == (EndReason.BAD_OUTPUT, False)
    assert "sections: Input should be a valid array" in str(failed.last_error)
    assert "Retry, or change the input" in str(failed.last_error)
    assert failed.usage is not None and failed.usage.output_tokens == 10, (
        "the usage of rejected answers counts"
    )
    assert await store.checkpoints.keys(failed.task_id) == set()


async def test_a_checkpoint_of_another_shape_is_ignored(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    task = await queued(store)
    await store.transition(task.task_id, TaskStatus.PROCESSING, by="w0", attempt=1)
    call = Call.of(outline, Brief(topic="Bells", count=2))
    key = f"{STEPS[0]}:{digest_of_call(STEPS[0], call, count_source=False)}:1"
    await store.checkpoints.add(task.task_id, key, '{"parts": 2}', attempt=1)
    fresh = make_dependencies()
    await run_task(task.task_id, fresh)
    assert (await loaded(store, task)).status is TaskStatus.COMPLETED
    assert calls_of(fresh) == {"Outline": 1, "Section": 2}


async def test_at_most_four_parts_are_written_at_once(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    writing, most = 0, 0

    async def counted(prompt: Prompt[Any]) -> AsyncIterator[str]:
        nonlocal writing, most
        writing += 1
        most = max(most, writing)
        await asyncio.sleep(0.02)
        yield text_of(prompt)
        writing -= 1

    task = await queued(store, payload={"topic": "Bells", "count": 10})
    await run_task(task.task_id, make_dependencies(at_once, *[counted] * 10))
    assert (await loaded(store, task)).status is TaskStatus.COMPLETED
    assert most == 4


async def test_no_further_part_is_started_after_one_has_failed(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    failed = asyncio.Event()

    async def busy(_: Prompt[Any]) -> AsyncIterator[str]:
        await asyncio.sleep(0.01)  # until the others are being written
        failed.set()
        raise ModelError("busy", EndReason.QUOTA, retryable=True)
        yield

    async def unhurried(prompt: Prompt[Any]) -> AsyncIterator[str]:
        await failed.wait()
        yield text_of(prompt)

    task = await queued(store, payload={"topic": "Bells", "count": 10})
    first = make_dependencies(at_once, busy, unhurried, unhurried, unhurried)
    with pytest.raises(RunAgainError):
        await run_task(task.task_id, first)
    assert calls_of(first)["Section"] == 4
    assert sum("/" not in key for key in await store.checkpoints.keys(task.task_id)) == 1 + 3, (
        "the answers in progress are saved"
    )


class Note(Model):
    text: str


@task("WRITE_NOTE", steps=["Write note 1"])
async def write_note(ctx: Context, _: Brief) -> Note:
    return await ctx.ask_model(Prompt("Write a note.", {}, Note), part="Write note 1")


async def test_progress_without_a_draft_follows_the_length_of_earlier_answers(
    make_dependencies: MakeDependencies, store: Store, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "PUBLISH_EVERY_S", 0.0)
    text = json.dumps({"text": "x" * 400}, separators=(",", ":"))
    seen: list[int] = []

    async def half(_: Prompt[Any]) -> AsyncIterator[str]:
        yield text[: len(text) // 2]
        while not (progress := (await events(feed))[-1]["task"]["progress"]):
            await asyncio.sleep(0.01)
        seen.append(progress)
        yield text[len(text) // 2 :]

    for _ in range(4):
        note = await queued(store, type="WRITE_NOTE")
        await run_task(note.task_id, make_dependencies(half, types=[write_note]))
        assert (await loaded(store, note)).status is TaskStatus.COMPLETED
    assert seen[:3] == [9, 9, 9]
    assert seen[3] in (44, 45), "half of the text counts as 45 % of the step"
