"""Writing tasks to a real MongoDB-wire server."""

import asyncio
from datetime import timedelta

import pytest

from herald.shared.tasks.models import HISTORY_LIMIT, EndReason, Priority, Step, Task, TaskStatus, Usage, now
from herald.shared.tasks.store import IdempotencyConflictError, Store
from tests.support.tasks import BOTH_DRIVERS, a_task, stored

pytestmark = BOTH_DRIVERS


async def test_a_task_is_read_back_as_it_was_stored(store: Store) -> None:
    task = await stored(store, brand_id="acme", usage=Usage(provider="offline", model="rules"))
    assert await store.get(task.task_id) == task
    assert await store.get("unknown") is None


async def test_a_repeated_request_with_the_same_key_creates_one_task(store: Store) -> None:
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


async def test_concurrent_requests_with_the_same_key_create_one_task(store: Store) -> None:
    made = await asyncio.gather(
        *(store.create(a_task(idempotency_key="k", request_digest="d")) for _ in range(10))
    )
    assert len({task.task_id for task, _ in made}) == 1
    assert sum(is_new for _, is_new in made) == 1


async def test_a_transition_increments_the_version_and_is_added_to_the_history(store: Store) -> None:
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
async def test_running_steps_are_interrupted_with_their_task(
    store: Store, to: TaskStatus, interrupted: str
) -> None:
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


async def test_one_of_several_concurrent_claims_wins(store: Store) -> None:
    task = await stored(store)
    claims = await asyncio.gather(
        *(
            store.transition(task.task_id, TaskStatus.PROCESSING, by=f"w{number}", if_attempt=0, attempt=1)
            for number in range(8)
        )
    )
    assert sum(claim is not None for claim in claims) == 1


async def test_a_superseded_attempt_cannot_write(store: Store) -> None:
    task = await stored(store)
    await store.transition(task.task_id, TaskStatus.PROCESSING, by="w1", attempt=1)
    second = await store.transition(task.task_id, TaskStatus.PROCESSING, by="w2", if_attempt=1, attempt=2)
    assert await store.record(task.task_id, 1, progress=50) is None
    assert await store.transition(task.task_id, TaskStatus.COMPLETED, by="w1", if_attempt=1) is None
    assert await store.get(task.task_id) == second
    retrying = await store.transition(task.task_id, TaskStatus.RETRYING, by="w2", if_attempt=2)
    assert await store.record(task.task_id, 2, progress=50) is None, "the attempt has ended"
    assert await store.get(task.task_id) == retrying


async def test_none_removes_a_field_and_nested_models_omit_empty_fields(store: Store) -> None:
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


async def test_announcing_an_older_version_leaves_a_newer_change_unannounced(store: Store) -> None:
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
    assert await unannounced() == [moved], "only an older version was announced"
    await store.mark_announced(moved)
    assert await unannounced() == []
    failed = await store.transition(created.task_id, TaskStatus.FAILED, by="w")
    assert await unannounced() == [failed]
    await store.transition(created.task_id, TaskStatus.QUEUED, by="user")
    await store.transition(created.task_id, TaskStatus.PROCESSING, by="w", attempt=1)
    assert await unannounced() == [], "a running task publishes its own events"


async def test_the_history_is_bounded(store: Store) -> None:
    task = await stored(store)
    for attempt in range(1, HISTORY_LIMIT + 5):
        newest = await store.transition(task.task_id, TaskStatus.PROCESSING, by=f"w{attempt}")
    assert newest is not None
    assert len(newest.history) == HISTORY_LIMIT
    assert newest.history[-1].by == f"w{HISTORY_LIMIT + 4}"
    assert await store.get(task.task_id) == newest


async def test_steps_passed_to_a_transition_are_stored_unchanged(store: Store) -> None:
    task = await stored(store, status=TaskStatus.PROCESSING, steps=[Step(name="a", status="running")])
    handed_back = await store.transition(task.task_id, TaskStatus.RETRYING, by="w", steps=[Step(name="a")])
    assert handed_back is not None and [step.status for step in handed_back.steps] == ["pending"]
    assert await store.get(task.task_id) == handed_back


async def test_a_change_is_checked_again_if_the_task_has_changed_in_between(store: Store) -> None:
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


async def test_each_of_several_concurrent_changes_returns_its_own_result(store: Store) -> None:
    task, _ = await store.create(a_task(status=TaskStatus.PROCESSING, attempt=1))
    written = await asyncio.gather(*(store.record(task, 1, progress=number) for number in range(8)))
    assert sorted(one.rev for one in written if one) == list(range(2, 10))
    assert [one.progress for one in written if one] == list(range(8))
