"""The store on a real MongoDB-wire server, with both drivers."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from pymongo import ReadPreference

from herald.shared.settings import Settings
from herald.shared.tasks import queries
from herald.shared.tasks.documents import Page
from herald.shared.tasks.models import HISTORY_LIMIT, EndReason, Priority, Step, Task, TaskStatus, Usage, now
from herald.shared.tasks.store import IdempotencyConflictError, Store
from tests.support.tasks import a_task

pytestmark = pytest.mark.parametrize("mongo_driver", ["motor", "pymongo"], indirect=True)


async def stored(store: Store, **changes: Any) -> Task:
    task, is_new = await store.create(a_task(**changes))
    assert is_new
    return task


async def stored_many(store: Store, number: int, **changes: Any) -> list[str]:
    """As many tasks, in one write; their ids, in their order."""
    tasks = [a_task(**changes) for _ in range(number)]
    await store._tasks.insert_many([task.document() for task in tasks])
    return sorted(task.task_id for task in tasks)


def ids(page: Page) -> list[str]:
    return [task.task_id for task in page.tasks]


async def test_a_task_is_read_back_as_it_was_stored(store: Store) -> None:
    task = await stored(store, brand_id="acme", usage=Usage(provider="offline", model="rules"))
    assert await store.get(task.task_id) == task
    assert await store.get("unknown") is None


async def test_the_indexes_are_those_of_the_design(store: Store) -> None:
    information = await store._tasks.index_information()
    found = {",".join(name for name, _ in index["key"]): index for index in information.values()}
    assert found["taskId"]["unique"]
    assert "userId,status" in found
    assert found["userId,idempotencyKey"]["unique"]
    assert found["userId,idempotencyKey"]["partialFilterExpression"] == {"idempotencyKey": {"$exists": True}}
    assert found["completedAt"]["expireAfterSeconds"] == 30 * 24 * 3600
    information = await store._database["checkpoints"].index_information()
    found = {",".join(name for name, _ in index["key"]): index for index in information.values()}
    assert found["taskId,step"]["unique"]
    assert found["savedAt"]["expireAfterSeconds"] == 30 * 24 * 3600


async def test_indexes_can_be_ensured_again_with_another_retention(store: Store, settings: Settings) -> None:
    await store.ensure_indexes()
    async with Store.connect(settings.model_copy(update={"retention_days": 1})) as other:
        await other.ensure_indexes()
        information = await other._tasks.index_information()
    expiries = [
        index["expireAfterSeconds"] for index in information.values() if "expireAfterSeconds" in index
    ]
    assert expiries == [24 * 3600]


async def test_many_processes_may_ensure_the_indexes_at_once(settings: Settings) -> None:
    async with Store.connect(settings) as one, Store.connect(settings) as other:
        await asyncio.gather(one.ensure_indexes(), other.ensure_indexes())


async def test_one_key_and_one_request_make_one_task(store: Store) -> None:
    task = await stored(store, idempotency_key="k", request_digest="d")
    again, is_new = await store.create(a_task(idempotency_key="k", request_digest="d"))
    assert (again, is_new) == (task, False)
    with pytest.raises(IdempotencyConflictError):
        await store.create(a_task(idempotency_key="k", request_digest="other"))


async def test_idempotency_keys_of_different_users_are_independent(store: Store) -> None:
    await stored(store, idempotency_key="k", request_digest="d")
    assert await store.queries.has_idempotency_key("ada", "k")
    assert not await store.queries.has_idempotency_key("bob", "k")
    task = await stored(store, user_id="bob", idempotency_key="k", request_digest="other")
    again, is_new = await store.create(a_task(user_id="bob", idempotency_key="k", request_digest="other"))
    assert (again, is_new) == (task, False)


async def test_one_key_at_one_instant_makes_one_task(store: Store) -> None:
    made = await asyncio.gather(
        *(store.create(a_task(idempotency_key="k", request_digest="d")) for _ in range(10))
    )
    assert len({task.task_id for task, _ in made}) == 1
    assert sum(is_new for _, is_new in made) == 1


async def test_a_url_cannot_weaken_writes_or_reads(settings: Settings) -> None:
    weak = "&w=0&journal=false&fsync=true&readConcernLevel=local&readPreference=secondary"
    weakened = settings.model_copy(update={"mongo_url": settings.mongo_url + weak})
    async with Store.connect(weakened) as store:
        database = store._database
        assert database.write_concern.document == {"w": "majority", "j": True, "fsync": False}
        assert database.read_concern.document == {"level": "majority"}
        assert database.read_preference == ReadPreference.PRIMARY
        task = await stored(store)
        assert await store.get(task.task_id) == task


async def test_a_transition_counts_and_is_written_down(store: Store) -> None:
    task = await stored(store)
    running = await store.transition(
        task.task_id, TaskStatus.PROCESSING, by="w1", attempt=1, started_at=now()
    )
    assert running is not None
    assert (running.status, running.rev, running.tick, running.attempt) == (TaskStatus.PROCESSING, 2, 0, 1)
    assert [(entry.status, entry.by) for entry in running.history] == [(TaskStatus.PROCESSING, "w1")]
    assert await store.get(task.task_id) == running


@pytest.mark.parametrize(
    ("to", "interrupted"),
    [(TaskStatus.CANCELLED, "pending"), (TaskStatus.FAILED, "failed"), (TaskStatus.RETRYING, "failed")],
)
async def test_no_step_runs_once_its_task_does_not(store: Store, to: TaskStatus, interrupted: str) -> None:
    task = await stored(store)
    steps = [Step(name="a", status="completed"), Step(name="b", status="running", started_at=now())]
    running = await store.transition(task.task_id, TaskStatus.PROCESSING, by="w1", attempt=1, steps=steps)
    assert running is not None and running.steps[1].status == "running"
    rested = await store.transition(task.task_id, to, by="user")
    assert rested is not None and [step.status for step in rested.steps] == ["completed", interrupted]
    assert await store.get(task.task_id) == rested
    again = await store.transition(
        task.task_id, TaskStatus.PROCESSING if to is TaskStatus.RETRYING else TaskStatus.QUEUED, by="user"
    )
    assert again is not None and [step.status for step in again.steps] == ["completed", "pending"]


@pytest.mark.parametrize("to", [TaskStatus.COMPLETED, TaskStatus.RETRYING, TaskStatus.QUEUED])
async def test_an_illegal_transition_changes_nothing(store: Store, to: TaskStatus) -> None:
    task = await stored(store)
    assert await store.transition(task.task_id, to, by="w1") is None
    assert await store.get(task.task_id) == task


async def test_of_two_that_claim_one_wins(store: Store) -> None:
    task = await stored(store)
    claims = await asyncio.gather(
        *(
            store.transition(task.task_id, TaskStatus.PROCESSING, by=f"w{number}", if_attempt=0, attempt=1)
            for number in range(8)
        )
    )
    assert sum(claim is not None for claim in claims) == 1


async def test_an_attempt_that_is_not_the_running_one_writes_nothing(store: Store) -> None:
    task = await stored(store)
    await store.transition(task.task_id, TaskStatus.PROCESSING, by="w1", attempt=1)
    second = await store.transition(task.task_id, TaskStatus.PROCESSING, by="w2", if_attempt=1, attempt=2)
    assert await store.record(task.task_id, 1, progress=50) is None
    assert await store.transition(task.task_id, TaskStatus.COMPLETED, by="w1", if_attempt=1) is None
    assert await store.get(task.task_id) == second
    retrying = await store.transition(task.task_id, TaskStatus.RETRYING, by="w2", if_attempt=2)
    assert await store.record(task.task_id, 2, progress=50) is None, "the attempt has ended"
    assert await store.get(task.task_id) == retrying


async def test_none_removes_a_field_and_models_are_stored_like_in_a_whole_document(store: Store) -> None:
    task = await stored(store)
    step = Step(name="one", status="running", started_at=now())
    await store.transition(task.task_id, TaskStatus.PROCESSING, by="w", attempt=1)
    recorded = await store.record(task.task_id, 1, current_step="one", steps=[step], progress=10)
    assert recorded is not None
    assert (recorded.steps, recorded.current_step, recorded.progress) == ([step], "one", 10)
    ended = await store.transition(
        task.task_id, TaskStatus.FAILED, by="w", current_step=None, end_reason=EndReason.QUOTA
    )
    assert ended is not None and ended.current_step is None
    raw = await store._tasks.find_one({"taskId": task.task_id})
    assert "currentStep" not in raw
    assert raw["endReason"] == "quota"
    assert "completedAt" not in raw["steps"][0]


async def test_the_history_is_bounded(store: Store) -> None:
    task = await stored(store)
    for attempt in range(1, HISTORY_LIMIT + 5):
        newest = await store.transition(task.task_id, TaskStatus.PROCESSING, by=f"w{attempt}")
    assert newest is not None
    assert len(newest.history) == HISTORY_LIMIT
    assert newest.history[-1].by == f"w{HISTORY_LIMIT + 4}"
    assert await store.get(task.task_id) == newest


async def test_a_list_is_the_user_s_own_newest_first_in_pages(store: Store) -> None:
    mine = [await stored(store, task_id=f"{number:02d}") for number in range(5)]
    await stored(store, user_id="bob", task_id="99")
    await store.transition(mine[0].task_id, TaskStatus.CANCELLED, by="user", completed_at=now())
    first = await store.queries.list_tasks("ada", limit=2)
    assert (ids(first), first.after) == (["04", "03"], "03")
    rest = await store.queries.list_tasks("ada", limit=10, after="03")
    assert (ids(rest), rest.after) == (["02", "01", "00"], None)
    cancelled = await store.queries.list_tasks("ada", statuses=[TaskStatus.CANCELLED])
    assert ids(cancelled) == ["00"]


async def test_a_snapshot_has_the_active_and_those_that_ended_lately(
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


async def test_a_snapshot_has_every_active_task_however_many_have_ended_since(store: Store) -> None:
    at = now()
    active = await stored_many(store, 250, queued_at=at)
    await stored_many(store, 230, status=TaskStatus.CANCELLED, completed_at=at, queued_at=at)
    since = at - timedelta(hours=1)
    together = await store.queries.snapshots(["ada", "bob"], ended_after=since)
    for found in (await store.queries.snapshot(user_id="ada", ended_after=since), together["ada"]):
        assert ids(found)[:250] == active[::-1], "the active ones come first, the newest before the others"
        assert len(found.tasks) == 250 + 200
        assert found.after is not None, "thirty of those that have ended are left out"
    assert together["bob"] == Page([])


async def test_what_a_snapshot_leaves_out_is_listed_after_its_cursor(
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


async def test_what_is_active_and_unchanged_is_found_in_batches(
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


async def test_overdue_tasks_are_those_queued_too_long_ago_whenever_they_were_created(store: Store) -> None:
    at, long_ago = now(), now() - timedelta(days=2)
    await stored(store, task_id="queued again", created_at=long_ago, queued_at=at)
    await stored(store, task_id="ended", queued_at=long_ago, status=TaskStatus.FAILED, completed_at=at)
    await stored(store, task_id="overdue", queued_at=long_ago)
    found = [task.task_id async for batch in store.queries.overdue(queued_before=at) for task in batch]
    assert found == ["overdue"]


async def test_each_change_stays_unannounced_until_it_is_announced_itself(store: Store) -> None:
    async def unannounced() -> list[Task]:
        later = now() + timedelta(minutes=1)
        return [task async for batch in store.queries.unannounced(unchanged_since=later) for task in batch]

    created = await stored(store)
    assert await unannounced() == [created]
    await store.mark_announced(created)
    assert await unannounced() == []
    moved = await store.set_priority(created.task_id, Priority.HIGH)
    assert moved is not None
    await store.mark_announced(created)
    assert await unannounced() == [moved], "an older version was announced"
    await store.mark_announced(moved)
    assert await unannounced() == []
    failed = await store.transition(created.task_id, TaskStatus.FAILED, by="w")
    assert await unannounced() == [failed]
    await store.transition(created.task_id, TaskStatus.QUEUED, by="user")
    await store.transition(created.task_id, TaskStatus.PROCESSING, by="w", attempt=1)
    assert await unannounced() == [], "a running task publishes its own events"


async def test_only_running_tasks_have_a_running_attempt(store: Store) -> None:
    running = await stored(store, status=TaskStatus.PROCESSING, attempt=2)
    retrying = await stored(store, status=TaskStatus.RETRYING, attempt=1)
    assert await store.queries.running_attempts([running.task_id, retrying.task_id, "unknown"]) == {
        running.task_id: 2
    }


async def test_checkpoints_are_kept_by_step_until_they_are_dropped(store: Store) -> None:
    await store.checkpoints.save("t", "one", {"a": [1, None, "x"]})
    await store.checkpoints.save("t", "one", {"a": 2})
    await store.checkpoints.save("t", "two", ["b"])
    await store.checkpoints.save("other", "one", 1)
    assert await store.checkpoints.load("t") == {"one": {"a": 2}, "two": ["b"]}
    await store.checkpoints.delete("t")
    assert await store.checkpoints.load("t") == {}
    assert await store.checkpoints.load("other") == {"one": 1}


async def test_every_checkpoint_of_a_task_is_read(store: Store) -> None:
    kept = {f"step {number}": number for number in range(201)}
    await asyncio.gather(*(store.checkpoints.save("t", step, output) for step, output in kept.items()))
    assert await store.checkpoints.load("t") == kept


async def test_a_result_that_is_written_twice_is_there_once(store: Store) -> None:
    for text in ("first", "second"):
        await store.results.save("personas", {"_id": "t-01", "taskId": "t", "text": text})
    await store.results.save("personas", {"_id": "t-02", "taskId": "t", "text": "other"})
    assert await store.results.get("personas", "t-01") == {"taskId": "t", "text": "second"}
    assert [found["text"] for found in await store.results.of_task("personas", "t")] == ["second", "other"]
    assert await store.results.get("personas", "t-03") is None


async def test_given_steps_are_stored_even_if_they_do_not_run_any_more(store: Store) -> None:
    task = await stored(store, status=TaskStatus.PROCESSING, steps=[Step(name="a", status="running")])
    handed_back = await store.transition(task.task_id, TaskStatus.RETRYING, by="w", steps=[Step(name="a")])
    assert handed_back is not None and [step.status for step in handed_back.steps] == ["pending"]
    assert await store.get(task.task_id) == handed_back


async def test_a_change_is_decided_again_where_the_task_has_changed_meanwhile(store: Store) -> None:
    seen, _ = await store.create(a_task())
    moved = await store.set_priority(seen.task_id, Priority.HIGH)
    assert moved is not None
    claimed = await store.transition(seen, TaskStatus.PROCESSING, by="w", if_attempt=0, attempt=1)
    assert claimed is not None
    assert (claimed.priority, claimed.rev, claimed.attempt) == (Priority.HIGH, 3, 1)
    assert await store.get(seen.task_id) == claimed
    assert await store.transition(seen, TaskStatus.PROCESSING, by="late", if_attempt=0, attempt=1) is None
    assert await store.record(seen, 7, progress=50) is None
    assert await store.get(seen.task_id) == claimed


async def test_of_many_that_change_a_task_at_once_each_sees_its_own_change(store: Store) -> None:
    task, _ = await store.create(a_task(status=TaskStatus.PROCESSING, attempt=1))
    written = await asyncio.gather(*(store.record(task, 1, progress=number) for number in range(8)))
    assert sorted(one.rev for one in written if one) == list(range(2, 10))
    assert [one.progress for one in written if one] == list(range(8))


async def test_the_survey_counts_what_has_not_ended_and_what_has(store: Store) -> None:
    at = now()
    for ago in (5, 60):
        await stored(store, queued_at=at - timedelta(seconds=ago))
    await stored(store, type="GENERATE_BRAND_KIT", status=TaskStatus.RETRYING)
    for ago in (1, 2, 3, 90):
        ended = {"status": TaskStatus.FAILED, "end_reason": EndReason.QUOTA}
        await stored(store, completed_at=at - timedelta(minutes=ago), user_id=f"u{ago}", **ended)
    census = {(group.type, group.status): group for group in await store.stats.active_counts()}
    assert set(census) == {
        ("AUTO_GENERATE_PERSONAS", TaskStatus.QUEUED),
        ("GENERATE_BRAND_KIT", TaskStatus.RETRYING),
    }
    waiting = census["AUTO_GENERATE_PERSONAS", TaskStatus.QUEUED]
    assert waiting.tasks == 2 and waiting.queued_since == at - timedelta(seconds=60)
    lately = await store.stats.recently_ended(after=at - timedelta(hours=1), limit=2)
    assert [task.completed_at for task in lately] == [at - timedelta(minutes=ago) for ago in (1, 2)]
    assert lately[0].end_reason is EndReason.QUOTA and lately[0].started_at is None
    found = await store.queries.search([TaskStatus.FAILED], limit=10)
    assert len({task.user_id for task in found.tasks}) == len(found.tasks) == 4
