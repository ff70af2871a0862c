"""The HTTP endpoints, over a real socket and on real services."""

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
from tests.support.web import serving


def problem(response: httpx2.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["status"] == status and body["title"] and body["detail"]
    return body


@pytest.mark.parametrize("path", ["/api/jobs", "/api/jobs?action=create"])
@pytest.mark.parametrize("body", [MEDIA_PLAN, BRAND_KIT, PERSONAS])
async def test_a_task_is_accepted_stored_announced_and_queued(
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


async def test_the_head_start_orders_the_queue(herald: Herald, feed: Feed) -> None:
    made = [
        (await herald.create(PERSONAS | {"priority": priority}))["taskId"]
        for priority in ("low", "normal", "high", "normal")
    ]
    queued = [entry.decode().partition(":")[0] for entry in await feed.redis.zrange(QUEUE_NAME, 0, -1)]
    assert queued == [made[2], made[1], made[3], made[0]]


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ([], 422, ""),
        ({}, 422, "/type"),
        (PERSONAS | {"type": "GENERATE_NOTHING"}, 422, "/type"),
        (PERSONAS | {"payload": {}}, 422, "/payload/product"),
        (PERSONAS | {"payload": {"product": "x", "count": 11}}, 422, "/payload/count"),
        (PERSONAS | {"payload": {"product": "x", "sum": 11}}, 422, "/payload/sum"),
        (PERSONAS | {"priority": "urgent"}, 422, "/priority"),
        (PERSONAS | {"maxRetries": -1}, 422, "/maxRetries"),
        (PERSONAS | {"userId": "bob"}, 422, "/userId"),
    ],
)
async def test_a_wrong_field_is_named(herald: Herald, body: Any, status: int, pointer: str) -> None:
    told = problem(await herald.post("/api/jobs", json=body), status)
    assert pointer in [error["pointer"] for error in told["errors"]]
    assert (await herald.get("/api/jobs")).json()["tasks"] == []


@pytest.mark.parametrize(
    ("wrong", "value"),
    [
        ({"priority": "urgent"}, '"urgent"'),
        ({"maxRetries": -1}, "-1"),
        ({"type": "GENERATE_NOTHING"}, '"GENERATE_NOTHING"'),
        ({"payload": {"product": "x" * 3000}}, '"' + "x" * 59 + "…"),
        ({"payload": {"product": {"a": None}}}, '{"a": null}'),
    ],
)
async def test_an_error_names_the_value_that_it_is_about(herald: Herald, wrong: Any, value: str) -> None:
    told = problem(await herald.post("/api/jobs", json=PERSONAS | wrong), 422)
    assert told["errors"][0]["detail"].endswith(f"it is {value}")
    assert told["detail"].endswith(told["errors"][0]["detail"])


async def test_many_wrong_fields_make_a_short_answer(herald: Herald) -> None:
    many = {f"~/{number}": 1 for number in range(15_000)}
    response = await herald.post("/api/jobs", json=PERSONAS | many)
    told = problem(response, 422)
    assert len(told["errors"]) == 20
    assert told["detail"].endswith("(14980 more fields are wrong)")
    assert told["errors"][0]["pointer"] == "/~0~10", "a JSON pointer escapes ~ and /"
    long = problem(await herald.post("/api/jobs", json=PERSONAS | {"k" * 100_000: 1}), 422)
    assert len(str(long)) < 2000


async def test_a_plan_that_would_end_after_the_calendar_is_refused(herald: Herald) -> None:
    plan: dict[str, Any] = {"objective": "Grow", "keywords": ["tea"], "settings": {"startDate": "9999-12-31"}}
    told = problem(await herald.post("/api/jobs", json={"type": "GENERATE_MEDIA_PLAN", "payload": plan}), 422)
    assert told["errors"][0]["pointer"] == "/payload/settings/startDate"
    assert told["errors"][0]["detail"].endswith('it is "9999-12-31"')


async def test_what_is_no_json_or_too_large_is_refused(herald: Herald, settings: Settings) -> None:
    problem(await herald.post("/api/jobs", content=b"{nonsense"), 400)
    problem(await herald.post("/api/jobs", content=b"\xff\xfe\x00"), 400)
    problem(await herald.post("/api/jobs", content=b" " * (settings.max_body_bytes + 1)), 413)


@pytest.mark.parametrize("method_and_path", ["POST /api/jobs?action=delete", "GET /api/jobs?action=create"])
async def test_an_unknown_action_is_refused(herald: Herald, method_and_path: str) -> None:
    problem(await herald.request(*method_and_path.split(" "), json=PERSONAS), 400)


async def test_an_unknown_path_or_method_is_a_problem_too(herald: Herald) -> None:
    problem(await herald.get("/api/nothing"), 404)
    problem(await herald.request("DELETE", "/api/jobs"), 405)


