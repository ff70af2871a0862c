"""A process is killed while a task runs: the task completes once, and its watcher misses nothing."""

import asyncio
from itertools import pairwise

import pytest

from herald.shared.settings import Settings
from herald.shared.tasks.store import Store
from herald.shared.tokens import TokenIssuer
from tests.chaos.stack import PLAN, Stack, until_ended, until_running
from tests.chaos.watcher import Watcher
from tests.support.client import Herald


@pytest.mark.parametrize("victim", ["worker", "web", "HERALD_REDIS_URL", "HERALD_MONGO_URL"])
async def test_a_task_completes_once_and_its_watcher_sees_every_event(
    stack: Stack, store: Store, settings: Settings, victim: str
) -> None:
    worker, web = stack.start_worker(), await stack.start_web()
    async with Herald.at(stack.address, TokenIssuer(settings)) as herald:
        watcher = Watcher(herald)
        watching = asyncio.create_task(watcher.run())
        task_id = (await herald.create(PLAN))["taskId"]
        await until_running(store, task_id, "Writing posts")
        match victim:
            case "worker":
                stack.start_worker()
                worker.kill()
            case "web":
                web.kill()
                web.wait()
                await stack.start_web()
            case _:
                server = stack.kill_service(victim)
                await asyncio.sleep(1)
                server.start()
        task = await until_ended(store, watcher, task_id)
        watching.cancel()
    if victim == "worker":
        assert task.attempt == 2
        finished_before = task.steps[0]
        assert finished_before.completed_at is not None
        taken_over = task.history[-2]
        assert finished_before.completed_at < taken_over.at, "a completed step ran again"
    steps = [after - before for before, after in pairwise(watcher.offsets)]
    assert set(steps) <= {1}, "an event was lost, repeated or out of order"
    assert task.retry_count == 0
