"""The queue on a real Redis: its order, its signals, and the removal of ended jobs."""

import asyncio
from datetime import timedelta

import pytest

from herald.shared.feed.feed import Feed, signal_name
from herald.shared.queue import leases as leases_module
from herald.shared.queue.estimates import GroupEstimates
from herald.shared.queue.jobs import job_id
from herald.shared.queue.queue import CANCEL_SIGNAL, EXPIRES, QUEUE_NAME, WORK_SIGNAL, Queue
from herald.shared.tasks.models import Priority, TaskStatus, now
from tests.support.queue import MakeLeases, enqueued, in_turn, picked, waiting
from tests.support.tasks import a_task


async def test_jobs_are_taken_by_priority_and_then_in_the_order_of_arrival(
    queue: Queue, leases: MakeLeases
) -> None:
    at = now()
    wanted = [
        a_task(priority=priority, queued_at=at + timedelta(seconds=number))
        for priority in (Priority.HIGH, Priority.NORMAL, Priority.LOW)
        for number in range(3)
    ]
    ids = await enqueued(queue, *reversed(wanted))
    assert await picked(leases()) == ids[::-1]


async def test_an_old_low_priority_job_goes_before_a_new_high_priority_one(
    queue: Queue, leases: MakeLeases
) -> None:
    patient = a_task(priority=Priority.LOW, queued_at=now() - timedelta(minutes=21))
    new = a_task(priority=Priority.HIGH)
    ids = await enqueued(queue, new, patient)
    assert await picked(leases()) == ids[::-1]


async def test_jobs_start_in_the_estimated_order(queue: Queue, leases: MakeLeases) -> None:
    users = ["ada"] * 5 + ["bea"] * 2 + ["ada", "eve"]
    for task in [
        a_task(user_id=user, priority=priority, queued_at=now() - timedelta(seconds=60 - number))
        for number, user in enumerate(users)
        for priority in (Priority.HIGH, Priority.LOW)
    ]:
        await queue.enqueue(task)
    estimates = GroupEstimates(await queue.state(), slots=5, run_durations={}, user_limit=2)
    expected = [job.decode() for job in estimates.order[:5]]
    assert await picked(leases(user_limit=2), 5) == expected


async def test_a_moved_job_gets_the_place_of_its_new_priority(queue: Queue, leases: MakeLeases) -> None:
    tasks = in_turn(3)
    first, second, third = await enqueued(queue, *tasks)
    assert await queue.move(tasks[2].model_copy(update={"priority": Priority.HIGH}))
    assert await waiting(queue) == [third, first, second]
    assert await picked(leases()) == [third, first, second]


async def test_withdrawn_jobs_cannot_be_taken_or_moved(queue: Queue, leases: MakeLeases) -> None:
    task = a_task()
    await enqueued(queue, task)
    await queue.withdraw(task)
    assert await picked(leases()) == []
    assert not await queue.move(task)


async def test_a_job_without_a_body_counts_as_missing_and_can_be_enqueued_again(
    queue: Queue, leases: MakeLeases
) -> None:
    task = a_task()
    [job] = await enqueued(queue, task)
    await queue.redis.delete(f"arq:job:{job}")
    assert await queue.missing([task]) == [task]
    assert await queue.enqueue(task)
    assert await queue.missing([task]) == []
    assert await picked(leases()) == [job]


async def test_a_job_s_body_expires(queue: Queue) -> None:
    [job] = await enqueued(queue, a_task())
    assert 0 < await queue.redis.pttl(f"arq:job:{job}") <= EXPIRES.total_seconds() * 1000


@pytest.mark.parametrize("skew", [timedelta(minutes=-5), timedelta(minutes=5)])
async def test_a_wrong_clock_does_not_delay_a_job(
    queue: Queue, leases: MakeLeases, monkeypatch: pytest.MonkeyPatch, skew: timedelta
) -> None:
    monkeypatch.setattr("herald.shared.queue.jobs.now", lambda: now() + skew)
    [low] = await enqueued(queue, a_task(priority=Priority.LOW, queued_at=now() + skew))
    monkeypatch.undo()
    [next_one] = await enqueued(queue, a_task(priority=Priority.LOW, queued_at=now() + timedelta(seconds=1)))
    assert await picked(leases()) == [low, next_one]


