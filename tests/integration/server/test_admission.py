"""Queued tasks: limits, positions, estimated starts and changes of priority."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from herald.shared.feed.feed import Feed
from herald.shared.queue.durations import WHOLE_RUN, Durations
from herald.shared.queue.heartbeats import Heartbeats
from herald.shared.queue.queue import Queue
from herald.shared.queue.recent_values import RecentValues
from herald.shared.settings import Settings
from herald.shared.tasks.models import EndReason, TaskStatus, now
from herald.shared.tasks.store import Store
from tests.support.client import MEDIA_PLAN, PERSONAS, Herald
from tests.support.processes import WORKER, environment, running
from tests.support.tasks import a_task
from tests.support.web import herald_with


async def beat(feed: Feed, *, slots: int = 20, running: int = 0) -> None:
    """Report a worker that runs tasks like `PERSONAS`."""
    types = {str(PERSONAS["type"]): "digest"}
    await Heartbeats(feed.redis).beat("w", slots=slots, running=running, types=types)


async def seen(herald: Herald, task_id: str) -> dict[str, Any]:
    task: dict[str, Any] = (await herald.get(f"/api/jobs/{task_id}")).json()
    return task


async def test_a_queued_task_has_its_position_in_every_response_and_event(herald: Herald, feed: Feed) -> None:
    await beat(feed)
    async with herald.connected() as socket:
        tasks = [await herald.create(PERSONAS) for _ in range(3)]
        assert [task["queuePosition"] for task in tasks] == [1, 2, 3]
        published = [(await socket.publication())["data"]["task"]["queuePosition"] for _ in tasks]
        assert published == [1, 2, 3]
    ids = [task["taskId"] for task in tasks]
    listed = (await herald.get("/api/jobs")).json()["tasks"]
    assert [task["queuePosition"] for task in listed] == [3, 2, 1]
    checked = (await herald.get("/api/jobs", params={"action": "status", "taskIds": ",".join(ids)})).json()
    assert [task["queuePosition"] for task in checked["tasks"]] == [1, 2, 3]
    await herald.post(f"/api/jobs/{ids[0]}/cancel")
    assert (await seen(herald, ids[2]))["queuePosition"] == 2
    assert "queuePosition" not in await seen(herald, ids[0])


async def test_a_queued_task_without_a_worker_for_its_type_says_so(herald: Herald, feed: Feed) -> None:
    await Heartbeats(feed.redis).beat("w", slots=20, running=0, types={"ANOTHER_TYPE": "digest"})
    no_worker = {"reason": "noWorker"}
    async with herald.connected() as socket:
        created = await herald.create(PERSONAS)
        assert created["waitingFor"] == no_worker
        assert created.keys().isdisjoint({"queuePosition", "estimatedStart"})
        assert (await socket.publication())["data"]["task"]["waitingFor"] == no_worker
    async with herald.connected() as late:
        assert late.hello["subs"]["tasks#ada"]["data"]["tasks"][0]["waitingFor"] == no_worker
    task_id = created["taskId"]
    [listed] = (await herald.get("/api/jobs")).json()["tasks"]
    [checked] = (await herald.get("/api/jobs", params={"action": "status", "taskIds": task_id})).json()[
        "tasks"
    ]
    assert listed["waitingFor"] == checked["waitingFor"] == no_worker
    await beat(feed)
    async with asyncio.timeout(30):
        while "waitingFor" in (task := await seen(herald, task_id)):
            pass
    assert task["queuePosition"] == 1


async def test_a_queued_task_is_moved_by_a_new_priority(herald: Herald, store: Store, feed: Feed) -> None:
    await beat(feed)
    ids = [(await herald.create(PERSONAS))["taskId"] for _ in range(3)]
    async with herald.connected() as socket:
        moved = await herald.request("PATCH", f"/api/jobs/{ids[2]}", json={"priority": "high"})
        assert moved.status_code == 200
        assert (moved.json()["priority"], moved.json()["queuePosition"]) == ("high", 1)
        event = (await socket.publication())["data"]
        assert (event["type"], event["task"]["queuePosition"], event["task"]["rev"]) == ("task.queued", 1, 2)
    assert [(await seen(herald, task_id))["queuePosition"] for task_id in ids] == [2, 3, 1]
    for body in ({}, {"priority": "urgent"}, {"priority": "low", "status": "completed"}):
        wrong = await herald.request("PATCH", f"/api/jobs/{ids[0]}", json=body)
        assert wrong.status_code == 422
        assert wrong.headers["content-type"] == "application/problem+json"
    stranger = await herald.other("eve").request("PATCH", f"/api/jobs/{ids[0]}", json={"priority": "low"})
    assert stranger.status_code == 404
    await store.transition(ids[0], TaskStatus.PROCESSING, by="w", attempt=1)
    late = await herald.request("PATCH", f"/api/jobs/{ids[0]}", json={"priority": "low"})
    assert (late.status_code, late.json()["taskStatus"]) == (409, "processing")


async def test_too_many_queued_tasks_are_refused_but_a_repeated_request_is_not(settings: Settings) -> None:
    async with herald_with(settings, max_queued_per_user=2) as herald:
        key = {"Idempotency-Key": "k"}
        first = await herald.create(PERSONAS, headers=key)
        await herald.create(PERSONAS)
        full = await herald.post("/api/jobs", json=PERSONAS)
        assert full.status_code == 429
        assert int(full.headers["retry-after"]) > 0
        assert full.json()["status"] == 429
        assert (await herald.create(PERSONAS, headers=key))["taskId"] == first["taskId"]
        assert (await herald.other("bea").create(PERSONAS))["status"] == "queued"
        await herald.post(f"/api/jobs/{first['taskId']}/cancel")
        assert (await herald.create(PERSONAS))["status"] == "queued"


async def test_a_retry_counts_against_the_queue_limit_like_a_new_task(settings: Settings) -> None:
    async with herald_with(settings, max_queued_per_user=2) as herald:
        ended = [(await herald.create(PERSONAS))["taskId"] for _ in range(2)]
        for task_id in ended:
            await herald.post(f"/api/jobs/{task_id}/cancel")
        first, _ = [(await herald.create(PERSONAS))["taskId"] for _ in range(2)]
        refused = await herald.post(f"/api/jobs/{ended[0]}/retry")
        assert refused.status_code == 429 and int(refused.headers["retry-after"]) > 0
        assert (await seen(herald, ended[0]))["status"] == "cancelled"
        assert (await herald.post(f"/api/jobs/{first}/retry")).status_code == 409
        await herald.post(f"/api/jobs/{first}/cancel")
        assert (await herald.post(f"/api/jobs/{ended[0]}/retry")).status_code == 200
        assert (await herald.post(f"/api/jobs/{ended[1]}/retry")).status_code == 429
        assert (await herald.operator().post(f"/api/jobs/{ended[1]}/retry")).status_code == 200


async def test_concurrent_requests_do_not_exceed_the_queue_limit(settings: Settings, store: Store) -> None:
    async with (
        herald_with(settings, max_queued_per_user=10) as one,
        herald_with(settings, max_queued_per_user=10) as two,
    ):
        ended = [(await one.create(PERSONAS))["taskId"] for _ in range(10)]
        await asyncio.gather(*(one.post(f"/api/jobs/{task_id}/cancel") for task_id in ended))
        answers = await asyncio.gather(
            *(herald.post("/api/jobs", json=PERSONAS) for herald in (one, two) for _ in range(15)),
            *(two.post(f"/api/jobs/{task_id}/retry") for task_id in ended),
        )
    assert {answer.status_code for answer in answers} <= {200, 202, 429}
    assert sum(answer.status_code < 300 for answer in answers) == 10
    assert await store.queries.count_queued("ada") == 10


async def test_a_task_that_is_stored_and_reserved_counts_once(settings: Settings, feed: Feed) -> None:
    queue = Queue(feed.redis)  # type: ignore[arg-type]
    async with herald_with(settings, max_queued_per_user=2) as herald:
        stored = (await herald.create(PERSONAS))["taskId"]
        await queue.reserve("ada", stored)  # its reservation has not been released yet
        await herald.create(PERSONAS)
        assert (await herald.post("/api/jobs", json=PERSONAS)).status_code == 429


async def test_estimated_starts_respect_the_limit_of_running_tasks_per_user(
    settings: Settings, feed: Feed
) -> None:
    await beat(feed)
    await Durations(RecentValues(feed.redis)).record("AUTO_GENERATE_PERSONAS", [(WHOLE_RUN, 100.0)] * 3)
    async with herald_with(settings, max_running_per_user=2) as herald:
        created = [await herald.create(PERSONAS) for _ in range(5)]
        listed = (await herald.get("/api/jobs")).json()["tasks"][::-1]
    for tasks in (created, listed):
        assert [task["queuePosition"] for task in tasks] == [1, 2, 3, 4, 5]
        starts = [_seconds(task["estimatedStart"]) for task in tasks]
        assert starts == sorted(starts)
        assert [round((start - starts[0]) / 100) for start in starts] == [0, 0, 1, 1, 2]


async def test_a_changed_estimated_start_changes_the_etag(herald: Herald, feed: Feed) -> None:
    await beat(feed, slots=1)
    durations = Durations(RecentValues(feed.redis))
    await durations.record("AUTO_GENERATE_PERSONAS", [(WHOLE_RUN, 100.0)] * 3)
    task_id = [(await herald.create(PERSONAS))["taskId"] for _ in range(2)][1]
    etag = (await herald.get(f"/api/jobs/{task_id}")).headers["etag"]
    await durations.record("AUTO_GENERATE_PERSONAS", [(WHOLE_RUN, 1000.0)] * 50)
    async with asyncio.timeout(30):
        while (await herald.get(f"/api/jobs/{task_id}", headers={"If-None-Match": etag})).status_code == 304:
            await asyncio.sleep(0.02)


async def test_the_start_is_estimated_once_the_durations_of_earlier_runs_are_known(
    herald: Herald, feed: Feed
) -> None:
    assert "estimatedStart" not in await herald.create(PERSONAS)
    await beat(feed, slots=1, running=1)
    for _ in range(3):
        await Durations(RecentValues(feed.redis)).record("AUTO_GENERATE_PERSONAS", [(WHOLE_RUN, 100.0)])
    task = await herald.create(PERSONAS)
    assert task["queuePosition"] == 2
    expected = now() + timedelta(seconds=100)
    assert abs(int(expected.timestamp()) - _seconds(task["estimatedStart"])) < 5


def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


async def test_queued_tasks_receive_their_new_position_as_they_move_up(
    herald: Herald, settings: Settings, feed: Feed
) -> None:
    await beat(feed, slots=1)
    slow = environment(settings, HERALD_OFFLINE_WORDS_PER_SECOND="40", HERALD_MAX_JOBS="1")
    async with herald.connected() as socket, asyncio.timeout(60):
        ids = [(await herald.create(PERSONAS))["taskId"] for _ in range(3)]
        with running(WORKER, slow):
            positions: list[int] = []
            while True:
                event = (await socket.publication())["data"]
                if event["task"]["taskId"] != ids[2]:
                    continue
                if event["type"] == "task.processing":
                    break
                positions.append(event["task"]["queuePosition"])
    assert positions[0] == 3 and positions[-1] == 1
    assert positions == sorted(positions, reverse=True)


async def test_completion_is_estimated_after_three_earlier_runs(
    herald: Herald, settings: Settings, store: Store
) -> None:
    pace = environment(settings, HERALD_OFFLINE_WORDS_PER_SECOND="300")
    plan = {**MEDIA_PLAN, "payload": {**MEDIA_PLAN["payload"], "settings": {"weeks": 2}}}  # type: ignore[dict-item]
    with running(WORKER, pace):
        async with herald.connected() as socket, asyncio.timeout(60):
            for run in range(4):
                task_id = (await herald.create(plan))["taskId"]
                estimates = []
                while True:
                    event = (await socket.publication())["data"]
                    if event["task"]["taskId"] == task_id:
                        estimates.append(event["task"].get("estimatedCompletion"))
                        if event["type"] == "task.completed":
                            break
                if run < 3:
                    assert not any(estimates[:2]), "too few runs to estimate from"
    given = [estimate for estimate in estimates if estimate]
    done = await store.get(task_id)
    assert given and done is not None and done.completed_at is not None and done.started_at is not None
    assert estimates[-1] is None
    took = (done.completed_at - done.started_at).total_seconds()
    assert abs(_seconds(given[-1]) - done.completed_at.timestamp()) < max(2, took / 2)


async def test_the_workers_publish_unannounced_transitions(
    herald: Herald, settings: Settings, store: Store
) -> None:
    long_ago = now() - timedelta(minutes=1)
    task, _ = await store.create(
        a_task(status=TaskStatus.FAILED, completed_at=long_ago, updated_at=long_ago, rev=4)
    )
    async with herald.connected() as socket, asyncio.timeout(20):
        with running(WORKER, environment(settings)):
            event = (await socket.publication())["data"]
            assert (event["type"], event["task"]["rev"]) == ("task.failed", 4)
            while (await store.get(task.task_id)).unannounced:  # type: ignore[union-attr]
                await asyncio.sleep(0.05)


@pytest.mark.parametrize("status", [TaskStatus.QUEUED, TaskStatus.RETRYING, TaskStatus.PROCESSING])
async def test_an_overdue_task_fails(
    herald: Herald, settings: Settings, store: Store, status: TaskStatus
) -> None:
    queued_at = now() - timedelta(hours=2)
    later = now() + timedelta(hours=1)
    task, _ = await store.create(a_task(status=status, queued_at=queued_at, next_retry_at=later))
    async with Queue.connect(settings) as queue:
        await queue.enqueue(task)
        async with herald.connected() as socket, asyncio.timeout(20):
            with running(WORKER, environment(settings, HERALD_TASK_DEADLINE_S="3600")):
                while (event := (await socket.publication())["data"])["type"] != "task.failed":
                    pass
        assert await queue.missing([task]) == [task]
    ended = await store.get(task.task_id)
    assert ended is not None
    assert (ended.end_reason, ended.retryable) == (EndReason.EXPIRED, True)
    assert "3600 s" in str(ended.last_error)
    assert event["task"]["endReason"] == "expired"
