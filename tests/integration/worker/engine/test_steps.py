"""The steps of a task's function: what is run, stored, and not run again."""

import asyncio
import threading
from collections import Counter
from functools import partial
from typing import Any

import pytest

from herald.shared.feed.feed import Feed
from herald.shared.task_api.context import Context
from herald.shared.task_api.errors import Retry
from herald.shared.task_api.task_type import task
from herald.shared.tasks.models import TaskStatus
from herald.shared.tasks.store import Store
from herald.worker.engine.attempt import run_task
from tests.support.attempts import (
    MakeDependencies,
    attempted,
    events,
    queued,
)
from tests.support.task_types import Brief, Outline

ran: Counter[str] = Counter()


@pytest.fixture(autouse=True)
def _forget() -> None:
    ran.clear()


async def twice(number: int) -> int:
    ran[f"twice {number}"] += 1
    return 2 * number


def on_thread(number: int) -> bool:
    ran["on_thread"] += 1
    return threading.current_thread() is threading.main_thread()


async def outline_of(brief: Brief, prefix: str = "") -> Outline:
    ran["outline_of"] += 1
    return Outline(sections=[prefix + brief.topic])


async def test_sync_and_async_steps_run_once_over_all_attempts_and_return_the_declared_type(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    outlines: list[Any] = []

    @task("T")
    async def run(ctx: Context, brief: Brief) -> list[int]:
        doubled = [await ctx.step("Double", twice, number) for number in (1, 2, 1)]
        assert not await ctx.step("On a thread", on_thread, 1)
        outlines.append(await ctx.step("Outline", partial(outline_of, prefix="x"), brief))
        if ctx.attempt < 3:
            raise Retry(after=0)
        return doubled

    made = await queued(store, type="T")
    for _ in range(3):
        done = await attempted(store, make_dependencies(types=[run]), made)
    assert done.status is TaskStatus.COMPLETED
    assert await store.results.result_of(done, None) == [2, 4, 2]
    assert ran == {"twice 1": 2, "twice 2": 1, "on_thread": 1, "outline_of": 1}
    assert outlines == [Outline(sections=["xBells"])] * 3
    assert [(step.name, step.done, step.total) for step in done.steps] == [
        ("Double", 3, 3),
        ("On a thread", None, None),
        ("Outline", None, None),
    ]
    assert await store.checkpoints.keys(made.task_id) == set()


async def test_calls_at_the_same_time_have_checkpoints_of_their_own(
    make_dependencies: MakeDependencies, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    @task("T")
    async def run(ctx: Context, _: Brief) -> list[int]:
        results = await asyncio.gather(*(ctx.step("Double", twice, number) for number in range(5)))
        if ctx.attempt < 2:
            raise Retry(after=0)
        return results

    made = await queued(store, type="T")
    await attempted(store, make_dependencies(types=[run]), made)
    keys = sorted(await store.checkpoints.keys(made.task_id))
    await store._database["checkpoints"].delete_one({"step": keys[0]})
    done = await attempted(store, make_dependencies(types=[run]), made)
    assert await store.results.result_of(done, None) == [0, 2, 4, 6, 8]
    assert ran.total() == 6, "only the one without a checkpoint ran again"
    assert "checkpoint not used" not in caplog.text


async def test_a_key_identifies_a_step_instead_of_its_arguments(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    @task("T")
    async def run(ctx: Context, _: Brief) -> int:
        numbers = [
            await ctx.step("Double", lambda: ran.update("x") or 1, key=key, returns=int) for key in "a:/"
        ]
        if ctx.attempt < 2:
            raise Retry(after=0)
        return sum(numbers)

    made = await queued(store, type="T")
    await attempted(store, make_dependencies(types=[run]), made)
    assert await store.checkpoints.keys(made.task_id) == {"Double:a:1", "Double:%3A:1", "Double:%2F:1"}
    await attempted(store, make_dependencies(types=[run]), made)
    assert ran["x"] == 3


async def test_a_checkpoint_that_is_not_used_is_logged_and_shown_once(
    make_dependencies: MakeDependencies, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    @task("T")
    async def run(ctx: Context, _: Brief) -> int:
        await ctx.step("Double", twice, 1)
        total = await ctx.step("Charge", twice, 100 + ctx.attempt) + await ctx.step(
            "Charge", twice, 200 + ctx.attempt
        )
        if ctx.attempt < 2:
            raise Retry(after=0)
        return total

    made = await queued(store, type="T")
    await attempted(store, make_dependencies(types=[run]), made)
    done = await attempted(store, make_dependencies(types=[run]), made)
    assert done.status is TaskStatus.COMPLETED
    notes = [entry.note for entry in done.history if entry.note and "not used" in entry.note]
    assert notes == ["checkpoint not used: arguments changed (step 'Charge')"]
    assert caplog.text.count("checkpoint not used: arguments changed: step 'Charge'") == 1


async def test_what_another_attempt_has_stored_first_is_returned(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    async def slow(number: int) -> int:
        await store.checkpoints.add(made.task_id, "Slow:k:1", "42", attempt=1)
        return number

    @task("T")
    async def run(ctx: Context, _: Brief) -> int:
        return await ctx.step("Slow", slow, 1, key="k")

    made = await queued(store, type="T")
    done = await attempted(store, make_dependencies(types=[run]), made)
    assert await store.results.result_of(done, None) == 42


async def test_the_source_of_a_step_s_function_counts_in_development(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    def first() -> int:
        return 1

    def second() -> int:
        return 2

    @task("T")
    async def run(ctx: Context, _: Brief) -> int:
        number = await ctx.step("Number", first if ctx.attempt < 2 else second)
        if ctx.attempt < 2:
            raise Retry(after=0)
        return number

    for count_source, expected in ((False, 1), (True, 2)):
        made = await queued(store, type="T")
        for _ in range(2):
            done = await attempted(store, make_dependencies(types=[run], count_source=count_source), made)
        assert await store.results.result_of(done, None) == expected


async def test_a_step_is_stored_with_one_insert_and_two_updates(
    make_dependencies: MakeDependencies, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: Counter[str] = Counter()
    for owner, name in (
        (store, "record"),
        (store, "transition"),
        (store, "get"),
        (store.checkpoints, "add"),
        (store.checkpoints, "keys"),
        (store.checkpoints, "read"),
        (store.queries, "running_attempts"),
    ):
        counted = getattr(owner, name)

        async def count(*args: Any, counted: Any = counted, name: str = name, **named: Any) -> Any:
            calls[name] += 1
            return await counted(*args, **named)

        monkeypatch.setattr(owner, name, count)

    @task("T")
    async def run(ctx: Context, _: Brief) -> int:
        return await ctx.step("Double", twice, await ctx.step("Double", twice, 1))

    made = await queued(store, type="T")
    await run_task(made.task_id, make_dependencies(types=[run]))
    assert calls == {"get": 1, "transition": 2, "record": 4, "add": 2}


async def test_the_row_of_a_step_is_published_as_it_starts_and_ends(
    make_dependencies: MakeDependencies, store: Store, feed: Feed
) -> None:
    @task("T", steps=["Double", "Never"])
    async def run(ctx: Context, _: Brief) -> int:
        return await ctx.step("Double", twice, 1)

    made = await queued(store, type="T")
    await run_task(made.task_id, make_dependencies(types=[run]))
    shown = [
        [(step["name"], step["status"]) for step in event["task"]["steps"]]
        for event in await events(feed)
        if event["type"] in ("task.processing", "task.step", "task.completed")
    ]
    never = ("Never", "pending")
    assert shown == [
        [("Double", "pending"), never],
        [("Double", "running"), never],
        [("Double", "completed"), never],
        [("Double", "completed"), never],
    ]
