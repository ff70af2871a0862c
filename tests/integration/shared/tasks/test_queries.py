"""Reading pages, snapshots and batches of tasks."""

from datetime import timedelta

import pytest

from herald.shared.tasks import queries
from herald.shared.tasks.documents import Page
from herald.shared.tasks.models import TaskStatus, now
from herald.shared.tasks.store import Store
from tests.support.tasks import BOTH_DRIVERS, ids, stored, stored_many

pytestmark = BOTH_DRIVERS


async def test_a_user_s_own_tasks_are_listed_newest_first_in_pages(store: Store) -> None:
    mine = [await stored(store, task_id=f"{number:02d}") for number in range(5)]
    await stored(store, user_id="bob", task_id="99")
    await store.transition(mine[0].task_id, TaskStatus.CANCELLED, by="user", completed_at=now())
    first = await store.queries.list_tasks("ada", limit=2)
    assert (ids(first), first.after) == (["04", "03"], "03")
    rest = await store.queries.list_tasks("ada", limit=10, after="03")
    assert (ids(rest), rest.after) == (["02", "01", "00"], None)
    cancelled = await store.queries.list_tasks("ada", statuses=[TaskStatus.CANCELLED])
    assert ids(cancelled) == ["00"]


async def test_a_snapshot_has_active_and_recently_ended_tasks(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for task_id, ended_ago_s in (("active", None), ("lately", 10), ("old", 1000)):
        await stored(store, task_id=task_id, brand_id="acme")
        if ended_ago_s is not None:
            at = now() - timedelta(seconds=ended_ago_s)
            await store.transition(task_id, TaskStatus.CANCELLED, by="user", completed_at=at)
    await stored(store, user_id="bob", task_id="foreign")
    since = now() - timedelta(seconds=100)
    for who in ({"user_id": "ada"}, {"brand_id": "acme"}):
        found = await store.queries.snapshot(ended_after=since, **who)
        assert ids(found) == ["active", "lately"] and found.after is None
    together = await store.queries.snapshots(["ada", "bob", "eve"], ended_after=since)
    assert {user: ids(found) for user, found in together.items()} == {
        "ada": ["active", "lately"],
        "bob": ["foreign"],
        "eve": [],
    }
    monkeypatch.setattr(queries, "MAX_SHARED", 1)
    assert await store.queries.snapshots(["ada", "bob", "eve"], ended_after=since) == together


async def test_a_snapshot_has_every_active_task_however_many_have_ended(store: Store) -> None:
    at = now()
    active = await stored_many(store, 250, queued_at=at)
    await stored_many(store, 230, status=TaskStatus.CANCELLED, completed_at=at, queued_at=at)
    since = at - timedelta(hours=1)
    together = await store.queries.snapshots(["ada", "bob"], ended_after=since)
    for found in (await store.queries.snapshot(user_id="ada", ended_after=since), together["ada"]):
        assert ids(found)[:250] == active[::-1], "active tasks come first, newest first"
        assert len(found.tasks) == 250 + 200
        assert found.after is not None, "thirty ended tasks are left out"
    assert together["bob"] == Page([])


async def test_tasks_left_out_of_a_snapshot_are_listed_after_its_cursor(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    at, since = now(), now() - timedelta(hours=1)
    everything = set()
    for number in range(6):
        ended = {"status": TaskStatus.FAILED, "completed_at": at} if number % 3 else {}
        everything.add((await stored(store, task_id=f"{number:02d}", brand_id="acme", **ended)).task_id)
    for most_shared, most_ended in ((1, 200), (1, 1), (3, 1), (100, 2)):
        monkeypatch.setattr(queries, "MAX_SHARED", most_shared)
        monkeypatch.setattr(queries, "MAX_ENDED", most_ended)
        for user, brand in (("ada", None), (None, "acme")):
            found = await store.queries.snapshot(user_id=user, brand_id=brand, ended_after=since)
            shown = set(ids(found))
            assert shown < everything and found.after is not None
            assert everything - shown <= set(
                ids(await store.queries.list_tasks(user, brand_id=brand, after=found.after))
            )


async def test_active_unchanged_tasks_are_found_in_batches(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "MAX_LISTED", 2)
    early = now() - timedelta(minutes=5)
    for status in TaskStatus:
        await stored(store, task_id=status.value, status=status, updated_at=early)
    await stored(store, task_id="changed")
    found = [
        [task.task_id for task in batch]
        async for batch in store.queries.active(unchanged_since=early + timedelta(minutes=1))
    ]
    assert found == [["processing", "queued"], ["retrying"]]


async def test_overdue_tasks_are_found_by_when_they_were_queued_not_created(store: Store) -> None:
    at, long_ago = now(), now() - timedelta(days=2)
    await stored(store, task_id="queued again", created_at=long_ago, queued_at=at)
    await stored(store, task_id="ended", queued_at=long_ago, status=TaskStatus.FAILED, completed_at=at)
    await stored(store, task_id="overdue", queued_at=long_ago)
    found = [task.task_id async for batch in store.queries.overdue(at, queued_before=at) for task in batch]
    assert found == ["overdue"]


async def test_only_running_tasks_have_a_running_attempt(store: Store) -> None:
    running = await stored(store, status=TaskStatus.PROCESSING, attempt=2)
    retrying = await stored(store, status=TaskStatus.RETRYING, attempt=1)
    assert await store.queries.running_attempts([running.task_id, retrying.task_id, "unknown"]) == {
        running.task_id: 2
    }
