"""Redis comes back with the data of an earlier moment: no task is lost, and no client misses one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path

import pytest

from herald.shared.feed.feed import Feed
from herald.shared.settings import Settings
from herald.shared.tasks.store import Store
from herald.shared.tokens import TokenIssuer
from tests.chaos.stack import PLAN, until_ended, until_running
from tests.chaos.watcher import Watcher
from tests.support.client import Herald
from tests.support.older import WAYS, Forgetful
from tests.support.processes import WORKER, environment, running, web

CHANNEL = "tasks#ada"


@pytest.fixture(params=WAYS)
async def older(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Forgetful]:
    way: Callable[[Path], AbstractAsyncContextManager[Forgetful]] = request.param
    async with way(tmp_path) as opened:
        yield opened


async def test_every_task_ends_and_both_staying_and_returning_clients_see_it(
    settings: Settings, store: Store, older: Forgetful
) -> None:
    there = settings.model_copy(update={"redis_url": older.url})
    pace = environment(there, HERALD_OFFLINE_WORDS_PER_SECOND="800", HERALD_MAX_JOBS="2")
    async with asyncio.timeout(100), AsyncExitStack() as stack:
        worker = stack.enter_context(running(WORKER, pace))
        address = await stack.enter_async_context(web(there))
        herald = await stack.enter_async_context(Herald.at(address, TokenIssuer(there)))
        feed = await stack.enter_async_context(Feed.connect(there))
        stayed = Watcher(herald)
        watching = [asyncio.create_task(stayed.run())]

        # Its queue entry and lease come back although it has ended since.
        ended_since = (await herald.create(PLAN))["taskId"]
        await until_running(store, ended_since, "Writing posts")
        await older.remember()
        await until_ended(store, stayed, ended_since)
        # Redis loses these: two are running, one is queued.
        forgotten = [(await herald.create(PLAN))["taskId"] for _ in range(3)]
        for task_id in forgotten[:2]:
            await until_running(store, task_id, "Writing posts")
        left_at = (await feed.history(CHANNEL, limit=0)).position
        await older.go_back()

        # A client that disconnected here returns after its later offsets have been used again.
        later = [(await herald.create(PLAN))["taskId"] for _ in range(2)]
        while (await feed.history(CHANNEL, limit=0)).position.offset <= left_at.offset:
            await asyncio.sleep(0.02)
        returned = Watcher(herald, position={"recover": True, **left_at._asdict()})
        watching.append(asyncio.create_task(returned.run()))
        for task_id in [ended_since, *forgotten, *later]:
            for watcher in (stayed, returned):
                await until_ended(store, watcher, task_id)
        for task in watching:
            task.cancel()
        worker.terminate()
        await asyncio.to_thread(worker.wait, 15)  # it may reach Redis through a proxy in this process
