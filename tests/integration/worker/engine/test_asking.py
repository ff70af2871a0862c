"""How a task's code asks the model, within steps and outside."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from herald.shared.feed.feed import Feed
from herald.shared.task_api.context import Context
from herald.shared.task_api.errors import ModelError, Retry
from herald.shared.task_api.prompt import Prompt
from herald.shared.task_api.task_type import task
from herald.shared.tasks.models import EndReason, Task, TaskStatus
from herald.shared.tasks.store import Store
from herald.worker.engine import journal as journal_module
from herald.worker.engine.attempt import run_task
from tests.support.attempts import (
    MakeDependencies,
    attempted,
    calls_of,
    deltas,
    events,
    failed_with,
    joined,
    queued,
    text_of,
)
from tests.support.task_types import Brief, Section, outline_prompt, section_prompt


async def shown(feed: Feed, made: Task, condition: Any) -> None:
    """Wait until an event shows the task as ``condition`` wants it."""
    async with asyncio.timeout(20):
        while not any(condition(event["task"]) for event in await events(feed)):
            await asyncio.sleep(0.01)


async def test_an_answer_outside_a_step_is_a_step_of_its_own(
    make_dependencies: MakeDependencies, store: Store, feed: Feed
) -> None:
    @task("T")
    async def run(ctx: Context, brief: Brief) -> list[str]:
        planned = await ctx.ask_model(outline_prompt(brief))
        first = await ctx.ask_model(section_prompt(planned.sections[0]), part="The first section")
        if ctx.attempt < 2:
            raise Retry(after=0)
        return [first.text]

    made = await queued(store, type="T")
    first, second = make_dependencies(types=[run]), make_dependencies(types=[run])
    await attempted(store, first, made)
    done = await attempted(store, second, made)
    assert done.status is TaskStatus.COMPLETED
    assert [step.name for step in done.steps] == ["Outline", "The first section"]
    assert calls_of(first) == {"Outline": 1, "Section": 1} and not calls_of(second)
    assert set(joined(await deltas(feed, made))) == {"Outline/None", "The first section/The first section"}


async def test_the_answers_of_a_step_that_failed_are_not_asked_for_again(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    failures = iter([ValueError(), Retry(after=0)])

    async def writes(ctx: Context) -> str:
        texts = [(await ctx.ask_model(section_prompt("A"))).text for _ in range(2)]
        texts.append((await outside[0].ask_model(section_prompt("B"), part="b")).text)
        if (failure := next(failures, None)) is not None:
            raise failure
        return " ".join(texts)

    outside: list[Context] = []

    @task("T")
    async def run(ctx: Context, _: Brief) -> str:
        outside.append(ctx)
        return await ctx.step("Writing", writes, ctx, retries=1, key="k")

    made = await queued(store, type="T")
    first, second = make_dependencies(types=[run]), make_dependencies(types=[run])
    await attempted(store, first, made)
    outside.clear()
    done = await attempted(store, second, made)
    assert done.status is TaskStatus.COMPLETED
    assert calls_of(first) == {"Section": 3} and not calls_of(second)


async def test_a_refused_answer_is_not_asked_for_again_by_the_step_s_retries(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    async def writes(ctx: Context) -> Section:
        return await ctx.ask_model(section_prompt("A"))

    @task("T")
    async def run(ctx: Context, _: Brief) -> Section:
        return await ctx.step("Writing", writes, ctx, retries=5)

    unsafe = make_dependencies(*[ModelError("unsafe", EndReason.SAFETY, retryable=False)] * 3, types=[run])
    failed = await failed_with(store, unsafe, type="T")
    assert failed.end_reason == EndReason.SAFETY and calls_of(unsafe) == {"Section": 1}


async def test_a_step_of_several_questions_shows_how_many_are_answered(
    make_dependencies: MakeDependencies, store: Store, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "PUBLISH_EVERY_S", 0.0)
    seen: Counter[int] = Counter()

    async def second(prompt: Prompt[Any]) -> AsyncIterator[str]:
        text = text_of(prompt)
        yield text[:1]
        await shown(feed, made, lambda each: each["progress"] > 45)
        seen[max(event["task"]["progress"] for event in await events(feed))] += 1
        yield text[1:]

    async def first(prompt: Prompt[Any]) -> AsyncIterator[str]:
        yield text_of(prompt)

    async def writes(ctx: Context) -> None:
        await asyncio.gather(ctx.ask_model(section_prompt("A")), ctx.ask_model(section_prompt("B")))

    @task("T", steps=["Writing"])
    async def run(ctx: Context, _: Brief) -> None:
        await ctx.step("Writing", writes, ctx)

    made = await queued(store, type="T")
    await run_task(made.task_id, make_dependencies(second, first, types=[run]))
    [percent] = seen
    assert 46 <= percent <= 99


async def test_a_task_may_run_another_one_as_a_part(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    async def one() -> int:
        return 1

    @task("INNER")
    async def inner(ctx: Context, brief: Brief) -> dict[str, int]:
        return {brief.topic: await ctx.step("One", one)}

    @task("OUTER")
    async def outer(ctx: Context, brief: Brief) -> dict[str, int]:
        return await inner(ctx, brief)

    done = await attempted(store, make_dependencies(types=[outer]), await queued(store, type="OUTER"))
    assert json.dumps(await store.results.result_of(done, None)) == '{"Bells": 1}'
