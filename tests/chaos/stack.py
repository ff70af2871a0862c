"""All processes of a Herald, each of which a test can kill, and helpers to wait for its tasks."""

import asyncio
import os
import signal
import subprocess
from contextlib import AsyncExitStack

from herald.shared.launcher import embedded
from herald.shared.launcher.embedded import free_port
from herald.shared.settings import Settings
from herald.shared.tasks.models import Task, TaskStatus
from herald.shared.tasks.store import Store
from tests.chaos.watcher import Watcher
from tests.support.processes import WEB, WORKER, environment, ready, running

PLAN = {
    "type": "GENERATE_MEDIA_PLAN",
    "payload": {"objective": "Grow", "keywords": ["tea"], "settings": {"weeks": 4, "postsPerWeek": 3}},
}


class Stack:
    """The processes of one Herald. They are stopped when ``stack`` is closed."""

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


async def until_running(store: Store, task_id: str, step: str) -> None:
    """Wait until the task runs a step."""
    async with asyncio.timeout(30):
        while (task := await store.get(task_id)) is None or task.current_step != step:
            await asyncio.sleep(0.02)


async def until_ended(store: Store, watcher: Watcher, task_id: str) -> Task:
    """Wait until the watcher sees the plan completed, and check that it was completed once and has a result."""
    while watcher.newest.get(task_id, {}).get("status") not in ("completed", "failed"):
        await asyncio.sleep(0.05)
    task = await store.get(task_id)
    assert task is not None
    assert task.status is TaskStatus.COMPLETED, task.last_error
    assert watcher.newest[task_id] == task.public().wire()
    assert await store.results.get("mediaPlanGroups", task_id) is not None
    assert sum(entry.status is TaskStatus.COMPLETED for entry in task.history) == 1
    return task
