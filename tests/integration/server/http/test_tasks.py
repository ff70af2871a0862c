"""The task endpoints, over real sockets and with real databases."""

import asyncio
from typing import Any

import httpx2
import pytest

from herald.server.app import create_app
from herald.shared.feed.feed import Feed
from herald.shared.queue.jobs import deserialize, job_id
from herald.shared.queue.queue import QUEUE_NAME
from herald.shared.settings import Settings
from herald.shared.tasks.models import EndReason, TaskStatus, now
from herald.shared.tasks.store import Store
from tests.support.client import BRAND_KIT, MEDIA_PLAN, PERSONAS, Herald
from tests.support.problems import problem
from tests.support.web import serving


@pytest.mark.parametrize("path", ["/api/jobs", "/api/jobs?action=create"])
@pytest.mark.parametrize("body", [MEDIA_PLAN, BRAND_KIT, PERSONAS])
async def test_a_task_is_accepted_stored_published_and_queued(
    herald: Herald, store: Store, feed: Feed, path: str, body: dict[str, Any]
) -> None:
    response = await herald.post(path, json=body)
    assert response.status_code == 202
    answer = response.json()
    task_id = answer["taskId"]
    assert response.headers["location"] == f"/api/jobs/{task_id}"
    assert (answer["status"], answer["progress"], answer["rev"]) == ("queued", 0, 1)
    assert "payload" not in answer
    stored = await store.get(task_id)
    assert stored is not None
    assert (stored.user_id, stored.type) == ("ada", body["type"])
    plain = {name: value for name, value in body["payload"].items() if name != "settings"}
    assert stored.payload.items() >= plain.items()
    [publication] = (await feed.history("tasks#ada", limit=10)).publications
    assert '"task.queued"' in publication.data
    assert await feed.redis.zrange(QUEUE_NAME, 0, -1) == [job_id(stored).encode()]
    job = deserialize(await feed.redis.get(f"arq:job:{job_id(stored)}"))
    assert task_id in job["a"]


async def test_tasks_of_higher_priority_are_queued_ahead(herald: Herald, feed: Feed) -> None:
    created = [
        (await herald.create(PERSONAS | {"priority": priority}))["taskId"]
        for priority in ("low", "normal", "high", "normal")
    ]
    queued = [entry.decode().partition(":")[0] for entry in await feed.redis.zrange(QUEUE_NAME, 0, -1)]
    assert queued == [created[2], created[1], created[3], created[0]]


async def test_requests_with_one_idempotency_key_create_one_task(herald: Herald, feed: Feed) -> None:
    headers = {"Idempotency-Key": "k1"}
    created = await asyncio.gather(*(herald.create(PERSONAS, headers=headers) for _ in range(5)))
    assert len({task["taskId"] for task in created}) == 1
    assert await feed.redis.zcard(QUEUE_NAME) == 1
    problem(await herald.post("/api/jobs", json=BRAND_KIT, headers=headers), 422)
    other = await herald.other("bob").create(PERSONAS, headers=headers)
    assert other["taskId"] != created[0]["taskId"]
    problem(await herald.post("/api/jobs", json=PERSONAS, headers={"Idempotency-Key": "k" * 256}), 400)


async def test_a_task_of_a_brand_needs_a_token_for_it(herald: Herald) -> None:
    body = PERSONAS | {"brandId": "acme"}
    problem(await herald.post("/api/jobs", json=body), 403)
    member, colleague = herald.other("ada", ["acme"]), herald.other("bob", ["acme"])
    task = await member.create(body)
    assert (await colleague.get(f"/api/jobs/{task['taskId']}")).json()["brandId"] == "acme"