@pytest.mark.parametrize("header", [None, "Basic YTpi", "Bearer", "Bearer nonsense", "expired", "foreign"])
async def test_without_a_good_token_nothing_is_served(herald: Herald, header: str | None) -> None:
    if header == "expired":
        header = f"Bearer {herald.token(ttl_s=-10)}"
    elif header == "foreign":
        header = "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ."  # alg "none"
    headers = {"Authorization": header} if header else {}
    for method, path in (
        ("POST", "/api/jobs"),
        ("GET", "/api/jobs"),
        ("GET", "/api/jobs/x"),
        ("GET", "/api/personas"),
    ):
        response = await herald.http.request(method, path, headers=headers)
        problem(response, 401)
        assert response.headers["www-authenticate"] == "Bearer"


async def test_one_idempotency_key_makes_one_task(herald: Herald, feed: Feed) -> None:
    headers = {"Idempotency-Key": "k1"}
    made = await asyncio.gather(*(herald.create(PERSONAS, headers=headers) for _ in range(5)))
    assert len({task["taskId"] for task in made}) == 1
    assert await feed.redis.zcard(QUEUE_NAME) == 1
    problem(await herald.post("/api/jobs", json=BRAND_KIT, headers=headers), 422)
    other = await herald.other("bob").create(PERSONAS, headers=headers)
    assert other["taskId"] != made[0]["taskId"]
    problem(await herald.post("/api/jobs", json=PERSONAS, headers={"Idempotency-Key": "k" * 256}), 400)


async def test_a_brand_s_task_needs_the_brand(herald: Herald) -> None:
    body = PERSONAS | {"brandId": "acme"}
    problem(await herald.post("/api/jobs", json=body), 403)
    member, colleague = herald.other("ada", ["acme"]), herald.other("bob", ["acme"])
    task = await member.create(body)
    assert (await colleague.get(f"/api/jobs/{task['taskId']}")).json()["brandId"] == "acme"


async def test_the_status_of_many_in_one_call(herald: Herald) -> None:
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
async def test_a_status_check_asks_for_some_tasks_and_not_too_many(herald: Herald, ids: str) -> None:
    problem(await herald.get(f"/api/jobs?action=status&taskIds={ids}"), 400)


async def test_one_task_and_its_etag(herald: Herald) -> None:
    task = await herald.create(PERSONAS)
    response = await herald.get(f"/api/jobs/{task['taskId']}")
    assert response.json() == task
    again = await herald.get(
        f"/api/jobs/{task['taskId']}", headers={"If-None-Match": response.headers["etag"]}
    )
    assert again.status_code == 304


async def test_a_foreign_task_is_not_there(herald: Herald) -> None:
    task_id = (await herald.create(PERSONAS))["taskId"]
    bob = herald.other("bob")
    for response in (
        await bob.get(f"/api/jobs/{task_id}"),
        await bob.post(f"/api/jobs/{task_id}/cancel"),
        await bob.post(f"/api/jobs/{task_id}/retry"),
    ):
        assert problem(response, 404) == problem(await bob.get("/api/jobs/unknown"), 404)
    assert (await bob.get("/api/jobs")).json()["tasks"] == []


async def test_the_list_comes_in_pages(herald: Herald) -> None:
    made = [(await herald.create(PERSONAS))["taskId"] for _ in range(3)]
    await herald.post(f"/api/jobs/{made[0]}/cancel")
    first = (await herald.get("/api/jobs?limit=2")).json()
    rest = (await herald.get(f"/api/jobs?limit=2&after={first['after']}")).json()
    assert sorted(task["taskId"] for page in (first, rest) for task in page["tasks"]) == sorted(made)
    assert "after" not in rest
    queued = (await herald.get("/api/jobs?status=queued,processing")).json()["tasks"]
    assert {task["taskId"] for task in queued} == set(made[1:])


@pytest.mark.parametrize("query", ["status=gone", "limit=0", "limit=201", "limit=x", "limit=²"])
async def test_a_wrong_query_is_refused(herald: Herald, query: str) -> None:
    problem(await herald.get(f"/api/jobs?{query}"), 400)


async def test_cancel_and_retry(herald: Herald, store: Store, feed: Feed) -> None:
    task_id = (await herald.create(PERSONAS))["taskId"]
    problem(await herald.post(f"/api/jobs/{task_id}/retry"), 409)
    cancelled = (await herald.post(f"/api/jobs/{task_id}/cancel")).json()
    assert (cancelled["status"], cancelled["endReason"], cancelled["rev"]) == ("cancelled", "user", 2)
    assert cancelled["completedAt"]
    told = problem(await herald.post(f"/api/jobs/{task_id}/cancel"), 409)
    assert told["taskStatus"] == "cancelled"
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


async def test_a_completed_task_stays_completed(herald: Herald, store: Store) -> None:
    task_id = (await herald.create(PERSONAS))["taskId"]
    await store.transition(task_id, TaskStatus.PROCESSING, by="w", attempt=1)
    await store.transition(task_id, TaskStatus.COMPLETED, by="w", completed_at=now())
    for action in ("cancel", "retry"):
        assert problem(await herald.post(f"/api/jobs/{task_id}/{action}"), 409)["taskStatus"] == "completed"


