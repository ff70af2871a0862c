"""mypy infers the results of steps; this module is checked by it, and its functions are never called."""

from collections.abc import Awaitable
from typing import assert_type

from herald.shared.task_api.context import Context
from herald.shared.task_api.prompt import Prompt
from herald.shared.task_api.task_type import TaskType, task
from tests.support.task_types import Brief, Outline, Report


async def asynchronous(ctx: Context, brief: Brief) -> Outline:
    raise NotImplementedError


def synchronous(text: str) -> list[str]:
    raise NotImplementedError


async def with_default(number: int, times: int = 2) -> float:
    raise NotImplementedError


def with_default_sync(number: int, times: int = 2) -> bytes:
    raise NotImplementedError


def awaitable(number: int) -> Awaitable[str]:
    raise NotImplementedError


class Pool:
    """The state of a task's module."""


@task("TYPED", steps=["A"])
async def typed(ctx: Context[Pool], brief: Brief) -> Report:
    assert_type(ctx.state, Pool)
    assert_type(await ctx.step("A", synchronous, "x"), list[str])
    assert_type(await ctx.step("A", with_default, 1), float)
    assert_type(await ctx.step("A", with_default, 1, 3, key="k", retries=2, timeout=5), float)
    assert_type(await ctx.step("A", with_default_sync, 1), bytes)
    assert_type(await ctx.step("A", awaitable, 1), str)
    assert_type(await ctx.map("A", with_default, [1, 2]), list[float])
    assert_type(await ctx.map("A", with_default, [1, 2], 3, limit=2, key=str), list[float])
    assert_type(await ctx.map("A", synchronous, {"a", "b"}), list[list[str]])
    assert_type(await ctx.ask_model(Prompt("…", {}, Outline)), Outline)
    await ctx.step("A", synchronous, 1)  # type: ignore[arg-type]
    await ctx.step("A", with_default)  # type: ignore[call-arg, arg-type]
    await ctx.map("A", synchronous, [1])  # type: ignore[call-arg, arg-type]
    return Report(sections=[])


@task("UNTYPED")
async def without_state(ctx: Context, brief: Brief) -> Report:
    assert_type(ctx.state, None)
    assert_type(await ctx.step("A", asynchronous, ctx, brief), Outline)
    return Report(sections=[])


def test_a_task_type_knows_the_types_of_its_payload_and_result() -> None:
    assert_type(typed, TaskType[Pool, Brief, Report])
    assert_type(without_state, TaskType[None, Brief, Report])
    assert (typed.payload, typed.result) == (Brief, Report)
