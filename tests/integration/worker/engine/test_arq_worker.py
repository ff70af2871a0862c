"""The worker process as the Procfile starts it."""

import asyncio
import signal
import sys
from datetime import timedelta

import pytest

from herald.shared.feed.feed import Feed
from herald.shared.launcher.embedded import free_port
from herald.shared.queue.heartbeats import Heartbeats
from herald.shared.queue.jobs import job_id
from herald.shared.queue.queue import QUEUE_NAME, Queue
from herald.shared.settings import Settings
from herald.shared.tasks.models import Task, TaskStatus, now
from herald.shared.tasks.store import Store
from herald.worker.maintenance.rescuer import Reconcile
from tests.integration.worker.engine.test_attempt import ScriptedProvider, parts_of
from tests.support.processes import ROOT, WORKER, environment, running
from tests.support.tasks import a_task


async def until_status(store: Store, task: Task, *statuses: TaskStatus) -> Task:
    async with asyncio.timeout(30):
        while True:
            found = await store.get(task.task_id)
            if found is not None and found.status in statuses:
                return found
            await asyncio.sleep(0.02)


async def enqueued(store: Store, settings: Settings, **changes: object) -> Task:
    task, _ = await store.create(a_task(**changes))
    async with Queue.connect(settings) as queue:
        assert await queue.enqueue(task)
        assert not await queue.enqueue(task), "it is there already"
    return task


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


async def test_a_queue_full_of_rubbish_stops_nobody(settings: Settings, store: Store, feed: Feed) -> None:
    async with Queue.connect(settings) as queue:
        await queue.redis.zadd(QUEUE_NAME, {b"no-such-job": 1, b"pickled": 2, b"\xff\xfe:0:ada": 3})
        await queue.redis.set("arq:job:pickled", b"\x80\x04N.")
        await queue.redis.enqueue_job("no_such_function", "x")
        await queue.redis.enqueue_job("run_task", "no-such-task")
    task = await enqueued(store, settings)
    with running(WORKER, environment(settings)):
        await until_status(store, task, TaskStatus.COMPLETED)


async def test_a_worker_that_is_told_to_stop_hands_its_task_to_the_next(
    settings: Settings, store: Store
) -> None:
    slow = environment(settings, HERALD_OFFLINE_WORDS_PER_SECOND="30")
    task = await enqueued(store, settings)
    with running(WORKER, slow) as first:
        await until_status(store, task, TaskStatus.PROCESSING)
        first.send_signal(signal.SIGTERM)
        await asyncio.to_thread(first.wait, 10)
    with running(WORKER, environment(settings)):
        done = await until_status(store, task, TaskStatus.COMPLETED, TaskStatus.FAILED)
    assert (done.status, done.attempt, done.retry_count) == (TaskStatus.COMPLETED, 2, 0)


async def test_a_task_handed_back_by_a_worker_with_a_fast_clock_goes_on_at_once(
    settings: Settings, store: Store
) -> None:
    slow = environment(settings, HERALD_OFFLINE_WORDS_PER_SECOND="30", HERALD_WORKER_GRACE_S="0")
    task = await enqueued(store, settings)
    with running([sys.executable, "-m", "tests.support.skewed", "3600"], slow) as first:
        await until_status(store, task, TaskStatus.PROCESSING)
        first.send_signal(signal.SIGTERM)
        await asyncio.to_thread(first.wait, 20)
    with running(WORKER, environment(settings)):
        done = await until_status(store, task, TaskStatus.COMPLETED, TaskStatus.FAILED)
    assert (done.status, done.attempt, done.retry_count) == (TaskStatus.COMPLETED, 2, 0)


async def test_a_worker_with_a_fast_clock_ends_no_task_before_its_deadline(
    settings: Settings, store: Store, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = await enqueued(store, settings)
    async with Queue.connect(settings) as queue:
        repairs = Reconcile(
            parts_of(settings, store, feed, ScriptedProvider()), queue, Heartbeats(feed.redis)
        )
        monkeypatch.setattr("herald.worker.maintenance.rescuer.now", lambda: now() + timedelta(days=2))
        await repairs.reconcile()
    assert (await store.get(task.task_id)).status is TaskStatus.QUEUED  # type: ignore[union-attr]


@pytest.mark.parametrize("status", [TaskStatus.QUEUED, TaskStatus.PROCESSING, TaskStatus.RETRYING])
async def test_a_task_that_redis_has_lost_is_queued_again(
    settings: Settings, store: Store, status: TaskStatus
) -> None:
    long_ago = now() - timedelta(minutes=5)
    task, _ = await store.create(a_task(status=status, updated_at=long_ago))
    with running(WORKER, environment(settings)):
        await until_status(store, task, TaskStatus.COMPLETED)


async def test_only_what_is_missing_is_queued_again(settings: Settings, store: Store) -> None:
    there, gone = await enqueued(store, settings), (await store.create(a_task()))[0]
    async with Queue.connect(settings) as queue:
        assert await queue.missing([there, gone]) == [gone]
        assert await queue.enqueue(gone)
        assert await queue.missing([there, gone]) == []


@pytest.mark.parametrize("clock", [timedelta(0), timedelta(hours=-1), timedelta(hours=1)])
async def test_a_retry_queued_again_waits_as_long_as_it_was_told_whatever_the_clocks(
    settings: Settings, store: Store, clock: timedelta
) -> None:
    at = now() + clock
    changes = {"status": TaskStatus.RETRYING, "updated_at": at, "next_retry_at": at + timedelta(minutes=5)}
    task, _ = await store.create(a_task(**changes))
    async with Queue.connect(settings) as queue:
        await queue.enqueue(task)
        state = await queue.state()
    assert state.waiting == []
    [(job, _, due_in_s)] = state.later
    assert job == job_id(task).encode() and 240 < due_in_s <= 300


@pytest.mark.parametrize("missing", ["HERALD_REDIS_URL", "HERALD_MONGO_URL"])
async def test_a_missing_address_is_told_in_one_line(settings: Settings, missing: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *WORKER, env=environment(settings) | {missing: ""}, stderr=asyncio.subprocess.PIPE
    )
    _, stderr = await process.communicate()
    assert process.returncode == 1
    assert stderr.decode().startswith(f"herald: {missing} is not set")
    assert len(stderr.splitlines()) == 1


async def test_each_worker_tells_that_it_lives_until_it_stops(settings: Settings, feed: Feed) -> None:
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


async def test_a_worker_that_never_reaches_redis_ends_with_an_error(settings: Settings, store: Store) -> None:
    hopeless = "import herald.worker.engine.arq_worker as r; r.HOPELESS_AFTER_S = 1.0; from arq.cli import cli; cli(['herald.worker.main.WorkerSettings'])"
    nowhere = environment(
        settings, HERALD_REDIS_URL=f"redis://127.0.0.1:{free_port()}/0", PYTHONPATH=str(ROOT)
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", hopeless, env=nowhere, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(60):
        _, stderr = await process.communicate()
    assert process.returncode != 0
    assert b"lost Redis, connecting again" in stderr
