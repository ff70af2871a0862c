"""Steps that fail, and code that uses them wrongly."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from pymongo.errors import OperationFailure

from herald.shared.task_api.context import Context
from herald.shared.task_api.errors import Fail, Retry
from herald.shared.task_api.task_type import task
from herald.shared.tasks.models import TaskStatus
from herald.shared.tasks.store import Store
from herald.worker.engine import checkpoints as checkpoints_module
from tests.support.attempts import (
    MakeDependencies,
    attempted,
    failed_with,
    queued,
    retried_by_user,
)
from tests.support.task_types import Brief

ran: Counter[str] = Counter()


@pytest.fixture(autouse=True)
def _forget() -> None:
    ran.clear()


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
