"""Documents of newer and older versions of Herald, and unreadable ones, do not disturb this version."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest

from herald.shared.observability import metrics
from herald.shared.queue.jobs import job_id
from herald.shared.queue.queue import LATER, Queue
from herald.shared.settings import Settings
from herald.shared.tasks import documents, queries
from herald.shared.tasks.documents import UnreadableError
from herald.shared.tasks.models import TaskStatus, now
from herald.shared.tasks.store import Store
from herald.worker.dependencies import Dependencies
from herald.worker.engine.attempt import run_task
from herald.worker.engine.claims import RunAgainError
from herald.worker.maintenance import announcer, deadlines, rescuer
from herald.worker.maintenance.positions import PositionPublisher
from tests.support.attempts import MakeDependencies, make_dependencies, until_status
from tests.support.client import PERSONAS, Herald
from tests.support.processes import WORKER, environment, running
from tests.support.tasks import a_task

__all__ = ["make_dependencies"]

Document = dict[str, Any]

NEWER: dict[str, Document] = {
    "a new status": {"status": "paused", "unannounced": True, "pausedBy": "ada"},
    "a new end": {"status": "failed", "endReason": "budget", "completedAt": now(), "spent": {"usd": 1}},
    "a new ended status": {"status": "skipped", "completedAt": now(), "unannounced": True},
    "a new priority": {"priority": "urgent", "labels": ["x"]},
    "a new step status": {
        "steps": [{"name": "Outline", "status": "skipped", "because": "cached"}],
        "history": [{"at": now(), "status": "paused", "by": "ada", "where": "cli"}],
    },
}
BROKEN: dict[str, Callable[[Document], Any]] = {
    "without its time": lambda document: document.pop("queuedAt"),
    "without a version": lambda document: document.pop("rev"),
    "with a version that is text": lambda document: document.update(rev="1"),
    "with a number for its type": lambda document: document.update(type=7),
    "with text for its progress": lambda document: document.update(progress="half"),
    "with a number for its status": lambda document: document.update(status=3),
    "with a text for its time": lambda document: document.update(queuedAt="yesterday"),
}
OPTIONAL = {"progress", "steps", "priority", "retryCount", "maxRetries", "attempt", "tick", "history"}


async def put(store: Store, **changes: Any) -> Document:
    """A document of ada's, an hour old, as another version would write it; ``changes`` are raw fields."""
    at = now() - timedelta(hours=1)
    report = {"type": "WRITE_REPORT", "payload": {"topic": "Bells"}}
    task = a_task(queued_at=at, created_at=at, updated_at=at, brand_id="acme", **report)
    document = task.document() | changes
    await store._tasks.insert_one(document)
    return document


async def put_broken(store: Store, how: str, **changes: Any) -> Document:
    document = a_task(brand_id="acme").document() | changes
    BROKEN[how](document)
    await store._tasks.insert_one(document)
    return document


async def stored(store: Store, document: Document) -> Any:
    """The document as it is in MongoDB now."""
    return await store._tasks.find_one({"_id": document["_id"]})


@pytest.fixture
async def queue(settings: Settings) -> AsyncIterator[Queue]:
    async with Queue.connect(settings) as opened:
        yield opened


async def maintain(dependencies: Dependencies) -> None:
    """One round of each maintenance duty that reads tasks."""
    await deadlines.end_overdue(dependencies)
    await rescuer.enqueue_lost(dependencies)
    await announcer.announce(dependencies)