async def test_the_state_has_the_running_time_of_each_job(queue: Queue, leases: MakeLeases) -> None:
    [job] = await enqueued(queue, a_task())
    assert await picked(leases()) == [job]
    state = await queue.state()
    [(running, since_s)] = state.running
    assert running == job.encode() and since_s is not None and 0 <= since_s < 60
    assert (state.waiting, state.later) == ([], [])


async def test_enqueueing_releasing_and_withdrawing_send_signals(
    queue: Queue, leases: MakeLeases, feed: Feed
) -> None:
    first, second = in_turn(2)
    async with queue.redis.pubsub() as signals, asyncio.timeout(30):
        await signals.subscribe(*(signal_name(queue.redis, name) for name in (WORK_SIGNAL, CANCEL_SIGNAL)))

        async def signalled() -> tuple[str, str]:
            while (message := await signals.get_message(timeout=30)) is None or message["type"] != "message":
                pass
            return message["channel"].decode().rpartition(":")[2], message["data"].decode()

        await enqueued(queue, first, second)
        assert [await signalled(), await signalled()] == [(WORK_SIGNAL, "")] * 2
        worker = leases()
        [job] = await picked(worker, 1)
        await worker.release(job)
        assert await signalled() == (WORK_SIGNAL, "")
        await queue.withdraw(second)
        assert await signalled() == (CANCEL_SIGNAL, second.task_id)


async def test_ended_and_withdrawn_jobs_leave_no_keys_behind(queue: Queue, leases: MakeLeases) -> None:
    ended, withdrawn, moved = in_turn(3)
    ids = await enqueued(queue, ended, withdrawn, moved)
    worker = leases()
    assert await picked(worker, 1) == ids[:1]
    await queue.redis.zrem(QUEUE_NAME, ids[0])  # as ARQ does when a job ends
    await worker.release(ids[0])
    await queue.move(moved.model_copy(update={"priority": Priority.HIGH}))
    await queue.withdraw(withdrawn)
    await queue.withdraw(moved)
    assert await queue.redis.keys("herald:*") == []
    assert await queue.redis.keys("arq:job:*") == [f"arq:job:{ids[0]}".encode()], (
        "ARQ deletes this one itself"
    )


async def test_a_withdrawn_retry_leaves_no_keys_behind(queue: Queue) -> None:
    at = now()
    retry = a_task(status=TaskStatus.RETRYING, updated_at=at, next_retry_at=at + timedelta(hours=1))
    await enqueued(queue, retry)
    assert [job for job, *_ in (await queue.state()).later] == [job_id(retry).encode()]
    await queue.withdraw(retry)
    assert await queue.redis.keys("*") == []


async def test_a_job_that_ended_before_its_worker_died_leaves_no_keys_behind(
    queue: Queue, leases: MakeLeases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases_module, "_LEASE_MS", 0)
    [job] = await enqueued(queue, a_task())
    assert await picked(leases("gone")) == [job]
    await queue.redis.zrem(QUEUE_NAME, job)  # as ARQ does when a job ends
    assert await picked(leases("next")) == []
    assert await queue.redis.keys("herald:*") == []


async def test_only_tasks_that_are_not_in_the_queue_are_missing(queue: Queue) -> None:
    there, gone = a_task(), a_task()
    await enqueued(queue, there)
    assert await queue.missing([there, gone]) == [gone]
    await enqueued(queue, gone)
    assert await queue.missing([there, gone]) == []


@pytest.mark.parametrize("clock", [timedelta(0), timedelta(hours=-1), timedelta(hours=1)])
async def test_a_retry_waits_for_its_delay_even_if_clocks_differ(queue: Queue, clock: timedelta) -> None:
    at = now() + clock
    retry = a_task(status=TaskStatus.RETRYING, updated_at=at, next_retry_at=at + timedelta(minutes=5))
    [job] = await enqueued(queue, retry)
    state = await queue.state()
    assert state.waiting == []
    [(found, _, due_in_s)] = state.later
    assert found == job.encode() and 240 < due_in_s <= 300


async def test_a_reservation_that_is_never_dropped_expires(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("herald.shared.queue.queue.RESERVED_FOR_S", 0.001)
    assert await queue.reserve("ada", "left behind") == ["left behind"]
    monkeypatch.undo()
    async with asyncio.timeout(30):
        while await queue.reserve("ada", "new") != ["new"]:
            pass
    assert 0 < await queue.redis.pttl("herald:reserved:ada") <= 60_000
    assert await queue.reserve("ada", "newer") == ["new", "newer"]
    assert await queue.reserve("bea", "hers") == ["hers"]
