"""The steps of an attempt: how the model is asked, and which answers are saved."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from herald.shared.feed.feed import Feed
from herald.shared.task_api.errors import ModelError
from herald.shared.task_api.prompt import Prompt
from herald.shared.tasks.models import EndReason, Model, TaskStatus
from herald.shared.tasks.store import Store
from herald.worker.engine import journal as journal_module
from herald.worker.engine.attempt import RunAgainError, run_task
from herald.worker.tasks.base import PlannedStep, Result, Steps, document
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
    assert rejected.text == '{"people": 3}'
    assert rejected.faults == ["people: Input should be a valid array"]
    assert done.usage is not None and done.usage.output_tokens == 4 * USAGE.output_tokens


async def test_a_second_answer_that_does_not_fit_fails_the_task(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    failed = await failed_with(store, make_dependencies(nonsense, nonsense))
    assert (failed.end_reason, failed.retryable) == (EndReason.BAD_OUTPUT, False)
    assert "people: Input should be a valid array" in str(failed.last_error)
    assert "Retry, or change the input" in str(failed.last_error)
    assert failed.usage is not None and failed.usage.output_tokens == 10, (
        "the usage of rejected answers counts"
    )
    assert await store.checkpoints.load(failed.task_id) == {}


async def test_a_final_failure_cancels_the_other_answers(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    left = asyncio.Event()

    async def endless(_: Prompt[Any]) -> AsyncIterator[str]:
        try:
            while True:
                yield "word "
                await asyncio.sleep(0.01)
        finally:
            left.set()

    unsafe = ModelError("unsafe", EndReason.SAFETY, retryable=False)
    async with asyncio.timeout(10):
        failed = await failed_with(store, make_dependencies(at_once, endless, unsafe))
        await left.wait()
    assert failed.end_reason is EndReason.SAFETY


async def test_a_checkpoint_of_another_shape_is_ignored(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    task = await queued(store)
    await store.checkpoints.save(task.task_id, STEPS[0], {"segments": []})
    fresh = make_dependencies()
    await run_task(task.task_id, fresh)
    assert (await loaded(store, task)).status is TaskStatus.COMPLETED
    assert calls_of(fresh) == {"Sketches": 1, "Portrait": 2}


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

    task = await queued(store, payload={"product": "A bell", "count": 10})
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

    task = await queued(store, payload={"product": "A bell", "count": 10})
    first = make_dependencies(at_once, busy, unhurried, unhurried, unhurried)
    with pytest.raises(RunAgainError):
        await run_task(task.task_id, first)
    assert calls_of(first)["Portrait"] == 4
    assert len(await store.checkpoints.load(task.task_id)) == 1 + 3, "the answers in progress are saved"


class Note(Model):
    text: str


class NoteGenerator:
    """One step, whose prompt has no draft."""

    task_type = "AUTO_GENERATE_PERSONAS"

    def plan(self, payload: Any) -> Sequence[PlannedStep]:
        return [PlannedStep("Write note 1", 1)]

    async def generate(self, steps: Steps, payload: Any) -> Result:
        async with steps.run("Write note 1") as step:
            note = await step.ask(Prompt("Write a note.", {}, Note))
        return Result([document(steps.task, note.wire())], {"taskId": steps.task.task_id})


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
        task = await queued(store)
        dependencies = make_dependencies(half)._replace(generators={NoteGenerator.task_type: NoteGenerator()})
        await run_task(task.task_id, dependencies)
        assert (await loaded(store, task)).status is TaskStatus.COMPLETED
    assert seen[:3] == [6, 6, 6]
    assert seen[3] in (29, 30), "half of the text counts as 45 % of the first step, which weighs two thirds"