@pytest.mark.parametrize("what", NEWER)
async def test_a_newer_document_is_shown_as_it_is_and_left_unchanged(
    herald: Herald, store: Store, make_dependencies: MakeDependencies, queue: Queue, what: str
) -> None:
    newer, healthy = await put(store, **NEWER[what]), await herald.create(PERSONAS)
    task_id, known = newer["taskId"], {"status", "endReason", "priority"}
    expected = {name: value for name, value in NEWER[what].items() if name in known}
    listed = (await herald.get("/api/jobs")).json()["tasks"]
    assert [task["taskId"] for task in listed] == [healthy["taskId"], task_id]
    checked = (await herald.get(f"/api/jobs?action=status&taskIds={task_id}")).json()["tasks"]
    one = (await herald.get(f"/api/jobs/{task_id}")).json()
    herald.brands = ["acme"]
    async with herald.connected() as socket:
        snapshot = socket.hello["subs"]["tasks#ada"]["data"]["tasks"]
        acme = (await socket.call(subscribe={"channel": "brand:acme"}))["subscribe"]["data"]["tasks"]
    for task in (
        listed[1],
        checked[0],
        one,
        *[each for each in snapshot if each["taskId"] == task_id],
        *acme,
    ):
        assert task["taskId"] == task_id
        assert {name: task[name] for name in expected} == expected
    assert {task_id, healthy["taskId"]} == {task["taskId"] for task in snapshot}
    operator = herald.operator()
    for path in ("/api/ops", "/api/ops/tasks", f"/api/ops/tasks/{task_id}", "/metrics"):
        assert (await operator.get(path)).status_code == 200, path
    seen = (await operator.get("/api/ops/tasks")).json()["tasks"]
    assert task_id in [task["taskId"] for task in seen]
    dependencies = make_dependencies()
    await maintain(dependencies)
    await PositionPublisher(dependencies).publish()
    assert await stored(store, newer) == newer


@pytest.mark.parametrize("what", ["a new status", "a new ended status"])
async def test_a_task_in_an_unknown_status_stays_in_it(
    herald: Herald, store: Store, make_dependencies: MakeDependencies, what: str
) -> None:
    newer = await put(store, **NEWER[what])
    for action in ("cancel", "retry"):
        refused = await herald.post(f"/api/jobs/{newer['taskId']}/{action}")
        assert (refused.status_code, refused.json()["taskStatus"]) == (409, NEWER[what]["status"])
    expected = pytest.raises(RunAgainError) if "completedAt" not in newer else nullcontext()
    with expected:  # unless it has ended, it stays in the queue for a worker of the newer version
        await run_task(newer["taskId"], make_dependencies())
    assert await stored(store, newer) == newer


async def test_a_task_of_a_newer_version_runs_and_keeps_its_unknown_fields(
    store: Store, make_dependencies: MakeDependencies
) -> None:
    newer = await put(store, **NEWER["a new priority"], **NEWER["a new step status"])
    await run_task(newer["taskId"], make_dependencies())
    done = await stored(store, newer)
    assert (done["status"], done["priority"], done["labels"]) == ("completed", "urgent", ["x"])
    assert done["history"][0] == newer["history"][0]


async def test_a_task_of_an_older_version_without_optional_fields_is_shown_and_runs(
    herald: Herald, store: Store, make_dependencies: MakeDependencies, queue: Queue
) -> None:
    document = await put(store)
    await store._tasks.update_one({"_id": document["_id"]}, {"$unset": dict.fromkeys(OPTIONAL, "")})
    assert not OPTIONAL & (await stored(store, document)).keys()
    [listed] = (await herald.get("/api/jobs")).json()["tasks"]
    assert (listed["progress"], listed["priority"], listed["steps"]) == (0, "normal", [])
    await maintain(make_dependencies())
    assert await queue.length() == 1
    await run_task(document["taskId"], make_dependencies())
    assert (await stored(store, document))["status"] == "completed"