async def test_a_failed_task_says_why_and_can_be_retried(herald: Herald, store: Store) -> None:
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


async def test_a_result_is_its_owner_s_and_the_brand_s(herald: Herald, store: Store) -> None:
    member = herald.other("eve", ["acme"])
    for collection, path in (("mediaPlanGroups", "mediaPlanGroups"), ("brandKits", "brandKits")):
        result = {"_id": "r1", "taskId": "r1", "userId": "ada", "brandId": "acme", "createdAt": now(), "x": 1}
        await store.put_result(collection, result)
        found = (await herald.get(f"/api/{path}/r1")).json()
        assert found["x"] == 1 and found["createdAt"].endswith("Z") and "_id" not in found
        assert (await member.get(f"/api/{path}/r1")).status_code == 200
        problem(await herald.other("bob").get(f"/api/{path}/r1"), 404)
        problem(await herald.get(f"/api/{path}/other"), 404)
    await store.put_result("personas", {"_id": "t-01", "taskId": "t", "userId": "ada"})
    assert (await herald.get("/api/personas?taskId=t")).json() == {
        "personas": [{"taskId": "t", "userId": "ada"}]
    }
    problem(await herald.other("bob").get("/api/personas?taskId=t"), 404)
    problem(await herald.get("/api/personas"), 400)


async def test_a_demo_token_works_and_production_gives_none(herald: Herald, settings: Settings) -> None:
    body = (await herald.http.post("/api/token", json={"userId": "zoe", "brands": ["acme"]})).json()
    assert body["userId"] == "zoe" and body["expiresIn"] == settings.token_ttl_s
    headers = {"Authorization": f"Bearer {body['token']}"}
    task = await herald.http.post("/api/jobs", json=PERSONAS | {"brandId": "acme"}, headers=headers)
    assert task.json()["userId"] == "zoe"
    problem(await herald.http.post("/api/token", json={"userId": ""}), 422)
    production = settings.model_copy(update={"env": "production"})
    async with serving(create_app(production)) as address, httpx2.AsyncClient() as http:
        problem(await http.post(f"http://{address}/api/token", json={"userId": "zoe"}), 404)


async def test_health(herald: Herald) -> None:
    assert (await herald.http.get("/healthz")).json() == {"status": "ok", "connections": 0}
    while (response := await herald.http.get("/readyz")).status_code != 200:
        await asyncio.sleep(0.01)  # the hub connects to the feed while the first requests come in
    assert response.json() == {"status": "ok", "mongo": "ok", "redis": "ok", "feed": "ok"}


async def test_without_redis_a_task_is_accepted_all_the_same(settings: Settings, store: Store) -> None:
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


async def test_the_page_may_run_nothing_but_our_own_scripts(herald: Herald) -> None:
    page = await herald.http.get("/")
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
    policy = page.headers["content-security-policy"]
    assert "unsafe" not in policy and "script-src 'self' 'sha256-" in policy
    for name in ("centrifuge", "preact", "hooks", "htm"):
        library = await herald.http.get(f"/vendor/{name}.mjs")
        assert library.status_code == 200 and library.headers["content-type"].startswith("text/javascript")
    for path in (
        "/vendor/other.mjs",
        "/vendor/..%2f..%2fpackage.json",
        "/static/../pyproject.toml",
        "/static/none.js",
    ):
        assert (await herald.http.get(path)).status_code == 404


async def test_a_request_waits_until_what_the_client_has_is_old(herald: Herald, store: Store) -> None:
    task = await herald.create(PERSONAS)
    path = f"/api/jobs/{task['taskId']}"
    etag = (await herald.get(path)).headers["etag"]

    async def waiting(seconds: int) -> httpx2.Response:
        return await herald.get(
            path, headers={"If-None-Match": etag, "Prefer": f"wait={seconds}"}, timeout=30
        )

    held = asyncio.create_task(waiting(20))
    assert (await asyncio.wait([held], timeout=1.5))[1], "it did not wait"
    await herald.post(f"{path}/cancel")
    async with asyncio.timeout(5):
        changed = await held
    assert (changed.status_code, changed.json()["status"]) == (200, "cancelled")
    assert changed.headers["preference-applied"] == "wait=20"
    assert (await waiting(20)).status_code == 200, "it waited though there was something new"
    etag = changed.headers["etag"]
    assert (await waiting(1)).status_code == 304
    stranger = herald.other("bob")
    problem(await stranger.get(path, headers={"If-None-Match": etag, "Prefer": "wait=20"}), 404)


async def test_a_wrong_method_is_told_the_right_ones(herald: Herald) -> None:
    response = await herald.request("DELETE", "/api/jobs/x")
    problem(response, 405)
    assert response.headers["allow"] == "GET, HEAD, PATCH"


@pytest.mark.parametrize("value", [True, "3", 2.5])
async def test_what_only_looks_like_a_number_is_none(herald: Herald, value: Any) -> None:
    refused = problem(await herald.post("/api/jobs", json={**PERSONAS, "maxRetries": value}), 422)
    assert refused["errors"][0]["pointer"] == "/maxRetries"
