"""What a context offers besides steps: progress, emitted data, drafts and state."""

import asyncio
from typing import Any

import pytest

from herald.shared.feed.feed import Feed
from herald.shared.task_api.context import Context
from herald.shared.task_api.errors import MisuseError, Retry
from herald.shared.task_api.task_type import task
from herald.shared.tasks.models import Task, TaskStatus
from herald.shared.tasks.store import Store
from herald.worker.engine import journal as journal_module
from herald.worker.engine.attempt import run_task
from tests.support.attempts import (
    MakeDependencies,
    attempted,
    deltas,
    events,
    failed_with,
    joined,
    loaded,
    messages_of,
    queued,
)
from tests.support.task_types import Brief, section_prompt


async def shown(feed: Feed, made: Task, condition: Any) -> None:
    """Wait until an event shows the task as ``condition`` wants it."""
    async with asyncio.timeout(20):
        while not any(condition(event["task"]) for event in await events(feed)):
            await asyncio.sleep(0.01)


# Facts about the task


async def test_a_context_tells_about_its_task_and_has_the_state_of_its_module(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    @task("T")
    async def run(ctx: Context[dict[str, int]], _: Brief) -> list[Any]:
        info = ctx.task
        assert (info.id, info.type, info.brand_id, info.title) == (made.task_id, "T", "acme", "Bells")
        assert (ctx.user_id, info.created_at, ctx.idempotency_key) == ("ada", made.created_at, info.id)
        assert not ctx.cancelled
        return [ctx.attempt, ctx.state["pool"]]

    made = await queued(store, type="T", brand_id="acme", title="Bells")
    done = await attempted(store, make_dependencies(types=[run], state={"pool": 7}), made)
    assert await store.results.result_of(done, None) == [1, 7]


async def test_a_step_has_an_idempotency_key_of_its_own_that_stays_the_same(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    keys: list[str] = []

    async def charge(ctx: Context, amount: int) -> int:
        keys.append(ctx.idempotency_key)
        if len(keys) < 2:
            raise Retry(after=0)
        return amount

    @task("T")
    async def run(ctx: Context, _: Brief) -> int:
        return await ctx.step("Charge", charge, ctx, 5, key="k")

    made = await queued(store, type="T")
    for _ in range(2):
        await attempted(store, make_dependencies(types=[run]), made)
    assert keys[0] == keys[1]
    assert keys[0].startswith(f"{made.task_id}:Charge:")


# The guard


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("method", ["step", "map"])
async def test_a_step_within_a_step_is_refused_whichever_context_it_uses(
    make_dependencies: MakeDependencies, store: Store, method: str, own: bool
) -> None:
    async def double(number: int) -> int:
        return 2 * number

    async def outer(ctx: Context) -> None:
        context = ctx if own else outside[0]
        if method == "step":
            await context.step("Inner", double, 1, key="k")
        else:
            await context.map("Inner", double, [1], key=str)

    outside: list[Context] = []

    @task("T")
    async def run(ctx: Context, _: Brief) -> None:
        outside.append(ctx)
        await ctx.step("Outer", outer, ctx, key="k")

    failed = await failed_with(store, make_dependencies(types=[run]), type="T")
    assert failed.last_error == (
        f"ctx.{method}('Inner') was called inside the step 'Outer'; call it in the task's function"
    )


async def test_a_synchronous_step_cannot_ask_the_model(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    def asks(ctx: Context) -> None:
        asyncio.run(ctx.ask_model(section_prompt("x")))

    @task("T")
    async def run(ctx: Context, _: Brief) -> None:
        await ctx.step("Asking", asks, ctx, key="k")

    failed = await failed_with(store, make_dependencies(types=[run]), type="T")
    assert "ctx.ask_model cannot be used in a synchronous step" in str(failed.last_error)


@pytest.mark.parametrize("name", ["", "x" * 201, "\ud800"])
async def test_the_name_of_a_step_is_limited(
    make_dependencies: MakeDependencies, store: Store, name: str
) -> None:
    async def one() -> int:
        return 1

    @task("T")
    async def run(ctx: Context, _: Brief) -> int:
        return await ctx.step(name, one, key="k")

    failed = await failed_with(store, make_dependencies(types=[run]), type="T")
    assert "1 to 200 characters" in str(failed.last_error)


# Progress


async def test_a_step_reports_its_progress_from_a_thread_too(
    make_dependencies: MakeDependencies, store: Store, feed: Feed
) -> None:
    loop = asyncio.get_running_loop()

    def renders(ctx: Context) -> bool:
        ctx.progress(0.5, "Rendering frame 50 of 100")
        waiting = shown(
            feed,
            made,
            lambda each: (each["progress"], each.get("currentStep")) == (25, "Rendering frame 50 of 100"),
        )
        asyncio.run_coroutine_threadsafe(waiting, loop).result(20)
        return ctx.cancelled

    @task("T", steps=["Rendering", "Uploading"])
    async def run(ctx: Context, _: Brief) -> bool:
        return await ctx.step("Rendering", renders, ctx, key="k")

    made = await queued(store, type="T")
    done = await attempted(store, make_dependencies(types=[run]), made)
    assert await store.results.result_of(done, None) is False


@pytest.mark.parametrize("declared", [True, False])
async def test_progress_outside_a_step_counts_only_without_declared_steps(
    make_dependencies: MakeDependencies, store: Store, feed: Feed, declared: bool
) -> None:
    @task("T", steps=["A"] if declared else [])
    async def run(ctx: Context, _: Brief) -> None:
        ctx.progress(0.4, "Thinking")
        await shown(feed, made, lambda each: each.get("currentStep") == "Thinking")
        ctx.progress(float("nan"), "\ud800")
        await asyncio.sleep(0)

    made = await queued(store, type="T")
    await run_task(made.task_id, make_dependencies(types=[run]))
    progress = {event["task"]["progress"] for event in await events(feed)}
    assert (40 in progress) is not declared
    assert max(progress - {100}) == (0 if declared else 40)


async def test_the_bar_learns_the_steps_of_a_type_from_its_last_run(
    make_dependencies: MakeDependencies, store: Store, feed: Feed
) -> None:
    async def nothing() -> None:
        pass

    @task("T")
    async def run(ctx: Context, _: Brief) -> None:
        for name in ("A", "B", "C", "D"):
            await ctx.step(name, nothing)

    for expected in ([0, 33, 33, 50, 50, 60, 60, 66], [0, 25, 25, 50, 50, 75, 75, 99]):
        made = await queued(store, type="T")
        await run_task(made.task_id, make_dependencies(types=[run]))
        progress = [
            event["task"]["progress"]
            for event in await events(feed)
            if event["type"] == "task.step" and event["task"]["taskId"] == made.task_id
        ]
        assert progress == expected


# Emitted data


async def test_emitted_data_is_published_on_the_task_s_channel_and_kept_in_the_task(
    make_dependencies: MakeDependencies, store: Store, feed: Feed
) -> None:
    def scores(ctx: Context) -> None:
        ctx.emit("score", {"home": 1})
        ctx.emit("score", {"home": 2})

    @task("T")
    async def run(ctx: Context, _: Brief) -> None:
        ctx.emit("phase", "first half")
        await ctx.step("Scoring", scores, ctx)
        ctx.emit("phase", "over")

    made = await queued(store, type="T")
    done = await attempted(store, make_dependencies(types=[run]), made)
    emitted = [each for each in await messages_of(feed, made) if each["type"] == "task.emitted"]
    assert [(each["name"], each["data"]) for each in emitted] == [
        ("phase", "first half"),
        ("score", {"home": 1}),
        ("score", {"home": 2}),
        ("phase", "over"),
    ]
    assert done.emitted == {"phase": "over", "score": {"home": 2}}
    assert [each["type"] for each in await messages_of(feed, made)][-1] == "task.completed"
    assert all(event["type"] != "task.emitted" for event in await events(feed))


async def test_emitted_data_is_stored_within_the_storing_interval_without_any_step(
    make_dependencies: MakeDependencies, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "PUBLISH_EVERY_S", 0.001)
    monkeypatch.setattr(journal_module, "STORE_EVERY_S", 0.01)

    @task("T")
    async def run(ctx: Context, _: Brief) -> None:
        ctx.emit("phase", 1)
        async with asyncio.timeout(20):
            while (await loaded(store, made)).emitted != {"phase": 1}:
                await asyncio.sleep(0.01)

    made = await queued(store, type="T")
    done = await attempted(store, make_dependencies(types=[run]), made)
    assert done.status is TaskStatus.COMPLETED


async def test_too_much_data_is_a_misuse(make_dependencies: MakeDependencies, store: Store) -> None:
    @task("T")
    async def run(ctx: Context, _: Brief) -> None:
        with pytest.raises(MisuseError):
            ctx.emit("phase", "x" * 20_000)

    done = await attempted(store, make_dependencies(types=[run]), await queued(store, type="T"))
    assert (done.status, done.emitted) == (TaskStatus.COMPLETED, None)


# Drafts


async def test_drafts_of_the_code_s_own_are_streamed(
    make_dependencies: MakeDependencies, store: Store, feed: Feed
) -> None:
    async def writes(number: int, ctx: Context) -> None:
        async with ctx.draft() as draft:
            for word in ("one ", "two ", f"{number}\ud800"):
                await asyncio.to_thread(draft.write, word)
        async with ctx.draft("title") as draft:
            draft.write("A title")

    @task("T")
    async def run(ctx: Context, _: Brief) -> None:
        async with ctx.draft("Preface") as draft:
            draft.write("Dear reader")
        await ctx.map("Writing", writes, [7, 8], ctx, limit=1)

    made = await queued(store, type="T")
    await run_task(made.task_id, make_dependencies(types=[run]))
    assert joined(await deltas(feed, made)) == {
        "Preface/Preface": "Dear reader",
        "Writing/1": "one two 7?",
        "Writing/2": "one two 8?",
        "Writing/title": "A title",
    }