@pytest.mark.parametrize("how", BROKEN)
async def test_an_unreadable_document_does_not_affect_other_tasks(
    herald: Herald, store: Store, make_dependencies: MakeDependencies, how: str
) -> None:
    older = await herald.create(PERSONAS)
    broken = await put_broken(store, how)
    ended = await put_broken(store, how, completedAt=now(), startedAt=now())
    newer = await herald.create(PERSONAS)
    healthy = [newer["taskId"], older["taskId"]]
    found, query = [], "/api/jobs?limit=1"
    while query:
        page = (await herald.get(query)).json()
        found += [task["taskId"] for task in page["tasks"]]
        query = f"/api/jobs?limit=1&after={page['after']}" if "after" in page else ""
    assert found == healthy
    checked = await herald.get(
        "/api/jobs", params={"action": "status", "taskIds": f"{broken['taskId']},{older['taskId']}"}
    )
    assert checked.json()["notFound"] == [broken["taskId"]] and len(checked.json()["tasks"]) == 1
    assert (await herald.get(f"/api/jobs/{broken['taskId']}")).status_code == 404
    herald.brands = ["acme"]
    async with herald.connected() as socket:
        snapshot = socket.hello["subs"]["tasks#ada"]["data"]
        assert (await socket.call(subscribe={"channel": "brand:acme"}))["subscribe"]["data"] == {"tasks": []}
    assert [task["taskId"] for task in snapshot["tasks"]] == healthy
    operator = herald.operator()
    for path in ("/api/ops", "/api/ops/tasks", "/metrics"):
        assert (await operator.get(path)).status_code == 200, path
    inspected = await operator.get(f"/api/ops/tasks/{broken['taskId']}")
    assert inspected.status_code == 500 and broken["taskId"] in inspected.json()["detail"]
    assert (await stored(store, broken), await stored(store, ended)) == (broken, ended)


async def test_maintenance_skips_unreadable_documents(
    store: Store, make_dependencies: MakeDependencies, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "MAX_LISTED", 2)
    long_ago = now() - timedelta(days=2)
    since = {"updatedAt": long_ago}
    broken = [await put_broken(store, how, unannounced=True, **since) for how in BROKEN]
    broken += [await put_broken(store, "without a version", queuedAt=long_ago, **since) for _ in range(3)]
    lost = await put(store, **since)
    overdue = await put(store, queuedAt=long_ago, **since)
    unannounced = await put(store, status="failed", completedAt=long_ago, unannounced=True, **since)
    await maintain(make_dependencies())
    waiting = [job.decode().partition(":")[0] for job, _ in (await queue.state()).waiting]
    assert waiting == [lost["taskId"]]
    assert (await stored(store, overdue))["endReason"] == "expired"
    assert "unannounced" not in await stored(store, unannounced)
    assert [await stored(store, document) for document in broken] == broken
    found = await store.queries.queued([lost["taskId"], *(document["taskId"] for document in broken)])
    assert [task.task_id for task in found] == [lost["taskId"]]


async def test_a_worker_puts_off_a_task_that_it_cannot_read(
    settings: Settings, store: Store, queue: Queue
) -> None:
    task = a_task()
    document = task.document() | {"progress": "half"}
    await store._tasks.insert_one(document)
    await queue.enqueue(task)
    healthy, _ = await store.create(a_task())
    await queue.enqueue(healthy)
    with running(WORKER, environment(settings)):
        await until_status(store, healthy, TaskStatus.COMPLETED)
        async with asyncio.timeout(30):
            while (due_ms := await queue.redis.zscore(LATER, job_id(task))) is None:
                await asyncio.sleep(0.02)
        assert due_ms > now().timestamp() * 1000, "it is not taken again at once"
        assert await stored(store, document) == document
        await store._tasks.update_one({"_id": document["_id"]}, {"$set": {"progress": 0}})
        await queue.redis.zadd(LATER, {job_id(task): 1})  # it is due
        await until_status(store, task, TaskStatus.COMPLETED)


async def test_an_unreadable_document_is_counted_each_time_and_logged_once(
    store: Store, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "_logged", {})
    document = await put_broken(store, "without its time")
    before = metrics.UNREADABLE._value.get()
    with caplog.at_level(logging.WARNING):
        assert (await store.queries.list_tasks("ada")).tasks == []
        with pytest.raises(UnreadableError, match=rf"{document['taskId']}.*queuedAt"):
            await store.get(document["taskId"])
    assert metrics.UNREADABLE._value.get() - before == 2
    [line] = [record for record in caplog.records if record.name == "herald.shared.tasks.documents"]
    assert line.__dict__["about"] == {"taskId": document["taskId"]}
    assert "bicycle" not in line.getMessage(), "the user's input is not logged"
