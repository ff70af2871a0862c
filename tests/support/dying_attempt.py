"""Runs the attempt at a task of `die_once` that its process does not survive: ``python -m … TASK_ID``."""

import asyncio
import os
import signal
import sys

from herald.shared.feed.feed import Feed
from herald.shared.settings import load
from herald.shared.task_api.context import Context
from herald.shared.task_api.task_type import task
from herald.shared.tasks.store import Store
from herald.worker.engine.attempt import run_task
from herald.worker.llm.offline import OfflineProvider
from tests.support.attempts import dependencies_of
from tests.support.task_types import Brief, section_prompt


async def first(ctx: Context, brief: Brief) -> list[int]:
    """The id of the process that ran it."""
    await ctx.ask_model(section_prompt(brief.topic))
    return [os.getpid()]


async def second(number: int, first_pids: list[int], ctx: Context) -> int:
    """The id of the process; in the first attempt, it is killed at item 2."""
    if number == 2 and ctx.attempt == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()


@task("DIE_ONCE")
async def die_once(ctx: Context, brief: Brief) -> list[int]:
    """The ids of the processes that ran the first step and each of three items."""
    pids = await ctx.step("First", first, ctx, brief)
    return pids + await ctx.map("Second", second, [1, 2, 3], pids, ctx, limit=1)


async def main(task_id: str) -> None:
    settings = load()
    async with Store.connect(settings) as store, Feed.connect(settings) as feed:
        dependencies = dependencies_of(
            settings, store, feed, OfflineProvider(0), die_once, worker_id="doomed"
        )
        await run_task(task_id, dependencies)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
