"""The worker process as the Procfile starts it."""

import asyncio
import signal
import sys

import pytest

from herald.shared.feed.feed import Feed
from herald.shared.launcher.embedded import free_port
from herald.shared.queue.heartbeats import Heartbeats
from herald.shared.queue.queue import QUEUE_NAME, Queue
from herald.shared.settings import Settings
from herald.shared.tasks.models import TaskStatus
from herald.shared.tasks.store import Store
from tests.support.attempts import enqueued, until_status
from tests.support.processes import ROOT, WORKER, environment, running


async def test_every_task_type_is_generated(settings: Settings, store: Store) -> None:
    payloads = {
        "GENERATE_MEDIA_PLAN": {"objective": "Grow", "keywords": ["tea"]},
        "GENERATE_BRAND_KIT": {"brandName": "Ada", "description": "Tea"},
        "AUTO_GENERATE_PERSONAS": {"product": "Tea"},
    }
    with running(WORKER, environment(settings)):
        tasks = [
            await enqueued(store, settings, type=name, payload=payload) for name, payload in payloads.items()
        ]
        for task in tasks:
            done = await until_status(store, task, TaskStatus.COMPLETED, TaskStatus.FAILED)
            assert done.status is TaskStatus.COMPLETED
            assert done.usage is not None and done.usage.provider == "offline"


async def test_invalid_jobs_in_the_queue_do_not_block_tasks(
    settings: Settings, store: Store, feed: Feed
) -> None:
    async with Queue.connect(settings) as queue:
        await queue.redis.zadd(QUEUE_NAME, {b"no-such-job": 1, b"pickled": 2, b"\xff\xfe:0:ada": 3})
        await queue.redis.set("arq:job:pickled", b"\x80\x04N.")
        await queue.redis.enqueue_job("no_such_function", "x")
        await queue.redis.enqueue_job("run_task", "no-such-task")
    task = await enqueued(store, settings)
    with running(WORKER, environment(settings)):
        await until_status(store, task, TaskStatus.COMPLETED)


async def test_a_stopping_worker_hands_its_task_to_the_next(settings: Settings, store: Store) -> None:
    slow = environment(settings, HERALD_OFFLINE_WORDS_PER_SECOND="5")
    task = await enqueued(store, settings)
    with running(WORKER, slow) as first:
        await until_status(store, task, TaskStatus.PROCESSING)
        first.send_signal(signal.SIGTERM)
        await asyncio.to_thread(first.wait, 10)
    with running(WORKER, environment(settings)):
        done = await until_status(store, task, TaskStatus.COMPLETED, TaskStatus.FAILED)
    assert (done.status, done.attempt, done.retry_count) == (TaskStatus.COMPLETED, 2, 0)


async def test_a_task_handed_back_by_a_worker_with_a_fast_clock_continues_at_once(
    settings: Settings, store: Store
) -> None:
    slow = environment(settings, HERALD_OFFLINE_WORDS_PER_SECOND="5", HERALD_WORKER_GRACE_S="0")
    task = await enqueued(store, settings)
    with running([sys.executable, "-m", "tests.support.skewed", "3600"], slow) as first:
        await until_status(store, task, TaskStatus.PROCESSING)
        first.send_signal(signal.SIGTERM)
        await asyncio.to_thread(first.wait, 20)
    with running(WORKER, environment(settings)):
        done = await until_status(store, task, TaskStatus.COMPLETED, TaskStatus.FAILED)
    assert (done.status, done.attempt, done.retry_count) == (TaskStatus.COMPLETED, 2, 0)


@pytest.mark.parametrize("missing", ["HERALD_REDIS_URL", "HERALD_MONGO_URL"])
async def test_a_missing_address_is_reported_in_one_line(settings: Settings, missing: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *WORKER, env=environment(settings) | {missing: ""}, stderr=asyncio.subprocess.PIPE
    )
    _, stderr = await process.communicate()
    assert process.returncode == 1
    assert stderr.decode().startswith(f"herald: {missing} is not set")
    assert len(stderr.splitlines()) == 1


async def test_each_worker_sends_heartbeats_until_it_stops(settings: Settings, feed: Feed) -> None:
    heartbeats = Heartbeats(feed.redis)
    with (
        running(WORKER, environment(settings, HERALD_MAX_JOBS="7")) as one,
        running(WORKER, environment(settings)),
    ):
        async with asyncio.timeout(30):
            while len(workers := await heartbeats.workers()) < 2:
                await asyncio.sleep(0.05)
            assert sorted(beat["slots"] for beat in workers.values()) == [7, 20]
            assert any(f":{one.pid}:" in name for name in workers)
            one.terminate()
            while len(await heartbeats.workers()) > 1:
                await asyncio.sleep(0.05)


async def test_a_worker_that_never_reaches_redis_exits_with_an_error(
    settings: Settings, store: Store
) -> None:
    impatient = "import herald.worker.engine.arq_worker as r; r.GIVE_UP_AFTER_S = 1.0; from arq.cli import cli; cli(['herald.worker.main.WorkerSettings'])"
    nowhere = environment(
        settings, HERALD_REDIS_URL=f"redis://127.0.0.1:{free_port()}/0", PYTHONPATH=str(ROOT)
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", impatient, env=nowhere, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(60):
        _, stderr = await process.communicate()
    assert process.returncode != 0
    assert b"lost the connection to Redis, reconnecting" in stderr
