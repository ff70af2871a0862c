"""Tasks run in tests as they do in production, but without any service and without waiting."""

import asyncio
import itertools
import socket
from collections.abc import Iterator
from threading import Event
from time import sleep
from typing import Any

import pytest
from pydantic import BaseModel

from herald import Backoff, Context, Fail, MisuseError, Prompt, Retry, TaskType, task
from herald.shared.tasks.models import TaskStatus
from herald.testing import run, run_sync
from tests.unit.worker.testing.press_release import NEWS, News, Release, write_press_release

HOUR = 3600.0
numbers = itertools.count()


class Empty(BaseModel):
    pass


def a_number() -> int:
    return next(numbers)


def same(value: int) -> int:
    return value


def test_a_task_runs_to_its_result() -> None:
    done = run_sync(write_press_release, NEWS)
    assert done.result == Release(paragraphs=["The kiln is lit.", "Why it matters.", "Contact."])
    assert (done.task.title, done.task.status, done.task.attempt) == ("The kiln is lit", "completed", 1)


def test_neither_the_network_nor_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setenv("HERALD_ENV", "production")
    monkeypatch.setenv("HERALD_MAX_JOBS", "not a number")
    assert run_sync(write_press_release, NEWS).result.paragraphs


async def test_a_finished_step_is_not_repeated_after_a_crash() -> None:
    done = await run(write_press_release, NEWS, crash_after="Finding the angle")
    assert done.steps["Finding the angle"].ran_in == [1]
    assert done.steps["Writing"].ran_in == [2, 2, 2]
    assert done.task.attempt == 2 and done.task.retry_count == 0
    assert len(done.result.paragraphs) == 3


async def test_a_crash_in_a_map_repeats_only_the_items_without_a_checkpoint() -> None:
    done = await run(write_press_release, NEWS, crash_after="Writing")
    assert sorted(done.steps["Writing"].ran_in) == [1, 1, 1, 2, 2]
    assert len(done.result.paragraphs) == 3


async def test_a_crash_after_an_unknown_step_is_an_error() -> None:
    with pytest.raises(AssertionError, match=r"crash_after='Painting': .* 'Finding the angle', 'Writing'"):
        await run(write_press_release, NEWS, crash_after="Painting")


async def test_a_step_whose_arguments_change_between_attempts_is_an_error() -> None:
    @task("CHARGE")
    async def charge(ctx: Context, _: Empty) -> int:
        return await ctx.step("Charging", same, a_number())

    with pytest.raises(AssertionError, match=r"attempt 2 did not use .* 'Charging'"):
        await run(charge, Empty(), crash_after="Charging")


async def test_an_answer_beneath_a_step_that_is_repeated_is_used() -> None:
    @task("RETRY_ONCE")
    async def retry_once(ctx: Context, _: Empty) -> int:
        return await ctx.step("Trying", try_twice, ctx, key="once")

    done = await run(retry_once, Empty(), model=[{"value": 7}])
    assert (done.result, done.steps["Trying"].ran_in, len(done.prompts)) == (7, [1, 2], 1)


class Number(BaseModel):
    value: int


async def try_twice(ctx: Context) -> int:
    answer = await ctx.ask_model(Prompt("Say a number.", {}, Number))
    if ctx.attempt == 1:
        raise ValueError("not yet")
    return answer.value


@pytest.mark.parametrize("failure", [Retry("busy", after=HOUR), ValueError("busy")])
async def test_a_failed_attempt_is_repeated_at_once(failure: Exception) -> None:
    @task("FLAKY", backoff=Backoff(first=HOUR, most=HOUR))
    async def flaky(ctx: Context, _: Empty) -> int:
        kept = await ctx.step("Keeping", a_number)
        if ctx.attempt < 3:
            raise failure
        return kept

    done = await run(flaky, Empty())
    assert (done.task.attempt, done.task.retry_count) == (3, 2)
    assert done.steps["Keeping"].ran_in == [1]
    assert done.errors == [failure, failure]


async def test_the_result_of_a_failed_task_raises_what_its_code_raised() -> None:
    @task("BROKEN", retries=1)
    async def broken(_: Context, __: Empty) -> int:
        raise KeyError("price")

    failed = await run(broken, Empty())
    assert (failed.task.status, failed.task.attempt, len(failed.errors)) == (TaskStatus.FAILED, 2, 2)
    with pytest.raises(
        AssertionError, match="BROKEN has failed in attempt 2: internal error: KeyError"
    ) as raised:
        _ = failed.result
    assert isinstance(raised.value.__cause__, KeyError)


async def test_a_task_that_gives_up_has_its_message_and_reason() -> None:
    @task("GIVE_UP")
    async def give_up(_: Context, __: Empty) -> int:
        raise Fail("Out of stock. Try again in May", reason="outOfStock")

    failed = (await run(give_up, Empty())).task
    assert (failed.status, failed.attempt) == (TaskStatus.FAILED, 1)
    assert (failed.last_error, failed.end_reason) == ("Out of stock. Try again in May", "outOfStock")


