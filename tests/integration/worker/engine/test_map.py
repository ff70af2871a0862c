"""Steps over many items."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from herald.shared.feed.feed import Feed
from herald.shared.task_api.context import Context
from herald.shared.task_api.errors import Retry
from herald.shared.task_api.task_type import task
from herald.shared.tasks.models import TaskStatus
from herald.shared.tasks.store import Store
from herald.worker.engine import journal as journal_module
from herald.worker.engine.attempt import run_task
from tests.support.attempts import MakeDependencies, attempted, events, failed_with, queued
from tests.support.task_types import Brief

ran: Counter[int] = Counter()


@pytest.fixture(autouse=True)
def _forget() -> None:
    ran.clear()


async def plus(number: int, more: int, ctx: Context) -> int:
    ran[number] += 1
    assert ctx.idempotency_key.startswith(f"{ctx.task.id}:Adding:")
    await asyncio.sleep((10 - number % 10) / 1000)
    return number + more


async def test_results_keep_the_order_of_the_items(make_dependencies: MakeDependencies, store: Store) -> None:
    @task("T")
    async def run(ctx: Context, _: Brief) -> list[int]:
        return await ctx.map("Adding", plus, iter(range(20)), 100, ctx)

    made = await queued(store, type="T")
    done = await attempted(store, make_dependencies(types=[run]), made)
    assert await store.results.result_of(done, None) == list(range(100, 120))
    assert [(step.name, step.done, step.total) for step in done.steps] == [("Adding", 20, 20)]


async def test_a_later_attempt_runs_only_the_items_that_are_missing(
    make_dependencies: MakeDependencies, store: Store, feed: Feed
) -> None:
    @task("T")
    async def run(ctx: Context, _: Brief) -> list[int]:
        return await ctx.map("Adding", adds, range(250), limit=50, key=str)

    async def adds(number: int) -> int:
        ran[number] += 1
        if number == 249 and ran[number] == 1:
            raise Retry(after=0)
        return number + 1

    made = await queued(store, type="T")
    await attempted(store, make_dependencies(types=[run]), made)
    done = await attempted(store, make_dependencies(types=[run]), made)
    assert await store.results.result_of(done, None) == list(range(1, 251))
    assert ran.total() == 251
    second = [event["task"] for event in await events(feed) if event["task"]["attempt"] == 2]
    running = next(each for each in second if each["steps"] and each["steps"][0]["status"] == "running")
    assert (running["steps"][0]["done"], running["steps"][0]["total"]) == (249, 250)


async def test_after_an_exception_no_item_begins_and_the_running_ones_finish(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    failed, finished = asyncio.Event(), set()

    async def works(number: int) -> int:
        ran[number] += 1
        if number == 1:
            while ran.total() < 3:
                await asyncio.sleep(0)
            failed.set()
            raise KeyError("one")
        await failed.wait()
        await asyncio.sleep(0.01)
        finished.add(number)
        return number

    @task("T")
    async def run(ctx: Context, _: Brief) -> None:
        await ctx.map("Working", works, range(10), limit=3, key=str)

    ended = await failed_with(store, make_dependencies(types=[run]), type="T", max_retries=0)
    assert ended.last_error == "internal error: KeyError", "it is not in a group"
    assert set(ran) == {0, 1, 2} and finished == {0, 2}
    assert await store.checkpoints.keys(ended.task_id) == {"Working:0:1", "Working:2:1"}
    assert [(step.status, step.done, step.total) for step in ended.steps] == [("failed", 2, 10)]


async def test_each_item_counts_towards_the_progress(
    make_dependencies: MakeDependencies, store: Store, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "PUBLISH_EVERY_S", 0.0)

    async def waits(number: int) -> int:
        while number and (await events(feed))[-1]["task"]["steps"][0].get("done") != number:
            await asyncio.sleep(0.005)
        return number

    @task("T", steps=["Waiting"])
    async def run(ctx: Context, _: Brief) -> list[int]:
        return await ctx.map("Waiting", waits, range(4), limit=1, key=str)

    made = await queued(store, type="T")
    async with asyncio.timeout(20):
        await run_task(made.task_id, make_dependencies(types=[run]))
    progress = {
        event["task"]["steps"][0].get("done"): event["task"]["progress"] for event in await events(feed)
    }
    assert (progress[1], progress[2], progress[3]) == (25, 50, 75)


@pytest.mark.parametrize("limit", [1, 3, 100])
async def test_at_most_so_many_items_run_at_once(
    make_dependencies: MakeDependencies, store: Store, limit: int
) -> None:
    running, most = 0, 0

    async def counts(_: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1

    @task("T")
    async def run(ctx: Context, _: Brief) -> None:
        await ctx.map("Counting", counts, range(8), limit=limit, key=str)

    made = await queued(store, type="T")
    await run_task(made.task_id, make_dependencies(types=[run]))
    assert most == min(limit, 8)


async def test_a_map_of_nothing_is_completed_at_once(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    @task("T")
    async def run(ctx: Context, _: Brief) -> list[int]:
        nothing: list[int] = []
        return await ctx.map("Adding", plus, nothing, 1, ctx)

    done = await attempted(store, make_dependencies(types=[run]), await queued(store, type="T"))
    assert (done.status, [step.status for step in done.steps]) == (TaskStatus.COMPLETED, ["completed"])
    assert await store.results.result_of(done, None) == []


async def test_equal_items_have_checkpoints_of_their_own(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    @task("T")
    async def run(ctx: Context, _: Brief) -> list[int]:
        numbers = await ctx.map("Adding", plus, [7, 7, 7], 1, ctx)
        if ctx.attempt < 2:
            raise Retry(after=0)
        return numbers

    made = await queued(store, type="T")
    for _ in range(2):
        await attempted(store, make_dependencies(types=[run]), made)
    assert ran == {7: 3}


async def test_a_limit_below_one_is_refused(make_dependencies: MakeDependencies, store: Store) -> None:
    @task("T")
    async def run(ctx: Context, _: Brief) -> Any:
        return await ctx.map("Adding", plus, [1], 1, ctx, limit=0)

    failed = await failed_with(store, make_dependencies(types=[run]), type="T")
    assert "limit must be 1 or more" in str(failed.last_error)
