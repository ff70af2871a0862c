"""A cancel reaches a running step at once, even one that waits for a silent model."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from shared.models import TaskStatus, now
from shared.queue import Queue
from shared.settings import Settings
from shared.store import Store
from tests.support.client import PERSONAS, Herald
from tests.support.processes import WORKER, environment, running
from tests.support.tasks import a_task
from tests.support.web import serving


class SilentModel:
    """Speaks Gemini's wire format as far as the headers, and then says nothing until it is left."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.left = asyncio.Event()

    async def __call__(self, _: Request) -> StreamingResponse:
        async def nothing() -> AsyncIterator[bytes]:
            self.asked.set()
            try:
                yield b"data: "
                await asyncio.sleep(60)
            finally:
                self.left.set()

        return StreamingResponse(nothing(), media_type="text/event-stream")


@asynccontextmanager
async def listening_to(model: SilentModel, settings: Settings) -> AsyncIterator[None]:
    app = Starlette(routes=[Route("/{path:path}", model.__call__, methods=["POST"])])
    async with serving(app) as address:
        variables = environment(
            settings, HERALD_GEMINI_API_KEY="k", HERALD_GEMINI_BASE_URL=f"http://{address}"
        )
        with running(WORKER, variables):
            yield


async def test_the_call_is_broken_off_within_a_second(
    herald: Herald, settings: Settings, store: Store
) -> None:
    model = SilentModel()
    async with listening_to(model, settings), herald.connected() as socket, asyncio.timeout(30):
        task_id = (await herald.create(PERSONAS))["taskId"]
        await model.asked.wait()
        response = await herald.post(f"/api/jobs/{task_id}/cancel")
        assert response.json()["status"] == "cancelled"
        async with asyncio.timeout(1):
            await model.left.wait()
        while (event := (await socket.publication())["data"])["type"] != "task.cancelled":
            pass
        assert event["task"]["endReason"] == "user"
        assert await socket.silence(1.5), "the worker has told of a task that is not its own any more"
        again = await herald.post(f"/api/jobs/{task_id}/cancel")
        assert again.status_code == 409


async def test_it_is_noticed_though_the_signal_was_lost(settings: Settings, store: Store) -> None:
    model = SilentModel()
    async with listening_to(model, settings), asyncio.timeout(30):
        task, _ = await store.create(a_task())
        async with Queue.connect(settings) as queue:
            await queue.enqueue(task)
        await model.asked.wait()
        cancelled = await store.transition(task.task_id, TaskStatus.CANCELLED, by="user", completed_at=now())
        assert cancelled is not None
        async with asyncio.timeout(2):
            await model.left.wait()
    assert await store.get(task.task_id) == cancelled
