"""The steps of a task's function: what is run, stored, and not run again."""

import asyncio
import threading
from collections import Counter
from functools import partial
from typing import Any

import pytest
from pymongo.errors import OperationFailure

from herald.shared.feed.feed import Feed
from herald.shared.task_api.context import Context
from herald.shared.task_api.errors import Fail, Retry
from herald.shared.task_api.task_type import task
from herald.shared.tasks.models import TaskStatus
from herald.shared.tasks.store import Store
from herald.worker.engine import checkpoints as checkpoints_module
from herald.worker.engine.attempt import run_task
from tests.support.attempts import (
    MakeDependencies,
    attempted,
    events,
    failed_with,
    queued,
    retried_by_user,
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


async def test_a_fail_that_leaves_a_step_takes_the_same_way_in_every_attempt_until_the_user_retries(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    class TooLong(Fail):
        pass

    async def check() -> None:
        ran["check"] += 1
        raise TooLong("too long", reason="tooLong")

    caught: list[Fail] = []

    @task("T", retries=1)
    async def run(ctx: Context, _: Brief) -> None:
        try:
            await ctx.step("Check", check, key="")
        except Fail as failure:
            caught.append(failure)
            assert type(failure) is Fail
        if ctx.attempt < 2:
            raise Retry(after=0)
        raise Fail("over")

    made = await queued(store, type="T")
    for _ in range(2):
        failed = await attempted(store, make_dependencies(types=[run]), made)
    assert [(each.message, each.reason) for each in caught] == [("too long", "tooLong")] * 2
    assert ran["check"] == 1
    assert (failed.status, failed.last_error, failed.end_reason) == (TaskStatus.FAILED, "over", "failed")
    assert [step.status for step in failed.steps] == ["failed"]
    await attempted(store, make_dependencies(types=[run]), await retried_by_user(store, failed))
    assert ran["check"] == 2


async def test_a_failing_step_is_run_again_at_once_as_often_as_it_has_retries(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    async def flaky(succeeds_after: int) -> int:
        ran["flaky"] += 1
        if ran["flaky"] <= succeeds_after:
            raise ValueError("flaky")
        return ran["flaky"]

    @task("T")
    async def run(ctx: Context, _: Brief) -> int:
        return await ctx.step("Flaky", flaky, 2, key="k", retries=2)

    done = await attempted(store, make_dependencies(types=[run]), await queued(store, type="T"))
    assert await store.results.result_of(done, None) == 3

    async def fails() -> int:
        ran["fails"] += 1
        raise error

    @task("U")
    async def run_failing(ctx: Context, _: Brief) -> int:
        return await ctx.step("Fails", fails, key="k", retries=2)

    for error, times in ((ValueError(), 3), (Fail("no"), 1), (Retry("later"), 1)):
        ran.clear()
        await attempted(store, make_dependencies(types=[run_failing]), await queued(store, type="U"))
        assert ran["fails"] == times, error


async def test_a_step_has_a_time_limit_of_its_own(make_dependencies: MakeDependencies, store: Store) -> None:
    async def hangs() -> None:
        await asyncio.Event().wait()

    caught: list[str] = []

    @task("T", retries=0)
    async def run(ctx: Context, _: Brief) -> None:
        try:
            await ctx.step("Hangs", hangs, key="k", timeout=0.01)
        except TimeoutError as error:
            caught.append(str(error))
            raise

    failed = await failed_with(store, make_dependencies(types=[run]), type="T", max_retries=0)
    assert caught == [failed.last_error] == ["the step 'Hangs' took longer than 0.01 s"]
    assert failed.end_reason == "timeout"


async def test_an_exception_of_the_task_s_own_database_counts_as_a_failure(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    async def reads() -> None:
        raise OperationFailure("of a database of the team's own")

    @task("T")
    async def run(ctx: Context, _: Brief) -> None:
        await ctx.step("Reads", reads, key="k")

    failed = await failed_with(store, make_dependencies(types=[run]), type="T", max_retries=0)
    assert failed.last_error == "internal error: OperationFailure"


@pytest.mark.parametrize(
    ("name", "message"), [("large", "this is 1048577"), ("many", "3 checkpoints at most")]
)
async def test_checkpoints_are_limited_in_size_and_number(
    make_dependencies: MakeDependencies,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    message: str,
) -> None:
    monkeypatch.setattr(checkpoints_module, "MAX_CHECKPOINTS", 3)

    async def text(length: int) -> str:
        return "x" * length

    @task("T")
    async def run(ctx: Context, _: Brief) -> None:
        if name == "large":
            await ctx.step("Text", text, 1024 * 1024 - 1, key="k")
        for number in range(4):
            await ctx.step("Text", text, 1, key=str(number))

    failed = await failed_with(store, make_dependencies(types=[run]), type="T")
    assert (failed.end_reason, failed.retry_count) == ("internal", 0)
    assert str(failed.last_error).startswith("step 'Text': ") and message in str(failed.last_error)


async def not_annotated():  # type: ignore[no-untyped-def]
    return 1


async def wrongly_annotated() -> int:
    return "x"  # type: ignore[return-value]


async def takes(client: object) -> int:
    return 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((not_annotated,), "needs a return annotation"),
        ((wrongly_annotated,), "returned a value of type str"),
        ((takes, object()), "the argument 'client' (object) has no JSON form"),
        ((lambda: 1,), "needs key="),
    ],
)
async def test_a_misuse_fails_the_task_at_once_and_says_what_to_change(
    make_dependencies: MakeDependencies, store: Store, arguments: Any, message: str
) -> None:
    @task("T")
    async def run(ctx: Context, _: Brief) -> None:
        await ctx.step("Misused", *arguments)

    failed = await failed_with(store, make_dependencies(types=[run]), type="T")
    assert (failed.end_reason, failed.retry_count) == ("internal", 0)
    assert str(failed.last_error).startswith("step 'Misused'") and message in str(failed.last_error)


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


async def test_code_that_exits_the_process_fails_its_attempt_only(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    async def leaves(_: int) -> None:
        ran["leaves"] += 1
        raise SystemExit(1)

    @task("T")
    async def run(ctx: Context, brief: Brief) -> None:
        if brief.topic == "step":
            await ctx.map("Leaves", leaves, [1, 2], key=str)
        raise SystemExit(1)

    for topic in ("step", "task"):
        payload = {"topic": topic}
        failed = await failed_with(
            store, make_dependencies(types=[run]), type="T", payload=payload, max_retries=0
        )
        assert failed.end_reason == "internal"
    assert ran["leaves"]
