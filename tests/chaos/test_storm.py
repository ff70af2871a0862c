"""Hundreds of tasks run while workers, hubs, Redis and MongoDB are killed at random; each task ends exactly once.

``STORM_S=300 pytest -s tests/chaos/test_storm.py`` runs longer and prints how often each process was killed.
"""

import asyncio
import os
import random
import signal
import subprocess
from contextlib import ExitStack
from itertools import pairwise
from typing import Any

import httpx2

from herald.shared.launcher import embedded
from herald.shared.launcher.embedded import free_port
from herald.shared.settings import Settings
from herald.shared.tasks.models import ENDED, TRANSITIONS, EndReason, Task, TaskStatus
from herald.shared.tasks.store import Store
from herald.shared.tokens import TokenIssuer
from tests.chaos.watcher import Watcher
from tests.support.client import Herald
from tests.support.processes import WEB, WORKER, environment, ready, running

STORM_S = float(os.environ.get("STORM_S", "60"))
TASKS = round(3.5 * STORM_S)
USERS = 7
WORKERS, HUBS = 3, 2
BODIES: list[dict[str, Any]] = [
    {"type": "AUTO_GENERATE_PERSONAS", "payload": {"product": "A bicycle bell", "count": 2}},
    {"type": "GENERATE_BRAND_KIT", "payload": {"brandName": "Ada", "description": "Tea"}},
    {
        "type": "GENERATE_MEDIA_PLAN",
        "payload": {"objective": "Grow", "keywords": ["tea"], "settings": {"weeks": 2, "postsPerWeek": 2}},
    },
]


class Storm:
    """Runs several workers and hubs, and kills a random process every second or two."""

    def __init__(self, settings: Settings, services: dict[str, embedded.Server], stack: ExitStack) -> None:
        self._settings = settings
        self._services = {
            "redis": services["HERALD_REDIS_URL"],
            "mongo": services["HERALD_MONGO_URL"],
        }
        self._stack = stack
        self._chance = random.Random(11)
        self.ports = [free_port() for _ in range(HUBS)]
        self._workers = [self._worker() for _ in range(WORKERS)]
        self._hubs = [self._hub(port) for port in self.ports]
        self.kills = {"worker": 0, "hub": 0, "redis": 0, "mongo": 0}

    def _worker(self) -> subprocess.Popen[bytes]:
        variables = environment(
            self._settings,
            HERALD_OFFLINE_WORDS_PER_SECOND="150",
            HERALD_WORKER_GRACE_S="1",
            HERALD_MAX_JOBS="8",
        )
        return self._stack.enter_context(running(WORKER, variables))

    def _hub(self, port: int) -> subprocess.Popen[bytes]:
        return self._stack.enter_context(running(WEB, environment(self._settings, PORT=str(port))))

    async def until_ready(self) -> None:
        for port, process in zip(self.ports, self._hubs, strict=True):
            await ready(f"127.0.0.1:{port}", process)

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + STORM_S
        while loop.time() < until:
            await asyncio.sleep(self._chance.uniform(0.5, 2.5))
            victim = self._chance.choices(list(self.kills), [5, 3, 1, 2])[0]
            self.kills[victim] += 1
            match victim:
                case "worker":
                    place = self._chance.randrange(WORKERS)
                    gently = self._chance.random() < 0.3
                    self._workers[place].send_signal(signal.SIGTERM if gently else signal.SIGKILL)
                    self._workers[place] = self._worker()
                case "hub":
                    place = self._chance.randrange(HUBS)
                    self._hubs[place].kill()
                    self._hubs[place].wait()
                    self._hubs[place] = self._hub(self.ports[place])
                case _:
                    server = self._services[victim]
                    assert server.pid is not None
                    os.kill(server.pid, signal.SIGKILL)
                    await asyncio.sleep(0.5)
                    server.start()


async def accepted(heralds: list[Herald], number: int) -> str:
    """Request a task until it is accepted; the idempotency key prevents duplicates."""
    while True:
        herald = heralds[number % len(heralds)].other(f"user{number % USERS}")
        try:
            response = await herald.post(
                "/api/jobs", json=BODIES[number % len(BODIES)], headers={"Idempotency-Key": f"key-{number}"}
            )
            if response.status_code == 202:
                task_id: str = response.json()["taskId"]
                return task_id
            assert response.status_code >= 500, response.text
        except httpx2.TransportError:
            pass
        await asyncio.sleep(0.3)


async def all_ended(store: Store, task_ids: list[str]) -> list[Task]:
    while True:
        tasks = [await store.get(task_id) for task_id in task_ids]
        found = [task for task in tasks if task is not None]
        if len(found) == len(task_ids) and all(task.status in ENDED for task in found):
            return found
        await asyncio.sleep(0.5)


async def results_of(store: Store, task: Task) -> int:
    if task.type == "AUTO_GENERATE_PERSONAS":
        return len(await store.results.of_task("personas", task.task_id))
    collection = {"GENERATE_BRAND_KIT": "brandKits", "GENERATE_MEDIA_PLAN": "mediaPlanGroups"}[task.type]
    return len(await store.results.of_task(collection, task.task_id))


async def test_every_task_ends_once_and_its_watcher_sees_it(
    settings: Settings, store: Store, services: dict[str, embedded.Server]
) -> None:
    with ExitStack() as processes:
        storm = Storm(settings, services, processes)
        await storm.until_ready()
        async with asyncio.timeout(STORM_S + 120), httpx2.AsyncClient(timeout=5) as http:
            issuer = TokenIssuer(settings)

            def herald(port: int, user: str) -> Herald:
                return Herald(http, f"127.0.0.1:{port}", issuer, user)

            heralds = [herald(port, "x") for port in storm.ports]
            for one in heralds:
                one.http = httpx2.AsyncClient(base_url=f"http://{one.address}", timeout=5)
            watchers = [
                Watcher(herald(storm.ports[number % HUBS], f"user{number}"), f"user{number}")
                for number in range(USERS)
            ]
            watching = [asyncio.create_task(watcher.run()) for watcher in watchers]
            storming = asyncio.create_task(storm.run())
            task_ids = []
            for number in range(TASKS):
                task_ids.append(await accepted(heralds, number))
                await asyncio.sleep(0.2)
            await storming
            tasks = await all_ended(store, task_ids)
            newest = {name: task for watcher in watchers for name, task in watcher.newest.items()}
            while any(newest.get(task.task_id, {}).get("rev") != task.rev for task in tasks):
                await asyncio.sleep(0.2)
                newest = {name: task for watcher in watchers for name, task in watcher.newest.items()}
            for watch in watching:
                watch.cancel()
            for one in heralds:
                await one.http.aclose()
    print(storm.kills, {status: sum(task.status is status for task in tasks) for status in ENDED})
    assert all(storm.kills.values())
    assert len(set(task_ids)) == TASKS
    for task in tasks:
        if task.status is TaskStatus.FAILED:
            assert task.end_reason is EndReason.WORKER_LOST, task.last_error
        else:
            assert task.status is TaskStatus.COMPLETED
            assert await results_of(store, task) == (2 if task.type == "AUTO_GENERATE_PERSONAS" else 1)
        for before, after in pairwise(task.history):
            assert after.status in TRANSITIONS[TaskStatus(before.status)], task.history
        assert sum(entry.status in ENDED for entry in task.history) == 1
        assert newest[task.task_id] == task.public().wire()
