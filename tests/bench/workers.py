"""Herald's worker against stock ARQ: time to start a job, and throughput of short jobs."""

import asyncio
import random
import statistics
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from typing import Any, ClassVar

import redis.asyncio
from arq.connections import ArqRedis

from herald.shared.queue.jobs import deserialize, serialize
from herald.shared.queue.queue import QUEUE_NAME, Queue
from herald.shared.settings import Settings
from herald.shared.tasks.models import TaskStatus, now
from herald.shared.tasks.store import Store
from herald.shared.tokens import TokenIssuer
from tests.bench.servers import Figures, Herald
from tests.support.client import PERSONAS
from tests.support.client import Herald as HttpClient
from tests.support.processes import WORKER, environment, running
from tests.support.tasks import a_task

SLOTS = 10
SHORT_S = 0.05
STARTS = 120
SHORT_JOBS = 300


class Jobs:
    """A worker process that runs short jobs."""

    name = ""
    mode: ClassVar[str]

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.at: dict[str, dict[str, float]] = {"start": {}, "end": {}}
        self.queue: Queue

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Jobs"]:
        arguments = [self.mode, str(SLOTS), str(SHORT_S), self.settings.redis_url]
        command = [sys.executable, "-m", "tests.bench.peers.arq_jobs", *arguments]
        async with redis.asyncio.Redis.from_url(self.settings.redis_url) as client:
            await client.flushall()
            self.queue = Queue(
                ArqRedis(
                    client.connection_pool,
                    job_serializer=serialize,
                    job_deserializer=deserialize,
                    default_queue_name=QUEUE_NAME,
                )
            )
            pubsub = client.pubsub()
            await pubsub.subscribe("bench:start", "bench:end")
            listener = asyncio.create_task(self._listen(pubsub))
            with running(command, environment(self.settings)):
                await self.put("warm-up")
                await self.until("end", 1)
                yield self
            listener.cancel()
            await asyncio.gather(listener, return_exceptions=True)
            await pubsub.aclose()

    async def _listen(self, pubsub: Any) -> None:
        async for message in pubsub.listen():
            if message["type"] == "message":
                kind = message["channel"].decode().removeprefix("bench:")
                self.at[kind][message["data"].decode()] = time.monotonic()

    async def until(self, kind: str, count: int) -> None:
        while len(self.at[kind]) < count:
            await asyncio.sleep(0.001)

    async def put(self, number: str) -> None:
        raise NotImplementedError


class StockArq(Jobs):
    name = "stock ARQ"
    mode = "stock"

    async def put(self, number: str) -> None:
        await self.queue.redis.enqueue_job("run_task", number)


class HeraldWorker(Jobs):
    name = "Herald's worker"
    mode = "herald"

    async def put(self, number: str) -> None:
        await self.queue.enqueue(a_task(task_id=number))


async def start(jobs: Jobs) -> Figures:
    """Time from enqueueing to the first line of a job, one job at a time on an idle worker."""
    took = []
    for number in range(STARTS):
        await asyncio.sleep(random.uniform(0.06, 0.2))
        began = time.monotonic()
        await jobs.put(f"s{number}")
        await jobs.until("start", number + 2)
        took.append((jobs.at["start"][f"s{number}"] - began) * 1000)
    return percentiles(took)


async def short(jobs: Jobs) -> Figures:
    """300 jobs of 50 ms, all queued at once, with ten slots; the maximum is 200 per second."""
    began = time.monotonic()
    await asyncio.gather(*(jobs.put(f"j{number}") for number in range(SHORT_JOBS)))
    await jobs.until("end", SHORT_JOBS + 1)
    return {"jobs/s": SHORT_JOBS / (time.monotonic() - began)}


def percentiles(took: Sequence[float]) -> Figures:
    ordered = sorted(took)
    return {"p50 ms": statistics.median(ordered), "p99 ms": ordered[len(ordered) * 99 // 100]}


class Alone(Jobs):
    """Runs no processes except those that a scene starts."""

    name = "Herald"

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Alone"]:
        yield self


class Whole(Herald):
    """A web process and a worker."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Whole"]:
        async with super().running():
            with running(WORKER, environment(self.settings, HERALD_OFFLINE_WORDS_PER_SECOND="0")):
                yield self


async def accept(server: Whole) -> Figures:
    """Time to the ``task.processing`` event at a WebSocket, from the request and from enqueueing."""
    asked, queued = [], []
    address = f"127.0.0.1:{server.port}"
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(HttpClient.at(address, TokenIssuer(server.settings)))
        socket = await stack.enter_async_context(client.connected())
        store = await stack.enter_async_context(Store.connect(server.settings))
        queue = await stack.enter_async_context(Queue.connect(server.settings))

        async def took_ms(began: float, task_id: str) -> float:
            """Wait until the task has ended, and return the time until it was running."""
            took = 0.0
            while True:
                event = (await socket.publication())["data"]
                if event["task"]["taskId"] == task_id:
                    if event["type"] == "task.processing":
                        took = (time.monotonic() - began) * 1000
                    if event["type"] == "task.completed":
                        await asyncio.sleep(random.uniform(0.02, 0.1))
                        return took

        for _ in range(STARTS):
            began = time.monotonic()
            asked.append(await took_ms(began, (await client.create(PERSONAS))["taskId"]))
            task, _ = await store.create(a_task())
            began = time.monotonic()
            await queue.enqueue(task)
            queued.append(await took_ms(began, task.task_id))
    request = percentiles(asked[1:])  # the first request waits for the worker to start
    return percentiles(queued) | {f"from the request, {name}": took for name, took in request.items()}


async def slots(server: Alone) -> Figures:
    """400 tasks for 10 workers of 20 slots each: how many run at once."""
    settings = server.settings.model_copy(update={"mongo_database": "bench_slots"})
    variables = environment(
        settings,
        HERALD_MAX_JOBS="20",
        HERALD_MAX_RUNNING_PER_USER="0",
        HERALD_OFFLINE_WORDS_PER_SECOND="2",
        HERALD_WORKER_GRACE_S="0",
    )
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(Store.connect(settings))
        queue = await stack.enter_async_context(Queue.connect(settings))
        await store.ensure_indexes()
        for _ in range(400):
            task, _ = await store.create(a_task(updated_at=now()))
            await queue.enqueue(task)
        workers = stack.enter_context(ExitStack())
        for _ in range(10):
            workers.enter_context(running(WORKER, variables))
        peak = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(60):
                while peak < 200:
                    await asyncio.sleep(0.25)
                    found = await store.queries.list_tasks("ada", statuses=[TaskStatus.PROCESSING], limit=200)
                    peak = max(peak, len(found.tasks))
        await queue.redis.flushall()
    return {"running at once": peak}
