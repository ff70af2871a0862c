"""The clients against a real web application: start, find, cancel and retry tasks; from threads as well."""

import asyncio
import threading
from collections.abc import AsyncIterator
from datetime import date

import httpx2
import pytest

from herald import (
    AsyncHandle,
    AsyncHerald,
    Conflict,
    Handle,
    Herald,
    HeraldError,
    InvalidPayload,
    NotFound,
    TooManyTasks,
)
from herald.shared.feed.feed import Feed
from herald.shared.queue.heartbeats import TYPES_SIGNAL
from herald.shared.settings import Settings
from herald.shared.tasks.events import TaskEvent
from herald.shared.tasks.models import TaskStatus, now
from herald.shared.tasks.store import Store
from tests.support.client import Herald as Http
from tests.support.press import WRITE_PRESS_RELEASE, News, Release
from tests.support.registered import announce
from tests.support.tasks import stored, stored_many
from tests.support.web import herald_with

PERSONAS = "AUTO_GENERATE_PERSONAS"
BELL = {"product": "A bicycle bell", "count": 2}


async def test_a_task_is_started_cancelled_and_retried(client: AsyncHerald) -> None:
    handle = await client.start(PERSONAS, BELL, priority="high")
    task = await handle.status()
    assert (task.task_id, task.user_id, task.status, task.priority) == (handle.id, "ada", "queued", "high")
    assert (await handle.cancel()).status == "cancelled"
    with pytest.raises(Conflict) as caught:
        await handle.cancel()
    assert caught.value.task_status == "cancelled"
    assert (await client.handle(handle.id).retry()).status == "queued"
    assert await client.get(handle.id) == await handle.status()


async def test_one_key_starts_one_task(client: AsyncHerald) -> None:
    one = await client.start(PERSONAS, BELL, idempotency_key="k")
    assert (await client.start(PERSONAS, BELL, idempotency_key="k")).id == one.id
    with pytest.raises(Conflict):
        await client.start(PERSONAS, {**BELL, "count": 3}, idempotency_key="k")


class LosesFirstResponse(httpx2.AsyncHTTPTransport):
    """The network, except that the response to the first request is lost."""

    lost = False

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        if not self.lost:
            self.lost = True
            await response.aread()
            raise httpx2.ReadError("lost")
        return response


async def test_a_lost_response_starts_no_second_task(client: AsyncHerald, herald: Http) -> None:
    client._connection._transport = LosesFirstResponse()
    handle = await client.start(PERSONAS, BELL)
    tasks = (await herald.get("/api/jobs")).json()["tasks"]
    assert [task["taskId"] for task in tasks] == [handle.id]


async def test_rejections_are_typed(client: AsyncHerald, settings: Settings) -> None:
    with pytest.raises(InvalidPayload) as invalid:
        await client.start(PERSONAS, {"product": "", "count": 99})
    assert {error.pointer for error in invalid.value.errors} == {"/payload/product", "/payload/count"}
    with pytest.raises(InvalidPayload, match="NO_SUCH_TYPE"):
        await client.start("NO_SUCH_TYPE", {})
    with pytest.raises(NotFound):
        await client.get("none")
    with pytest.raises(HeraldError, match="Operators only") as forbidden:
        [_ async for _ in client.tasks(all_users=True)]
    assert forbidden.value.status == 403
    async with herald_with(settings, max_queued_per_user=1) as small:
        async with AsyncHerald(f"http://{small.address}", token=small.token()) as limited:
            await limited.start(PERSONAS, BELL)
            with pytest.raises(TooManyTasks) as full:
                await limited.start(PERSONAS, BELL)
            assert full.value.retry_after


async def test_all_pages_of_tasks_are_read(client: AsyncHerald, store: Store, herald: Http) -> None:
    queued = await stored_many(store, 230)
    failed = await stored(store, status=TaskStatus.FAILED, completed_at=now())
    theirs = await stored(store, user_id="bob", brand_id="acme")
    listed = [task.task_id async for task in client.tasks(status="queued")]
    assert listed == sorted(queued, reverse=True)
    both = [task.task_id async for task in client.tasks(status=["failed", "cancelled"])]
    assert both == [failed.task_id]
    operator = herald.operator()
    operator.brands = ["acme"]
    async with AsyncHerald(f"http://{herald.address}", token=operator.token()) as other:
        assert [task.task_id async for task in other.tasks(brand_id="acme")] == [theirs.task_id]
        assert len([task async for task in other.tasks(all_users=True)]) == 232


