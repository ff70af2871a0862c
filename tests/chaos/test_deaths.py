"""A process dies, stops or freezes at the worst moment: every task still ends once, and its watcher sees it."""

import asyncio
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from herald.shared.feed.feed import Feed
from herald.shared.launcher import embedded
from herald.shared.queue.queue import LEASES, Queue
from herald.shared.settings import Settings
from herald.shared.tasks.models import EndReason, Task, TaskStatus, now
from herald.shared.tasks.store import Store
from herald.shared.tokens import TokenIssuer
from tests.chaos.stack import Stack, until_ended, until_running
from tests.chaos.watcher import Watcher
from tests.support.client import PERSONAS, Herald
from tests.support.processes import ROOT, WORKER, environment, running
from tests.support.tasks import a_task

PLAN = {
    "type": "GENERATE_MEDIA_PLAN",
    "payload": {"objective": "Grow", "keywords": ["tea"], "settings": {"weeks": 3, "postsPerWeek": 2}},
}


async def until(store: Store, task_id: str, *statuses: TaskStatus) -> Task:
    async with asyncio.timeout(40):
        while (task := await store.get(task_id)) is None or task.status not in statuses:
            await asyncio.sleep(0.02)
    return task


@pytest.mark.parametrize(
    "death",
    [
        ("herald.shared.tasks.store:Store.record", "Writing posts"),
        ("herald.shared.tasks.results:Checkpoints.add", "/week 2:1"),
        ("herald.shared.tasks.results:Results.save", ""),
        ("herald.shared.tasks.store:Store.transition", "COMPLETED"),
        ("herald.shared.feed.announcer:Announcer.announce", "COMPLETED"),
        ("herald.shared.tasks.store:Store.mark_announced", "COMPLETED"),
        ("herald.shared.tasks.results:Checkpoints.delete", ""),
        ("herald.shared.queue.leases:Leases.release", ""),
    ],
    ids=lambda death: death[0].partition(":")[2],
)
async def test_a_task_survives_the_death_of_its_worker_at_any_point(
    stack: Stack, store: Store, feed: Feed, tmp_path: Path, death: tuple[str, str]
) -> None:
    die_at, die_when = death
    dying = environment(
        stack.settings,
        DIE_AT=die_at,
        DIE_WHEN=die_when,
        DIE_ONCE=str(tmp_path / "died"),
        PYTHONPATH=str(ROOT),
    )
    await stack.start_web()
    async with Herald.at(stack.address, TokenIssuer(stack.settings)) as herald:
        watcher = Watcher(herald)
        watching = asyncio.create_task(watcher.run())
        task_id = (await herald.create(PLAN))["taskId"]
        with running([sys.executable, "-m", "tests.chaos.dying", "worker"], dying) as first:
            await asyncio.to_thread(first.wait, 30)
        assert first.returncode == -signal.SIGKILL
        stack.start_worker()
        task = await until_ended(store, watcher, task_id)
        while await feed.redis.zcard(LEASES):
            await asyncio.sleep(0.05)
        watching.cancel()
    assert task.attempt <= 2
    assert watcher.offsets == sorted(set(watcher.offsets))


async def test_a_task_stored_but_not_queued_when_the_api_died_still_runs(
    stack: Stack, store: Store, settings: Settings, tmp_path: Path
) -> None:
    dying = environment(
        settings,
        PORT=str(stack.port),
        DIE_AT="herald.shared.queue.queue:Queue.state",
        DIE_ONCE=str(tmp_path / "died"),
        PYTHONPATH=str(ROOT),
    )
    stack.start_worker()
    with running([sys.executable, "-m", "tests.chaos.dying", "web"], dying) as first:
        async with Herald.at(stack.address, TokenIssuer(settings)) as herald:
            while True:
                try:
                    assert (await herald.http.get("/healthz")).status_code == 200
                    break
                except OSError:
                    await asyncio.sleep(0.05)
                except Exception as error:
                    assert "connect" in str(error).lower(), error
                    await asyncio.sleep(0.05)
            with pytest.raises(Exception, match=r".*"):
                await herald.create(PLAN, headers={"Idempotency-Key": "k"})
        await asyncio.to_thread(first.wait, 10)
        assert first.returncode == -signal.SIGKILL
    await stack.start_web()
    async with Herald.at(stack.address, TokenIssuer(settings)) as herald:
        watcher = Watcher(herald)
        watching = asyncio.create_task(watcher.run())
        task_id = (await herald.create(PLAN, headers={"Idempotency-Key": "k"}))["taskId"]
        task = await until_ended(store, watcher, task_id)
        watching.cancel()
    assert task.attempt == 1
    assert len((await store.queries.list_tasks("ada")).tasks) == 1, (
        "the repeated request created a second task"
    )


def slow_worker(settings: Settings, **changes: str) -> dict[str, str]:
    return environment(settings, HERALD_OFFLINE_WORDS_PER_SECOND="40", **changes)


async def enqueued(store: Store, settings: Settings, **changes: Any) -> Task:
    fields = {"type": PLAN["type"], "payload": PLAN["payload"]} | changes
    task, _ = await store.create(a_task(**fields))
    async with Queue.connect(settings) as queue:
        await queue.enqueue(task)
    return task


async def test_another_worker_takes_over_within_ten_seconds_of_a_kill(
    settings: Settings, store: Store
) -> None:
    task = await enqueued(store, settings)
    with running(WORKER, slow_worker(settings)) as one, running(WORKER, slow_worker(settings)) as other:
        await until_running(store, task.task_id, "Writing posts")
        owner = (await until(store, task.task_id, TaskStatus.PROCESSING)).history[-1].by
        (one if f":{one.pid}:" in owner else other).kill()
        killed_at = now()
        async with asyncio.timeout(20):
            while (found := await store.get(task.task_id)) is None or found.attempt == 1:
                await asyncio.sleep(0.02)
    assert found.history[-1].by != owner
    assert found.history[-1].at - killed_at < timedelta(seconds=10)


