"""Shows whether MongoDB slows down as tasks accumulate, by running thousands of them."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

from herald.shared.feed.feed import Feed
from herald.shared.launcher import embedded
from herald.shared.settings import Settings
from herald.shared.tasks.store import Store
from herald.worker.dependencies import Dependencies
from herald.worker.engine.attempt import run_task
from herald.worker.llm.offline import OfflineProvider
from tests.bench.load import Usage
from tests.bench.servers import Figures
from tests.support.attempts import dependencies_of
from tests.support.tasks import a_task

THOUSANDS = 20
AT_ONCE = 8
REPORT: dict[str, Any] = {"type": "WRITE_REPORT", "payload": {"topic": "Bells"}}
USERS = 100


async def wear(settings: Settings, mongo: embedded.Server) -> Figures:
    """Create and run ``THOUSANDS`` thousand tasks in this process, as a server and a worker would."""
    assert mongo.pid is not None
    usage = Usage(mongo.pid)
    settings = settings.model_copy(update={"mongo_database": "bench_wear"})
    rates, cpus = [], []
    async with Store.connect(settings) as store, Feed.connect(settings) as feed:
        await store.ensure_indexes()
        dependencies = dependencies_of(settings, store, feed, OfflineProvider(0), worker_id="bench")
        for thousand in range(THOUSANDS):
            numbers = iter(range(1000))
            before, started = usage.cpu_s(), time.monotonic()
            await asyncio.gather(*(_live(dependencies, numbers) for _ in range(AT_ONCE)))
            rates.append(1000 / (time.monotonic() - started))
            cpus.append(usage.cpu_s() - before)
            print(
                f"    after {thousand + 1},000: {rates[-1]:.1f} tasks/s, CPU {cpus[-1]:.1f} ms/task",
                flush=True,
            )
    return {
        "first 1,000: tasks/s": rates[0],
        "MongoDB's CPU ms/task": cpus[0],
        "last 1,000: tasks/s": rates[-1],
        "MongoDB's CPU ms/task at the end": cpus[-1],
        "last/first": rates[-1] / rates[0],
    }


async def _live(dependencies: Dependencies, numbers: Iterator[int]) -> None:
    """Take tasks through their lives, one at a time, as long as there are numbers."""
    for number in numbers:
        task, _ = await dependencies.store.create(a_task(user_id=f"user{number % USERS}", **REPORT))
        await dependencies.announcer.announce(task)
        await run_task(task.task_id, dependencies)