async def test_a_result_is_awaited(client: AsyncHerald, store: Store, feed: Feed) -> None:
    handle = await client.start(PERSONAS, BELL)
    waiting = asyncio.create_task(handle.result(timeout=30))
    await asyncio.sleep(0)
    await store.transition(handle.id, TaskStatus.PROCESSING, by="test")
    task = await store.transition(
        handle.id, TaskStatus.FAILED, by="test", completed_at=now(), last_error="no tea"
    )
    assert task is not None
    await feed.publish(TaskEvent.of(task).messages())
    with pytest.raises(HeraldError, match="no tea"):
        await waiting


async def test_the_synchronous_client_does_the_same(herald: Http, store: Store, feed: Feed) -> None:
    followed: list[str] = []
    handles: list[Handle[object]] = []
    began = threading.Event()

    def work() -> None:
        with Herald(f"http://{herald.address}", token=herald.token) as client:
            handle = client.start(PERSONAS, BELL)
            handles.append(handle)
            assert client.get(handle.id) == handle.status()
            assert [task.task_id for task in client.tasks(status="queued")] == [handle.id]
            assert client.call("GET", "/api/jobs")["tasks"]
            for update in handle.follow(replay=False):
                followed.append(update.kind)
                began.set()
            with pytest.raises(HeraldError, match="cancelled"):
                client.handle(handle.id).result()
            assert handle.retry().status == "queued"
            for all_tasks in client.follow():
                assert all_tasks.task.task_id == handle.id
                break
            assert handle.cancel().status == "cancelled"

    working = asyncio.create_task(asyncio.to_thread(work))
    await asyncio.to_thread(began.wait, 30)
    task = await store.transition(handles[0].id, TaskStatus.CANCELLED, by="test", completed_at=now())
    assert task is not None
    await feed.publish(TaskEvent.of(task).messages())
    await working
    assert followed == ["snapshot", "cancelled"]
    assert "herald-client" not in {thread.name for thread in threading.enumerate()}


async def test_the_synchronous_client_works_beside_a_running_loop(settings: Settings) -> None:
    with Herald("http://127.0.0.1:9", token="t", retry_for=0) as client:
        with pytest.raises(HeraldError, match="Is it running"):
            client.get("t1")


@pytest.fixture
async def service(herald: Http) -> AsyncIterator[AsyncHerald]:
    """A client of a back end that acts for its users."""
    token = herald.issuer.issue("shop", [], 60, scope="service")
    async with AsyncHerald(f"http://{herald.address}", token=token) as client:
        yield client


async def test_a_service_acts_for_its_users(service: AsyncHerald, client: AsyncHerald, store: Store) -> None:
    handle = await service.as_user("ada").start(PERSONAS, BELL)
    assert (await client.get(handle.id)).user_id == "ada"
    assert (await service.get(handle.id)).user_id == "ada"
    assert [task.task_id async for task in service.as_user("ada").tasks()] == [handle.id]
    assert [task async for task in service.as_user("bob").tasks()] == []
    assert (await anext(service.as_user("ada").follow())).task.task_id == handle.id
    assert (await anext(handle.follow())).task.task_id == handle.id
    await handle.cancel()
    found = await store.get(handle.id)
    assert found is not None and {entry.by for entry in found.history} == {"service shop"}
    with pytest.raises(HeraldError, match="Herald-User needs a token"):
        await client.as_user("bob").start(PERSONAS, BELL)


async def test_a_typed_task_is_started_and_its_result_read(
    client: AsyncHerald, store: Store, feed: Feed
) -> None:
    await announce(store, WRITE_PRESS_RELEASE)
    await feed.signal(TYPES_SIGNAL, "")
    news = News(company="Ada", headline="Tea", on=date(2027, 2, 1))
    handle = await started(client, news)
    [listed] = [each for each in await client.task_types() if each.type == "WRITE_PRESS_RELEASE"]
    assert not listed.online and set(listed.payload_schema["properties"]) == {"company", "headline", "on"}
    task = await store.get(handle.id)
    assert task is not None and task.payload == news.model_dump(mode="json")
    release = Release(paragraphs=["Tea."], on=news.on)
    await store.results.save(
        "results", {"_id": handle.id, "taskId": handle.id, "result": release.model_dump(mode="json")}
    )
    await store.transition(handle.id, TaskStatus.PROCESSING, by="test")
    await store.transition(
        handle.id, TaskStatus.COMPLETED, by="test", completed_at=now(), result={"taskId": handle.id}
    )
    assert await handle.result() == release


async def started(client: AsyncHerald, news: News) -> AsyncHandle[Release]:
    """Start the task once the web process knows the type, which it reads after the signal."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await client.start(WRITE_PRESS_RELEASE, news)
            except InvalidPayload:
                await asyncio.sleep(0.1)