async def test_a_worker_frozen_past_its_lease_changes_and_publishes_nothing(
    settings: Settings, store: Store, feed: Feed
) -> None:
    task = await enqueued(store, settings)
    with running(WORKER, slow_worker(settings)) as sleeper:
        await until_running(store, task.task_id, "Writing posts")
        # Between storing and publishing a step, it would wake with a late event, which is harmless.
        while (
            '"currentStep":"Writing posts"'
            not in (await feed.history("tasks#ada", limit=256)).publications[-1].data
        ):
            await asyncio.sleep(0.01)
        sleeper.send_signal(signal.SIGSTOP)
        with running(WORKER, environment(settings)) as second:
            await until(store, task.task_id, TaskStatus.COMPLETED)
            second.terminate()
            await asyncio.to_thread(second.wait, 10)
        done = await until(store, task.task_id, TaskStatus.COMPLETED)
        before = (await feed.history("tasks#ada", limit=0)).position
        sleeper.send_signal(signal.SIGCONT)
        next_task = await enqueued(store, settings)  # once this is completed, the frozen worker is awake
        await until(store, next_task.task_id, TaskStatus.COMPLETED)
    assert await store.get(task.task_id) == done
    assert done.attempt == 2
    published = (await feed.history("tasks#ada", since=before.offset, limit=256)).publications
    assert published
    assert not [publication for publication in published if task.task_id in publication.data]


async def test_a_terminated_worker_finishes_its_task_within_the_grace_period(
    settings: Settings, store: Store
) -> None:
    task = await enqueued(store, settings, type=PERSONAS["type"], payload=PERSONAS["payload"])
    with running(WORKER, slow_worker(settings, HERALD_WORKER_GRACE_S="30")) as worker:
        await until(store, task.task_id, TaskStatus.PROCESSING)
        worker.terminate()
        await asyncio.to_thread(worker.wait, 30)
        assert worker.returncode == 0
    done = await until(store, task.task_id, TaskStatus.COMPLETED)
    assert done.attempt == 1


async def test_deploys_do_not_count_as_retries(settings: Settings, store: Store) -> None:
    task = await enqueued(store, settings, max_retries=0)
    for deploys in range(3):
        with running(WORKER, slow_worker(settings, HERALD_WORKER_GRACE_S="0")) as worker:
            async with asyncio.timeout(20):
                while (found := await store.get(task.task_id)) is None or found.attempt <= deploys:
                    await asyncio.sleep(0.02)
            worker.terminate()
            await asyncio.to_thread(worker.wait, 15)
        waiting = await store.get(task.task_id)
        assert waiting is not None
        assert (waiting.status, waiting.retry_count) == (TaskStatus.RETRYING, 0)
        assert "running" not in [step.status for step in waiting.steps]
    with running(WORKER, environment(settings)):
        done = await until(store, task.task_id, TaskStatus.COMPLETED, TaskStatus.FAILED)
    assert done.status is TaskStatus.COMPLETED


async def test_a_task_that_kills_every_worker_eventually_fails(
    settings: Settings, store: Store, tmp_path: Path
) -> None:
    task = await enqueued(store, settings)
    dying = environment(
        settings,
        DIE_AT="herald.shared.tasks.store:Store.record",
        DIE_ONCE="/nonexistent/never",
        PYTHONPATH=str(ROOT),
    )
    lives = [0]

    def next_life() -> subprocess.Popen[bytes]:
        lives[0] += 1
        mark = tmp_path / str(lives[0])
        return subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.dying", "worker"],
            cwd=ROOT,
            env=dying | {"DIE_ONCE": str(mark)},
        )

    process = next_life()
    try:
        async with asyncio.timeout(90):
            while (found := await store.get(task.task_id)) is None or found.status is not TaskStatus.FAILED:
                if process.poll() is not None:
                    process = next_life()
                await asyncio.sleep(0.1)
    finally:
        process.kill()
        process.wait()
    assert found.end_reason is EndReason.WORKER_LOST
    assert "lost" in str(found.last_error)
    assert lives[0] == 6


async def test_running_tasks_survive_an_emptied_redis(
    stack: Stack, store: Store, feed: Feed, settings: Settings
) -> None:
    stack.start_worker()
    await stack.start_web()
    async with Herald.at(stack.address, TokenIssuer(settings)) as herald:
        watcher = Watcher(herald)
        watching = asyncio.create_task(watcher.run())
        task_ids = [(await herald.create(PLAN))["taskId"] for _ in range(3)]
        await until_running(store, task_ids[0], "Writing posts")
        await feed.redis.flushall()
        tasks = [await until_ended(store, watcher, task_id) for task_id in task_ids]
        watching.cancel()
    assert [task.attempt for task in tasks] == [1, 1, 1], (
        "a running task was started again, and paid for twice"
    )


async def test_a_running_task_survives_an_outage_of_mongodb(
    stack: Stack, store: Store, settings: Settings, services: dict[str, embedded.Server]
) -> None:
    stack.start_worker()
    await stack.start_web()
    async with Herald.at(stack.address, TokenIssuer(settings)) as herald:
        watcher = Watcher(herald)
        watching = asyncio.create_task(watcher.run())
        task_id = (await herald.create(PLAN))["taskId"]
        await until_running(store, task_id, "Writing posts")
        server = stack.kill_service("HERALD_MONGO_URL")
        await asyncio.sleep(7)
        server.start()
        task = await until_ended(store, watcher, task_id)
        watching.cancel()
    assert task.retry_count == 0
