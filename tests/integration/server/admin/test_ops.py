"""The operators' overview and tools, which require the scope `operator`."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from herald.shared.feed.feed import Feed
from herald.shared.queue.heartbeats import Heartbeats
from herald.shared.queue.jobs import job_id
from herald.shared.queue.queue import OWNERS
from herald.shared.settings import Settings
from herald.shared.tasks.models import EndReason, Task, TaskStatus, now
from herald.shared.tasks.store import Store
from tests.support.client import PERSONAS, Herald, Socket
from tests.support.processes import WORKER, environment, running
from tests.support.tasks import a_task


async def ended(store: Store, status: TaskStatus, **changes: Any) -> Task:
    """A task that has just ended, one second after it was queued and half a second after its start."""
    at = now()
    task = a_task(
        status=status,
        queued_at=at - timedelta(seconds=1),
        started_at=at - timedelta(seconds=0.5),
        completed_at=at,
        **changes,
    )
    await store.create(task)
    return task


async def overview_of(socket: Socket) -> dict[str, Any]:
    """The overview in the next message on the operators' channel."""
    while (push := await socket.push())["channel"] != "ops":
        pass
    overview: dict[str, Any] = push["pub"]["data"]["overview"]
    return overview


async def test_only_operators_have_access(herald: Herald) -> None:
    task = await herald.create(PERSONAS)
    for path in ("/api/ops", "/api/ops/tasks", f"/api/ops/tasks/{task['taskId']}"):
        assert (await herald.http.get(path)).status_code == 401
        refused = await herald.get(path)
        assert refused.status_code == 403 and "`operator`" in refused.json()["detail"]
        assert (await herald.operator().get(path)).status_code == 200
    async with herald.connected() as socket:
        assert (await socket.call(subscribe={"channel": "ops"}))["error"]["code"] == 103
        assert (await socket.call(history={"channel": "ops"}))["error"]["code"] == 103


async def test_the_overview_counts_tasks_workers_and_failures(
    herald: Herald, store: Store, feed: Feed
) -> None:
    heartbeats = Heartbeats(feed.redis)
    await heartbeats.beat("worker-1", slots=20, running=1, types={"A": "1"})
    waiting = await herald.create(PERSONAS)
    at_work = a_task(status=TaskStatus.PROCESSING, attempt=1, progress=40, current_step="Sketching")
    await store.create(at_work)
    await feed.redis.hset(OWNERS, job_id(at_work), "worker-1")  # type: ignore[misc]
    for _ in range(3):
        await ended(store, TaskStatus.COMPLETED)
    failed = await ended(store, TaskStatus.FAILED, end_reason=EndReason.QUOTA, last_error="used up")
    old = now() - timedelta(hours=2)
    await store.create(a_task(status=TaskStatus.COMPLETED, completed_at=old))

    seen = (await herald.operator().get("/api/ops")).json()
    assert seen["queue"]["depth"] == 1 and 0 <= seen["queue"]["oldestWaitS"] < 30
    active = {(each["status"], each["tasks"]) for each in seen["active"]}
    assert active == {("queued", 1), ("processing", 1)}
    assert (seen["ended"]["completed"], seen["ended"]["failed"], seen["ended"]["cancelled"]) == (3, 1, 0)
    assert seen["ended"]["reasons"] == [{"reason": "quota", "tasks": 1}]
    assert len(seen["ended"]["minutes"]) == 30
    assert sum(minute["completed"] for minute in seen["ended"]["minutes"]) == 3
    assert seen["start"] == {"tasks": 4, "p50S": 0.5, "p99S": 0.5}
    [worker] = seen["workers"]
    assert (worker["name"], worker["slots"], worker["types"]) == ("worker-1", 20, ["A"])
    [running_task] = worker["tasks"]
    assert running_task["taskId"] == at_work.task_id and running_task["currentStep"] == "Sketching"
    assert [task["taskId"] for task in seen["failed"]] == [failed.task_id]
    assert waiting["taskId"] not in str(seen), "queued tasks are counted, not listed"


async def test_subscribers_receive_new_overviews_that_include_their_hub(herald: Herald) -> None:
    async with herald.operator().connected() as socket:
        subscribed = (await socket.call(subscribe={"channel": "ops"}))["subscribe"]
        assert subscribed["data"]["overview"]["queue"]["depth"] == 0
        await herald.create(PERSONAS)
        async with asyncio.timeout(15):
            while (overview := await overview_of(socket))["queue"]["depth"] == 0:
                pass
            assert overview["hubs"][0]["connections"] >= 1
            while (overview := await overview_of(socket))["hubs"][0]["subscriptions"] < 2:
                pass


async def test_an_operator_cancels_and_retries_another_user_s_task(herald: Herald, store: Store) -> None:
    operator = herald.operator()
    task_id = (await herald.create(PERSONAS))["taskId"]
    async with herald.connected() as socket:
        assert (await operator.post(f"/api/jobs/{task_id}/cancel")).json()["status"] == "cancelled"
        assert (await socket.publication())["data"]["type"] == "task.cancelled", (
            "the owner receives the event"
        )
    assert (await operator.post(f"/api/jobs/{task_id}/retry")).json()["status"] == "queued"
    record = (await operator.get(f"/api/ops/tasks/{task_id}")).json()
    by = [(entry["status"], entry["by"]) for entry in record["history"]]
    assert by == [("queued", "user"), ("cancelled", "operator olga"), ("queued", "operator olga")]
    assert "payload" not in record and "idempotencyKey" not in record


async def test_an_operator_cannot_read_a_task_s_contents(herald: Herald, store: Store) -> None:
    task_id = (await herald.create(PERSONAS))["taskId"]
    await store.results.save("personas", {"_id": "p", "personaId": "p", "taskId": task_id, "userId": "ada"})
    operator = herald.operator()
    assert (await operator.get("/api/personas/p")).status_code == 404
    async with operator.connected() as socket:
        for channel in (f"task:{task_id}", "tasks#ada"):
            assert (await socket.call(subscribe={"channel": channel}))["error"]["code"] == 103


async def test_tasks_are_searched_by_status_and_page(herald: Herald, store: Store) -> None:
    failed = [await ended(store, TaskStatus.FAILED, user_id=f"u{number}") for number in range(3)]
    await ended(store, TaskStatus.COMPLETED)
    first = (await herald.operator().get("/api/ops/tasks?status=failed&limit=2")).json()
    assert [task["taskId"] for task in first["tasks"]] == [failed[2].task_id, failed[1].task_id]
    rest = (await herald.operator().get(f"/api/ops/tasks?status=failed&after={first['after']}")).json()
    assert [task["userId"] for task in rest["tasks"]] == ["u0"] and "after" not in rest
    assert (await herald.operator().get("/api/ops/tasks?status=lost")).status_code == 400


@pytest.mark.parametrize("scope", [5, ["operator"]])
async def test_a_scope_that_is_not_a_string_is_refused(herald: Herald, scope: Any) -> None:
    operator = herald.operator()
    operator.scope = scope
    assert (await operator.get("/api/ops")).status_code == 401


async def test_a_running_task_is_listed_under_its_worker(herald: Herald, settings: Settings) -> None:
    slow = settings.model_copy(update={"offline_words_per_second": 5})
    with running(WORKER, environment(slow, HERALD_WORKER_GRACE_S="0")):
        task_id = (await herald.create(PERSONAS))["taskId"]
        async with asyncio.timeout(30):
            found: list[Any] = []
            while not found:
                workers = (await herald.operator().get("/api/ops")).json()["workers"]
                found = [task for worker in workers for task in worker["tasks"]]
        assert found[0]["taskId"] == task_id
