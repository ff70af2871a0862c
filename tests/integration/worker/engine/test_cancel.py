"""A cancel reaches a running step at once, even while it waits for a silent model."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from herald.shared.queue.queue import Queue
from herald.shared.settings import Settings
from herald.shared.tasks.models import TaskStatus, now
from herald.shared.tasks.store import Store
from tests.support.client import PERSONAS, Herald
from tests.support.gemini import Gemini, gemini_server, slowly
from tests.support.processes import WORKER, environment, running
from tests.support.tasks import a_task


@asynccontextmanager
async def silent_model(settings: Settings) -> AsyncIterator[Gemini]:
    """A worker with a model that begins each answer and then falls silent."""
    async with gemini_server() as model:
        model.reply = slowly("{", end=False)
        variables = environment(settings, HERALD_GEMINI_API_KEY="k", HERALD_GEMINI_BASE_URL=model.address)
        with running(WORKER, variables):
            yield model


async def until_open(model: Gemini, is_open: bool = True) -> None:
    """Wait until a stream of the model is open, or until none is."""
    while bool(model.open) is not is_open:
        await asyncio.sleep(0.01)


async def test_a_cancel_closes_the_model_s_stream_within_a_second(
    herald: Herald, settings: Settings, store: Store
) -> None:
    async with silent_model(settings) as model, herald.connected() as socket, asyncio.timeout(30):
        task_id = (await herald.create(PERSONAS))["taskId"]
        await until_open(model)
        response = await herald.post(f"/api/jobs/{task_id}/cancel")
        assert response.json()["status"] == "cancelled"
        async with asyncio.timeout(1):
            await until_open(model, False)
        while (event := (await socket.publication())["data"])["type"] != "task.cancelled":
            pass
        assert event["task"]["endReason"] == "user"
        assert await socket.silence(1.5), "the worker published a task that is no longer its own"
        again = await herald.post(f"/api/jobs/{task_id}/cancel")
        assert again.status_code == 409


async def test_a_cancel_is_noticed_even_if_its_signal_was_lost(settings: Settings, store: Store) -> None:
    async with silent_model(settings) as model, asyncio.timeout(30):
        task, _ = await store.create(a_task())
        async with Queue.connect(settings) as queue:
            await queue.enqueue(task)
        await until_open(model)
        cancelled = await store.transition(task.task_id, TaskStatus.CANCELLED, by="user", completed_at=now())
        assert cancelled is not None
        async with asyncio.timeout(2):
            await until_open(model, False)
    assert await store.get(task.task_id) == cancelled
