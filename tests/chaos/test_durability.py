"""Changes that the API acknowledged survive a kill of MongoDB."""

import asyncio
import os
import signal
from typing import Any

from herald.server.app import create_app
from herald.shared.launcher import embedded
from herald.shared.settings import Settings
from herald.shared.tasks.store import Store
from herald.shared.tokens import TokenIssuer
from tests.support.client import PERSONAS, Herald
from tests.support.web import serving

ROUNDS = 20
USERS = 4
"""Number of clients that send requests concurrently."""


async def test_acknowledged_changes_survive_a_kill_of_mongodb(
    settings: Settings, store: Store, services: dict[str, embedded.Server]
) -> None:
    mongo = services["HERALD_MONGO_URL"]
    acknowledged: dict[str, dict[str, Any]] = {}
    enough = asyncio.Event()

    async def create_and_cancel(herald: Herald) -> None:
        """Record the task from each response until a request fails."""
        response = await herald.post("/api/jobs", json=PERSONAS)
        while response.is_success:
            task = response.json()
            acknowledged[task["taskId"]] = task
            if task["status"] == "cancelled":
                enough.set()
                return
            response = await herald.post(f"/api/jobs/{task['taskId']}/cancel")
        assert response.status_code == 503, response.text

    async with (
        asyncio.timeout(180),
        serving(create_app(settings)) as address,
        Herald.at(address, TokenIssuer(settings)) as herald,
    ):
        for _ in range(ROUNDS):
            enough.clear()
            users = [asyncio.create_task(create_and_cancel(herald)) for _ in range(USERS)]
            await enough.wait()
            assert mongo.pid is not None
            os.kill(mongo.pid, signal.SIGKILL)
            mongo.start()
            await asyncio.gather(*users)
        stored = {task_id: await store.get(task_id) for task_id in acknowledged}
    assert len(acknowledged) >= ROUNDS
    lost = [task_id for task_id, task in stored.items() if task is None]
    assert not lost, f"{len(lost)} of {len(stored)} acknowledged tasks are lost"
    for task in stored.values():
        assert task is not None
        shown = acknowledged[task.task_id]
        assert task.rev >= shown["rev"], f"a {shown['status']} task went back to {task.status}"
