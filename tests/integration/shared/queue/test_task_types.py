"""A worker gets jobs of the task types that it runs, within the limits of each type over all workers."""

import pytest

from herald.shared.queue import leases as leases_module
from herald.shared.queue.leases import TypeLimits
from herald.shared.queue.queue import QUEUE_NAME, Queue
from herald.shared.tasks.models import Task
from tests.support.queue import TYPE, MakeLeases, Renew, enqueued, in_turn, picked, waiting
from tests.support.tasks import a_task

A, B = {"A": TypeLimits()}, {"B": TypeLimits()}
BOTH = A | B


def alternating(number: int, **changes: str) -> list[Task]:
    """Tasks of the types A and B in turn, queued one second apart, the oldest first."""
    return [
        task.model_copy(update={"type": "AB"[place % 2], **changes})
        for place, task in enumerate(in_turn(number))
    ]


async def test_a_worker_gets_only_jobs_of_its_types(queue: Queue, leases: MakeLeases) -> None:
    ids = await enqueued(queue, *alternating(6))
    assert await picked(leases("w1", types=A)) == ids[::2]
    assert await picked(leases("w2", types={"C": TypeLimits()})) == []
    assert await picked(leases("w3", types=BOTH)) == ids[1::2]


async def test_jobs_of_several_types_are_taken_by_their_place(queue: Queue, leases: MakeLeases) -> None:
    ids = await enqueued(queue, *alternating(7))
    assert await picked(leases(types=BOTH), 3) == ids[:3]
    assert await picked(leases(types=BOTH | {TYPE: TypeLimits()})) == ids[3:]


async def test_the_limit_of_a_user_counts_jobs_of_all_types(queue: Queue, leases: MakeLeases) -> None:
    ids = await enqueued(queue, *alternating(6))
    [other] = await enqueued(queue, a_task(user_id="bea", type="B"))
    assert await picked(leases("w1", types=A, user_limit=2), 1) == ids[:1]
    assert await picked(leases("w2", types=BOTH, user_limit=2)) == [ids[1], other]


async def test_the_concurrency_of_a_type_holds_over_all_workers(queue: Queue, leases: MakeLeases) -> None:
    ids = await enqueued(queue, *alternating(8))
    limited = {"A": TypeLimits(concurrency=2), "B": TypeLimits()}
    first = leases("w1", types=limited)
    assert await picked(first, 1) == ids[:1]
    assert await picked(leases("w2", types=limited)) == [*ids[1:4], *ids[5::2]]
    await queue.redis.zrem(QUEUE_NAME, ids[0])  # as ARQ does when a job ends
    await first.release(ids[0])
    assert await picked(leases("w3", types=limited)) == [ids[4]]


async def test_the_limit_per_user_of_a_type_leaves_other_users_and_types_alone(
    queue: Queue, leases: MakeLeases
) -> None:
    ids = await enqueued(queue, *alternating(6))
    [other] = await enqueued(queue, a_task(user_id="bea", type="A"))
    limited = {"A": TypeLimits(per_user=1), "B": TypeLimits()}
    assert await picked(leases("w1", types=limited), 2) == ids[:2]
    assert await picked(leases("w2", types=limited)) == [ids[3], ids[5], other]


async def test_a_cancelled_job_counts_as_running_until_it_is_released(
    queue: Queue, leases: MakeLeases
) -> None:
    tasks = alternating(3)[::2]
    ids = await enqueued(queue, *tasks)
    limited = {"A": TypeLimits(concurrency=1)}
    worker = leases("w1", types=limited)
    assert await picked(worker, 1) == ids[:1]
    await queue.withdraw(tasks[0])
    await queue.reindex()
    assert await picked(leases("w2", types=limited)) == []
    await worker.release(ids[0])
    assert await picked(leases("w2", types=limited)) == ids[1:]


async def test_the_type_of_a_running_job_outlasts_the_data_of_redis(
    queue: Queue, leases: MakeLeases, renew: Renew
) -> None:
    limited = {"A": TypeLimits(concurrency=1)}
    worker = leases("w1", types=limited)
    await enqueued(queue, a_task(type="A"))
    assert len(await picked(worker)) == 1
    await queue.redis.flushall()
    await renew(worker)
    await enqueued(queue, a_task(type="A"))
    assert await picked(leases("w2", types=limited)) == []


@pytest.fixture
async def lost(queue: Queue, leases: MakeLeases, monkeypatch: pytest.MonkeyPatch) -> str:
    """A job of type A whose worker ``gone`` has lost its lease."""
    monkeypatch.setattr(leases_module, "_LEASE_MS", 0)
    [job] = await enqueued(queue, a_task(type="A"))
    assert await picked(leases("gone", types=A)) == [job]
    monkeypatch.undo()
    return job


async def test_a_lost_job_is_taken_over_by_a_worker_of_its_type(
    queue: Queue, leases: MakeLeases, lost: str
) -> None:
    assert await picked(leases("w1", types=B)) == []
    assert await waiting(queue) == [lost], "it waits for a worker of its type"
    [again] = await leases("w2", types=BOTH).pick(5)
    assert again.job_id == lost and again.was_lost


async def test_a_lost_job_without_a_worker_does_not_count_as_running(
    queue: Queue, leases: MakeLeases, lost: str
) -> None:
    [job] = await enqueued(queue, a_task(type="B"))
    assert await picked(leases("w1", types=B, user_limit=1)) == [job]
    assert await picked(leases("w2", types=A, user_limit=1)) == [], (
        "but it respects the limit when it returns"
    )


async def test_a_worker_that_was_only_slow_keeps_a_job_that_waits_for_another(
    queue: Queue, leases: MakeLeases, renew: Renew, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases_module, "_LEASE_MS", 0)
    [job] = await enqueued(queue, a_task(type="A"))
    slow = leases("slow", types=A)
    assert await picked(slow) == [job]
    monkeypatch.undo()
    assert await picked(leases("w1", types=B)) == []
    assert (await renew(slow)).kept == [job]
    assert await picked(leases("w2", types=A)) == []


async def test_a_retry_that_a_slow_worker_hands_back_waits_for_its_delay(
    queue: Queue, leases: MakeLeases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases_module, "_LEASE_MS", 0)
    [job] = await enqueued(queue, a_task(type="A"))
    slow = leases("slow", types=A)
    assert await picked(slow) == [job]
    monkeypatch.undo()
    assert await picked(leases("w1", types=B)) == []
    await slow.release(job, due_in_s=60)
    assert await picked(leases("w2", types=A)) == []


async def test_a_cancelled_job_that_was_lost_leaves_no_keys_behind(
    queue: Queue, leases: MakeLeases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases_module, "_LEASE_MS", 0)
    task = a_task(type="A")
    await enqueued(queue, task)
    assert len(await picked(leases("gone", types=A))) == 1
    assert await picked(leases("w1", types=B)) == []
    await queue.withdraw(task)
    assert await queue.redis.keys("*") == []


async def test_the_lease_of_a_job_is_not_renewed_after_its_time_limit(
    queue: Queue, leases: MakeLeases, renew: Renew, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases_module, "ENDS_WITHIN_S", 0)
    ids = await enqueued(queue, *alternating(2))
    worker = leases(types={"A": TypeLimits(timeout_s=0), "B": TypeLimits(timeout_s=600)})
    assert await picked(worker) == ids
    assert (await renew(worker)).kept == [ids[1]]
