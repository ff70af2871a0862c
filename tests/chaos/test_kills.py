"""Whatever is killed while a task runs: the task ends, once, and those who watch learn of it."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from itertools import pairwise
from typing import Any

import pytest

from herald.shared.launcher import embedded
from herald.shared.launcher.embedded import free_port
from herald.shared.settings import Settings
from herald.shared.tasks.models import Task, TaskStatus
from herald.shared.tasks.store import Store
from herald.shared.tokens import TokenIssuer
from tests.support.client import Herald
from tests.support.processes import WEB, WORKER, environment, ready, running

PLAN = {
    "type": "GENERATE_MEDIA_PLAN",
    "payload": {"objective": "Grow", "keywords": ["tea"], "settings": {"weeks": 4, "postsPerWeek": 3}},
}


class Stack:
    """Every process of Herald, each to be killed."""

    def __init__(
        self, settings: Settings, services: dict[str, embedded.Server], stack: AsyncExitStack
    ) -> None:
        self.settings = settings
        self.services = services
        self._stack = stack
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"

    def start_worker(self) -> subprocess.Popen[bytes]:
        variables = environment(self.settings, HERALD_OFFLINE_WORDS_PER_SECOND="80")
        return self._stack.enter_context(running(WORKER, variables))

    async def start_web(self) -> subprocess.Popen[bytes]:
        process = self._stack.enter_context(running(WEB, environment(self.settings, PORT=str(self.port))))
        await ready(self.address, process)
        return process

    def kill_service(self, variable: str) -> embedded.Server:
        server = self.services[variable]
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        return server


@pytest.fixture
async def stack(settings: Settings, services: dict[str, embedded.Server]) -> AsyncIterator[Stack]:
    async with AsyncExitStack() as exit_stack, asyncio.timeout(120):
        yield Stack(settings, services, exit_stack)


class Watcher:
    """A client that follows its user's tasks and comes back after every loss, as the official ones do.

    It begins at ``position`` (a subscribe request's `recover`, `epoch` and `offset`), if it has been here before.
    """

    def __init__(self, herald: Herald, user: str = "ada", position: dict[str, Any] | None = None) -> None:
        self._herald = herald
        self._channel = f"tasks#{user}"
        self._position = position or {}
        self.offsets: list[int] = []
        self.newest: dict[str, dict[str, Any]] = {}
        self.snapshots = 0

    async def run(self) -> None:
        position = self._position
        while True:
            try:
                async with self._herald.connected(
                    subs={self._channel: position} if position else {}
                ) as socket:
                    subscription = socket.hello["subs"][self._channel]
                    position = {
                        "recover": True,
                        "epoch": subscription["epoch"],
                        "offset": subscription["offset"],
                    }
                    if "data" in subscription:
                        self.snapshots += 1
                        self.offsets.clear()
                        self._take(subscription["data"]["tasks"])
                    for publication in subscription.get("publications", []):
                        self._publication(publication)
                    while True:
                        publication = await socket.publication()
                        self._publication(publication)
                        position["offset"] = publication["offset"]
            except (OSError, Exception):
                await asyncio.sleep(0.1)

    def _publication(self, publication: dict[str, Any]) -> None:
        self.offsets.append(publication["offset"])
        self._take([publication["data"]["task"]])

    def _take(self, tasks: list[dict[str, Any]]) -> None:
        for task in tasks:
            known = self.newest.get(task["taskId"], {"rev": 0, "tick": 0})
            if (task["rev"], task["tick"]) > (known["rev"], known["tick"]):
                self.newest[task["taskId"]] = task


async def until_running(store: Store, task_id: str, step: str) -> None:
    async with asyncio.timeout(30):
        while (task := await store.get(task_id)) is None or task.current_step != step:
            await asyncio.sleep(0.02)


async def until_ended(store: Store, watcher: Watcher, task_id: str) -> Task:
    while watcher.newest.get(task_id, {}).get("status") not in ("completed", "failed"):
        await asyncio.sleep(0.05)
    task = await store.get(task_id)
    assert task is not None
    assert task.status is TaskStatus.COMPLETED, task.last_error
    assert watcher.newest[task_id] == task.public().wire()
    assert await store.results.get("mediaPlanGroups", task_id) is not None
    assert sum(entry.status is TaskStatus.COMPLETED for entry in task.history) == 1
    return task


@pytest.mark.parametrize("victim", ["worker", "web", "HERALD_REDIS_URL", "HERALD_MONGO_URL"])
async def test_a_task_ends_and_is_watched_to_its_end(
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
        assert finished_before.completed_at < taken_over.at, "a step that was done was done again"
    steps = [after - before for before, after in pairwise(watcher.offsets)]
    assert set(steps) <= {1}, "an event was lost, came twice or came out of order"
    assert task.retry_count == 0
