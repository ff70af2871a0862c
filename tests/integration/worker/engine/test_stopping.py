"""An attempt that has to stop: its code is cancelled, and abandoned if it does not end."""

import asyncio
import threading
from contextlib import suppress
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from herald.shared.observability import metrics
from herald.shared.task_api.context import Context
from herald.shared.task_api.task_type import task
from herald.shared.tasks.models import Task, TaskStatus, now
from herald.shared.tasks.store import Store
from herald.worker.attempts import StopReason
from herald.worker.dependencies import Dependencies
from herald.worker.engine import supervision
from herald.worker.engine.attempt import run_task
from herald.worker.engine.claims import RunAgainError
from tests.support.attempts import MakeDependencies, attempted, failed_with, loaded, queued
from tests.support.task_types import Brief


async def nothing() -> None:
    pass


async def stopped(dependencies: Dependencies, made: Task, begun: asyncio.Event, reason: StopReason) -> None:
    """Run a task until it has begun, then stop it."""
    running = asyncio.create_task(run_task(made.task_id, dependencies))
    async with asyncio.timeout(20):
        await begun.wait()
        for attempt in dependencies.running.now():
            attempt.stop(reason)
        await running


async def test_every_call_of_a_context_raises_once_the_attempt_is_stopped(
    make_dependencies: MakeDependencies, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "STOP_WITHIN_S", 0.05)
    before = metrics.ATTEMPTS_ABANDONED._value.get()
    begun, gone_on, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()
    raised: list[str] = []

    @task("T")
    async def stubborn(ctx: Context, _: Brief) -> None:
        begun.set()
        while not gone_on.is_set():
            try:
                await gone_on.wait()
            except asyncio.CancelledError:
                assert ctx.cancelled
        for name, call in (
            ("step", lambda: ctx.step("A", nothing)),
            ("map", lambda: ctx.map("A", nothing, [1])),  # type: ignore[arg-type, call-arg]
            ("progress", lambda: ctx.progress(0.5)),
            ("emit", lambda: ctx.emit("a", 1)),
        ):
            try:
                result: Any = call()
                if result is not None:
                    await result
            except asyncio.CancelledError:
                raised.append(name)
        ended.set()

    made = await queued(store, type="T")
    with pytest.raises(RunAgainError):
        await stopped(make_dependencies(types=[stubborn]), made, begun, StopReason.SHUTDOWN)
    assert metrics.ATTEMPTS_ABANDONED._value.get() - before == 1
    handed_back = await loaded(store, made)
    assert (handed_back.status, handed_back.retry_count) == (TaskStatus.RETRYING, 0)
    gone_on.set()
    await ended.wait()
    assert raised == ["step", "map", "progress", "emit"]
    assert await loaded(store, made) == handed_back


async def test_a_result_that_comes_after_the_stop_is_discarded(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    begun = asyncio.Event()

    @task("T")
    async def swallows(_: Context, __: Brief) -> str:
        begun.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return "too late"

    made = await queued(store, type="T")
    with pytest.raises(RunAgainError):
        await stopped(make_dependencies(types=[swallows]), made, begun, StopReason.SHUTDOWN)
    assert (await loaded(store, made)).status is TaskStatus.RETRYING


async def test_a_cancelled_task_s_synchronous_step_is_abandoned(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    loop, begun = asyncio.get_running_loop(), asyncio.Event()
    saw = threading.Event()

    def works(ctx: Context) -> None:
        loop.call_soon_threadsafe(begun.set)
        while not ctx.cancelled:
            threading.Event().wait(0.005)
        saw.set()

    @task("T")
    async def run(ctx: Context, _: Brief) -> None:
        await ctx.step("Working", works, ctx, key="k")

    made = await queued(store, type="T")
    dependencies = make_dependencies(types=[run])
    running = asyncio.create_task(run_task(made.task_id, dependencies))
    await begun.wait()
    cancelled = await store.transition(made.task_id, TaskStatus.CANCELLED, by="user", completed_at=now())
    dependencies.running.stop(made.task_id)
    await running
    assert await asyncio.to_thread(saw.wait, 10)
    assert await loaded(store, made) == cancelled


async def test_code_cannot_swallow_an_outage_of_mongodb(
    make_dependencies: MakeDependencies, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(*_: Any, **__: Any) -> str:
        raise AutoReconnect("gone")

    @task("T")
    async def run(ctx: Context, _: Brief) -> str:
        try:
            await ctx.step("A", nothing, key="k")
        except Exception:
            return "another branch"
        return "done"

    made = await queued(store, type="T")
    with monkeypatch.context() as patched:
        patched.setattr(store.checkpoints, "add", gone)
        with pytest.raises(AutoReconnect):
            await run_task(made.task_id, make_dependencies(types=[run]))
    done = await attempted(store, make_dependencies(types=[run]), made)
    assert await store.results.result_of(done, None) == "done"


async def test_nothing_is_stored_for_an_attempt_whose_lease_may_have_run_out_and_that_was_superseded(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    async def taken_over() -> None:
        for attempt in dependencies.running.now():
            attempt.lease_until = 0.0
        await store.transition(made.task_id, TaskStatus.PROCESSING, by="w2", attempt=2)

    @task("T")
    async def run(ctx: Context, _: Brief) -> None:
        await ctx.step("A", taken_over, key="k")

    dependencies = make_dependencies(types=[run])
    made = await queued(store, type="T")
    await run_task(made.task_id, dependencies)
    assert await store.checkpoints.keys(made.task_id) == set()
    assert (await loaded(store, made)).attempt == 2


async def test_a_result_of_another_type_fails_the_task(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    @task("T")
    async def run(_: Context, __: Brief) -> list[int]:
        return "x"  # type: ignore[return-value]

    failed = await failed_with(store, make_dependencies(types=[run]), type="T")
    assert "the task T returned a value of type str" in str(failed.last_error)


async def test_a_result_that_mongodb_cannot_store_fails_the_task(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    @task("T")
    async def run(_: Context, __: Brief) -> int:
        return 2**64

    failed = await failed_with(store, make_dependencies(types=[run]), type="T")
    assert "the result of T cannot be stored in MongoDB" in str(failed.last_error)


async def test_code_that_cancels_itself_fails(make_dependencies: MakeDependencies, store: Store) -> None:
    @task("T")
    async def run(_: Context, __: Brief) -> None:
        raise asyncio.CancelledError

    failed = await failed_with(store, make_dependencies(types=[run]), type="T", max_retries=0)
    assert failed.last_error == "internal error: CancelledError"


async def test_code_that_outlives_its_function_cannot_use_the_context(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    ended, left = asyncio.Event(), []

    async def lingers(ctx: Context) -> None:
        await ended.wait()
        ctx.emit("late", 1)

    @task("T")
    async def run(ctx: Context, _: Brief) -> None:
        left.append(asyncio.create_task(lingers(ctx)))

    done = await attempted(store, make_dependencies(types=[run]), await queued(store, type="T"))
    assert done.status is TaskStatus.COMPLETED
    ended.set()
    with pytest.raises(asyncio.CancelledError):
        await left[0]