async def test_a_status_check_returns_many_tasks_in_one_call(herald: Herald) -> None:
    mine = [(await herald.create(PERSONAS))["taskId"] for _ in range(2)]
    foreign = (await herald.other("bob").create(PERSONAS))["taskId"]
    path = f"/api/jobs?action=status&taskIds={mine[1]},{foreign},{mine[0]},unknown,{mine[1]}"
    response = await herald.get(path)
    assert [task["taskId"] for task in response.json()["tasks"]] == [mine[1], mine[0]]
    assert response.json()["notFound"] == [foreign, "unknown"]
    assert int(response.headers["retry-after"]) > 0
    etag = response.headers["etag"]
    unchanged = await herald.get(path, headers={"If-None-Match": etag})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    await herald.post(f"/api/jobs/{mine[0]}/cancel")
    changed = await herald.get(path, headers={"If-None-Match": etag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != etag
    ended = await herald.get(f"/api/jobs?action=status&taskIds={mine[0]}")
    assert "retry-after" not in ended.headers


@pytest.mark.parametrize("ids", ["", ",", ",".join(map(str, range(101)))])
async def test_a_status_check_needs_1_to_100_ids(herald: Herald, ids: str) -> None:
    problem(await herald.get(f"/api/jobs?action=status&taskIds={ids}"), 400)


async def test_an_unchanged_task_is_answered_304(herald: Herald) -> None:
    task = await herald.create(PERSONAS)
    response = await herald.get(f"/api/jobs/{task['taskId']}")
    assert response.json() == task
    again = await herald.get(
        f"/api/jobs/{task['taskId']}", headers={"If-None-Match": response.headers["etag"]}
    )
    assert again.status_code == 304


async def test_tasks_of_other_users_are_not_found(herald: Herald) -> None:
    task_id = (await herald.create(PERSONAS))["taskId"]
    bob = herald.other("bob")
    for response in (
        await bob.get(f"/api/jobs/{task_id}"),
        await bob.post(f"/api/jobs/{task_id}/cancel"),
        await bob.post(f"/api/jobs/{task_id}/retry"),
    ):
        assert problem(response, 404) == problem(await bob.get("/api/jobs/unknown"), 404)
    assert (await bob.get("/api/jobs")).json()["tasks"] == []


async def test_tasks_are_listed_in_pages(herald: Herald) -> None:
    created = [(await herald.create(PERSONAS))["taskId"] for _ in range(3)]
    await herald.post(f"/api/jobs/{created[0]}/cancel")
    first = (await herald.get("/api/jobs?limit=2")).json()
    rest = (await herald.get(f"/api/jobs?limit=2&after={first['after']}")).json()
    assert sorted(task["taskId"] for page in (first, rest) for task in page["tasks"]) == sorted(created)
    assert "after" not in rest
    queued = (await herald.get("/api/jobs?status=queued,processing")).json()["tasks"]
    assert {task["taskId"] for task in queued} == set(created[1:])


async def test_a_long_poll_is_answered_when_the_task_changes(herald: Herald, store: Store) -> None:
    task = await herald.create(PERSONAS)
    path = f"/api/jobs/{task['taskId']}"
    etag = (await herald.get(path)).headers["etag"]

    async def waiting(seconds: int) -> httpx2.Response:
        return await herald.get(
            path, headers={"If-None-Match": etag, "Prefer": f"wait={seconds}"}, timeout=30
        )

    held = asyncio.create_task(waiting(20))
    assert (await asyncio.wait([held], timeout=1.5))[1], "it was answered too early"
    await herald.post(f"{path}/cancel")
    async with asyncio.timeout(5):
        changed = await held
    assert (changed.status_code, changed.json()["status"]) == (200, "cancelled")
    assert changed.headers["preference-applied"] == "wait=20"
    assert (await waiting(20)).status_code == 200, "a changed task is answered at once"
    etag = changed.headers["etag"]
    assert (await waiting(1)).status_code == 304
    stranger = herald.other("bob")
    problem(await stranger.get(path, headers={"If-None-Match": etag, "Prefer": "wait=20"}), 404)


async def test_a_task_is_cancelled_and_retried(herald: Herald, store: Store, feed: Feed) -> None:
    task_id = (await herald.create(PERSONAS))["taskId"]
    problem(await herald.post(f"/api/jobs/{task_id}/retry"), 409)
    cancelled = (await herald.post(f"/api/jobs/{task_id}/cancel")).json()
    assert (cancelled["status"], cancelled["endReason"], cancelled["rev"]) == ("cancelled", "user", 2)
    assert cancelled["completedAt"]
    refused = problem(await herald.post(f"/api/jobs/{task_id}/cancel"), 409)
    assert refused["taskStatus"] == "cancelled"
    again = (await herald.post(f"/api/jobs/{task_id}/retry")).json()
    assert (again["status"], again["rev"]) == ("queued", 3)
    assert {"completedAt", "endReason", "retryable"}.isdisjoint(again)
    types = [
        publication.data.split('"')[3]
        for publication in (await feed.history("tasks#ada", limit=9)).publications
    ]
    assert types == ["task.queued", "task.cancelled", "task.queued"]
    stored = await store.get(task_id)
    assert stored is not None
    assert await feed.redis.zscore(QUEUE_NAME, job_id(stored)) is not None
    assert [entry.status for entry in stored.history] == ["queued", "cancelled", "queued"]


async def test_a_completed_task_cannot_be_cancelled_or_retried(herald: Herald, store: Store) -> None:
    task_id = (await herald.create(PERSONAS))["taskId"]
    await store.transition(task_id, TaskStatus.PROCESSING, by="w", attempt=1)
    await store.transition(task_id, TaskStatus.COMPLETED, by="w", completed_at=now())
    for action in ("cancel", "retry"):
        assert problem(await herald.post(f"/api/jobs/{task_id}/{action}"), 409)["taskStatus"] == "completed"


async def test_a_failed_task_shows_its_error_and_can_be_retried(herald: Herald, store: Store) -> None:
    task_id = (await herald.create(PERSONAS))["taskId"]
    await store.transition(
        task_id,
        TaskStatus.FAILED,
        by="w",
        last_error="no",
        end_reason=EndReason.QUOTA,
        completed_at=now(),
        current_step="Writing",
        current_step_index=1,
    )
    shown = (await herald.get(f"/api/jobs/{task_id}")).json()
    assert (shown["status"], shown["lastError"], shown["endReason"]) == ("failed", "no", "quota")
    again = (await herald.post(f"/api/jobs/{task_id}/retry")).json()
    assert {"lastError", "currentStep", "currentStepIndex"}.isdisjoint(again)


async def test_tasks_are_accepted_without_redis(settings: Settings, store: Store) -> None:
    nowhere = settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    app = create_app(nowhere)
    async with serving(app) as address, httpx2.AsyncClient(base_url=f"http://{address}") as http:
        token = (await http.post("/api/token", json={"userId": "ada"})).json()["token"]
        response = await http.post("/api/jobs", json=PERSONAS, headers={"Authorization": f"Bearer {token}"})
        assert response.status_code == 202
        assert await store.get(response.json()["taskId"]) is not None
        ready = await http.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["redis"] != "ok"
