"""Following a task over the real hub: from its beginning, through lost connections, until it has ended."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from herald import AsyncHerald, NotFound, Unauthorized, Unavailable, Update
from herald.shared.feed.feed import Feed
from herald.shared.settings import Settings
from herald.shared.tasks.channels import Channel
from herald.shared.tasks.events import EventType, TaskDelta, TaskEvent
from herald.shared.tasks.models import Task, TaskStatus, now
from herald.shared.tasks.store import Store
from tests.support.client import Herald as Http
from tests.support.proxy import Proxy, proxy_to
from tests.support.tasks import stored, stored_many
from tests.support.web import herald_with


async def changed(store: Store, feed: Feed, task: Task, status: TaskStatus) -> Task:
    """Store and publish a transition."""
    ended: dict[str, Any] = {"completed_at": now()} if status is TaskStatus.COMPLETED else {}
    after = await store.transition(task.task_id, status, by="test", **ended)
    assert after is not None
    await feed.publish(TaskEvent.of(after).messages())
    return after


async def progressed(feed: Feed, task: Task, tick: int, kind: EventType = "task.progress") -> None:
    event = TaskEvent.of(task.model_copy(update={"tick": tick, "progress": min(tick, 99)}), kind)
    await feed.publish(event.messages())


async def written(feed: Feed, task: Task, start: int, text: str) -> None:
    piece = TaskDelta(at=now(), task_id=task.task_id, attempt=1, step="Writing", start=start, text=text)
    await feed.publish([(str(Channel.task(task.task_id)), piece.encode())])


@asynccontextmanager
async def behind_a_proxy(herald: Http) -> AsyncIterator[tuple[AsyncHerald, Proxy]]:
    async with proxy_to(int(herald.address.split(":")[1])) as proxy:
        async with AsyncHerald(f"http://127.0.0.1:{proxy.port}", token=herald.token()) as client:
            yield client, proxy


def shape(updates: list[Update]) -> list[tuple[str, int]]:
    """The kinds and ticks of updates; for drafts, the start of the piece."""
    return [(each.kind, each.draft.start if each.draft else each.task.tick) for each in updates]


async def test_following_begins_with_everything_that_happened_so_far(
    client: AsyncHerald, store: Store, feed: Feed
) -> None:
    task = await stored(store)
    await feed.publish(TaskEvent.of(task).messages())
    task = await changed(store, feed, task, TaskStatus.PROCESSING)
    for tick in range(1, 13):  # more than one page of the history
        await progressed(feed, task, tick)
    await written(feed, task, 0, "Tea")
    await changed(store, feed, task, TaskStatus.COMPLETED)
    updates = [update async for update in client.handle(task.task_id).follow()]
    assert shape(updates) == [
        ("queued", 0),
        ("processing", 0),
        *(("progress", tick) for tick in range(1, 13)),
        ("draft", 0),
        ("completed", 0),
    ]
    assert [each.kind async for each in client.handle(task.task_id).follow(replay=False)] == ["snapshot"]


async def test_a_task_that_ended_once_and_runs_again_is_followed_to_its_end(
    client: AsyncHerald, store: Store, feed: Feed
) -> None:
    task = await stored(store)
    await changed(store, feed, task, TaskStatus.CANCELLED)
    await changed(store, feed, task, TaskStatus.QUEUED)
    task = await changed(store, feed, task, TaskStatus.PROCESSING)
    kinds = []
    async for update in client.handle(task.task_id).follow():
        kinds.append(update.kind)
        if update.kind == "processing":
            await changed(store, feed, task, TaskStatus.COMPLETED)
    assert kinds == ["cancelled", "queued", "processing", "completed"]


async def test_a_lost_connection_loses_and_repeats_nothing(herald: Http, store: Store, feed: Feed) -> None:
    task = await stored(store)
    seen: list[Update] = []

    async def write() -> None:
        nonlocal task
        task = await changed(store, feed, task, TaskStatus.PROCESSING)
        for start in range(100):
            await written(feed, task, start, "x")
            await progressed(feed, task, start + 1)
            if start in (20, 60):
                proxy.drop()
            if start in (40, 80):  # what was published meanwhile is recovered
                async with asyncio.timeout(30):
                    while not seen or seen[-1].task.tick <= start:
                        await asyncio.sleep(0.01)
        await changed(store, feed, task, TaskStatus.COMPLETED)

    async with behind_a_proxy(herald) as (client, proxy):
        writing: asyncio.Task[None] | None = None
        async with asyncio.timeout(60):
            async for update in client.handle(task.task_id).follow():
                writing = writing or asyncio.create_task(write())
                seen.append(update)
        assert writing is not None
        await writing
        assert len(proxy.writers) >= 6, "there were three connections"
    expected = [("snapshot", 0), ("processing", 0)]
    for start in range(100):
        expected += [("draft", start), ("progress", start + 1)]
    assert shape(seen) == [*expected, ("completed", 0)]


async def test_where_the_history_was_lost_the_current_state_follows(
    client: AsyncHerald, store: Store, feed: Feed
) -> None:
    task = await stored(store)
    updates = client.handle(task.task_id).follow()
    assert (await anext(updates)).kind == "snapshot"
    task = await changed(store, feed, task, TaskStatus.PROCESSING)
    assert (await anext(updates)).kind == "processing"
    await feed.redis.flushall()
    await store.transition(task.task_id, TaskStatus.COMPLETED, by="test", completed_at=now())
    await written(feed, task, 0, "Tea")
    assert [update.kind async for update in updates] == ["draft", "snapshot"]


async def test_what_cannot_be_followed_is_a_typed_error(
    client: AsyncHerald, herald: Http, store: Store
) -> None:
    theirs = await stored(store, user_id="bob")
    with pytest.raises(NotFound):
        await anext(client.handle(theirs.task_id).follow())
    async with AsyncHerald(f"http://{herald.address}", token="rubbish") as stranger:
        with pytest.raises(Unauthorized):
            await anext(stranger.follow())
        with pytest.raises(Unauthorized):
            await anext(stranger.handle("t1").follow())


async def test_a_hub_that_cannot_be_reached_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("herald.shared.client.feed.CONNECT_WITHIN_S", 0.2)
    async with AsyncHerald("http://127.0.0.1:9", token="t", retry_for=0) as client:
        with pytest.raises(Unavailable, match=r"No WebSocket to http://127\.0\.0\.1:9"):
            await anext(client.follow())


async def test_a_token_that_expires_is_renewed_while_following(
    herald: Http, store: Store, feed: Feed
) -> None:
    task = await stored(store)
    tokens: list[str] = []

    def issue() -> str:
        tokens.append(herald.token(ttl_s=60 if tokens else 1))
        return tokens[-1]

    async with AsyncHerald(f"http://{herald.address}", token=issue) as client, asyncio.timeout(30):
        async for update in client.handle(task.task_id).follow():
            if update.kind == "snapshot":
                while len(tokens) < 2:
                    await asyncio.sleep(0.02)
                task = await changed(store, feed, task, TaskStatus.PROCESSING)
                await changed(store, feed, task, TaskStatus.COMPLETED)
    assert len(tokens) == 2


async def test_all_tasks_of_a_user_are_followed(client: AsyncHerald, store: Store, feed: Feed) -> None:
    one = await stored(store)
    updates = client.follow()
    assert (await anext(updates)).task.task_id == one.task_id
    two = await stored(store)
    await feed.publish(TaskEvent.of(two).messages())
    update = await anext(updates)
    assert (update.kind, update.task.task_id) == ("queued", two.task_id)
    await updates.aclose()


async def test_active_tasks_omitted_from_a_snapshot_are_followed_too(
    settings: Settings, store: Store
) -> None:
    expected = set(await stored_many(store, 30))
    seen: set[str] = set()
    async with herald_with(settings, max_outbox_bytes=8 * 1024) as herald, asyncio.timeout(30):
        async with AsyncHerald(f"http://{herald.address}", token=herald.token()) as client:
            async for update in client.follow():
                seen.add(update.task.task_id)
                if seen == expected:
                    break