async def test_a_crash_before_the_step_in_a_failing_task_names_the_failure() -> None:
    @task("FAIL_FIRST")
    async def fail_first(_: Context, __: Empty) -> int:
        raise Fail("Nothing to do")

    with pytest.raises(AssertionError, match="Nothing to do"):
        await run(fail_first, Empty(), crash_after="Later")


async def test_the_state_is_the_one_that_is_given() -> None:
    @task("LOG")
    async def log(ctx: Context[list[str]], _: Empty) -> int:
        ctx.state.append(f"attempt {ctx.attempt}")
        return len(ctx.state)

    lines: list[str] = []
    assert (await run(log, Empty(), state=lines)).result == 1
    assert lines == ["attempt 1"]


async def test_code_that_goes_on_after_a_crash_cannot_store_anything() -> None:
    @task("STUBBORN")
    async def stubborn(ctx: Context, _: Empty) -> int:
        try:
            return await ctx.step("First", same, 1)
        finally:
            if ctx.attempt == 1:
                with pytest.raises(BaseException):  # noqa: B017
                    await ctx.step("Second", same, 2)

    done = await run(stubborn, Empty(), crash_after="First")
    assert done.result == 1 and list(done.steps) == ["First"]


async def test_a_type_without_its_code_cannot_run() -> None:
    declared: TaskType[Any, News, Release] = TaskType.declare("WRITE_PRESS_RELEASE", News, Release)
    failed = await run(declared, NEWS)
    assert "the type was only declared" in str(failed.task.last_error)


async def test_what_a_test_sees_of_a_task_is_independent_of_other_tests() -> None:
    first, second = await run(write_press_release, NEWS), await run(write_press_release, NEWS)
    assert first.progress == second.progress
    assert first.task.task_id != second.task.task_id


async def test_a_step_that_succeeded_after_failed_calls_is_not_repeated() -> None:
    results: Iterator[ValueError | int] = iter([ValueError("busy"), ValueError("busy"), 1, 2])

    def flaky() -> int:
        found = next(results)
        if isinstance(found, ValueError):
            raise found
        return found

    @task("TRY_UNTIL_IT_WORKS")
    async def try_until_it_works(ctx: Context, _: Empty) -> int:
        while True:
            try:
                return await ctx.step("Trying", flaky, key="once")
            except ValueError:
                continue

    done = await run(try_until_it_works, Empty(), crash_after="Trying")
    assert done.result == 1
    assert done.steps["Trying"].ran_in == [1, 1, 1]


async def test_items_of_a_map_that_failed_have_the_same_checkpoints_when_it_is_called_again() -> None:
    failed = False

    def once(item: int) -> int:
        nonlocal failed
        if item == 1 and not failed:
            failed = True
            raise ValueError("busy")
        return item

    @task("MAP_TWICE")
    async def map_twice(ctx: Context, _: Empty) -> list[int]:
        for _attempt in range(2):
            try:
                return await ctx.map("Trying", once, [0, 1, 2], key=str, limit=1)
            except ValueError:
                continue
        return await ctx.map("Trying", once, [0, 1, 2], key=str)

    done = await run(map_twice, Empty(), crash_after="Trying")
    assert done.result == [0, 1, 2]


class PanicException(BaseException):
    """As libraries that are written in Rust raise it."""


async def test_exceptions_that_are_no_exception_fail_the_attempt_too() -> None:
    @task("PANIC", retries=1)
    async def panic(ctx: Context, _: Empty) -> None:
        raise PanicException("index out of range")

    done = await run(panic, Empty())
    assert (done.task.status, done.task.attempt) == (TaskStatus.FAILED, 2)
    assert done.task.last_error == "internal error: PanicException"


async def test_a_failure_may_have_an_exception_as_its_message() -> None:
    def refuse() -> None:
        raise Fail(ValueError("no news"))  # type: ignore[arg-type]

    @task("REFUSE")
    async def refused(ctx: Context, _: Empty) -> None:
        await ctx.step("Refusing", refuse, key="refuse")

    done = await run(refused, Empty())
    assert (done.task.last_error, done.task.attempt) == ("no news", 1)


def test_the_delay_of_a_retry_is_a_number_of_seconds() -> None:
    with pytest.raises(MisuseError, match="seconds"):
        Retry("later", after="5")  # type: ignore[arg-type]


async def test_a_sync_step_that_took_too_long_can_tell_that_it_is_over() -> None:
    told = Event()

    def slow(ctx: Context, times: list[int]) -> int:
        if ctx.attempt == 1 and not told.is_set():
            while not ctx.cancelled:
                sleep(0.001)
            told.set()
        return len(times)

    @task("TOO_SLOW")
    async def too_slow(ctx: Context, _: Empty) -> int:
        return await ctx.step("Waiting", slow, ctx, [1], key="wait", retries=1, timeout=0.05)

    done = await run(too_slow, Empty())
    assert done.result == 1
    assert await asyncio.to_thread(told.wait, 10)
