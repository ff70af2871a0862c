"""Leases on a real Redis: taking, renewing and releasing jobs, and taking over those of lost workers."""

import asyncio
import threading
from typing import Any

import pytest
import redis

from herald.shared.queue import leases as leases_module
from herald.shared.queue.queue import LATER, LINES, QUEUE_NAME, TURNS, TYPES, Queue
from herald.shared.tasks.models import Priority
from tests.support.queue import TYPE, MakeLeases, Renew, enqueued, in_turn, picked, waiting
from tests.support.tasks import a_task


async def test_each_job_is_taken_once_and_no_worker_gets_more_than_it_asked_for(
    queue: Queue, leases: MakeLeases
) -> None:
    ids = await enqueued(queue, *(a_task() for _ in range(5)))
    first, second = await asyncio.gather(picked(leases("w1"), 3), picked(leases("w2"), 3))
    assert sorted(first + second) == sorted(ids)
    assert {len(first), len(second)} == {2, 3}


async def test_a_user_s_many_jobs_do_not_block_another_user_s_job(queue: Queue, leases: MakeLeases) -> None:
    await enqueued(queue, *(a_task(user_id="busy:one") for _ in range(150)))
    [other] = await enqueued(queue, a_task(user_id="ada"))
    worker = leases(user_limit=2)
    taken = await picked(worker, 10)
    assert len(taken) == 3 and other in taken
    assert await picked(leases("w2", user_limit=2)) == []
    mine = next(job for job in taken if job != other)
    async with queue.redis.pipeline() as pipe:  # as ARQ does when a job ends
        pipe.zrem(QUEUE_NAME, mine)
        await pipe.execute()
    await worker.release(mine)
    assert len(await picked(leases("w2", user_limit=2))) == 1


async def test_a_user_at_the_limit_is_skipped_with_thousands_of_jobs_queued(
    queue: Queue, leases: MakeLeases
) -> None:
    await asyncio.gather(*(queue.enqueue(a_task(user_id="busy")) for _ in range(6000)))
    [other] = await enqueued(queue, a_task(user_id="ada"))
    taken = await picked(leases(user_limit=2), 10)
    assert len(taken) == 3 and other in taken


async def test_ten_workers_of_twenty_slots_run_two_hundred_jobs_at_once(
    queue: Queue, leases: MakeLeases
) -> None:
    await enqueued(queue, *(a_task(user_id=f"u{number}") for number in range(400)))
    taken = await asyncio.gather(*(picked(leases(f"w{number}"), 20) for number in range(10)))
    assert [len(jobs) for jobs in taken] == [20] * 10
    assert len({job for jobs in taken for job in jobs}) == 200


async def test_a_lost_worker_s_job_is_taken_before_all_others(
    queue: Queue, leases: MakeLeases, renew: Renew, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases_module, "_LEASE_MS", 0)
    [lost] = await enqueued(queue, a_task(priority=Priority.LOW))
    gone, next_one = leases("gone"), leases("next")
    assert await picked(gone) == [lost]
    monkeypatch.undo()
    await enqueued(queue, *(a_task(priority=Priority.HIGH) for _ in range(3)))
    assert await picked(next_one, 1) == [lost]
    assert (await renew(gone)).lost == [lost], "the lost worker must stop"
    await gone.release(lost)
    assert lost not in await picked(leases("third")), "only the holder can release a lease"
    assert (await renew(next_one)).kept == [lost]


async def test_a_worker_gets_only_as_many_lost_jobs_as_it_asks_for_and_they_are_marked(
    queue: Queue, leases: MakeLeases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases_module, "_LEASE_MS", 0)
    ids = await enqueued(queue, *in_turn(3))
    taken = await leases("gone").pick(3)
    assert [(job.job_id, job.was_lost) for job in taken] == [(job, False) for job in ids]
    monkeypatch.undo()
    taken = await leases("next").pick(2)
    assert [job.was_lost for job in taken] == [True, True]


async def test_released_jobs_return_to_their_old_places(queue: Queue, leases: MakeLeases) -> None:
    first, second = in_turn(2)
    ids = await enqueued(queue, first, second)
    worker = leases()
    assert await picked(worker) == ids
    assert await waiting(queue) == []
    await worker.release(ids[1])
    await worker.release(ids[0])
    assert await waiting(queue) == ids
    assert await picked(leases("w2")) == ids


async def test_a_job_released_with_a_delay_is_not_taken_before_it(queue: Queue, leases: MakeLeases) -> None:
    ids = await enqueued(queue, *in_turn(2))
    worker = leases()
    assert await picked(worker) == ids
    await worker.release(ids[0], due_in_s=0.2)
    assert await picked(worker) == []
    while not (again := await picked(worker)):
        await asyncio.sleep(0.02)
    assert again == [ids[0]]


async def test_a_job_released_during_a_renewal_can_be_taken(
    queue: Queue, leases: MakeLeases, renew: Renew, monkeypatch: pytest.MonkeyPatch
) -> None:
    [job] = await enqueued(queue, a_task())
    worker = leases()
    assert await picked(worker) == [job]
    begun, released = threading.Event(), threading.Event()
    register = redis.Redis.register_script

    def late(client: redis.Redis, text: Any) -> Any:
        begun.set()
        released.wait(0.3)  # a release sent meanwhile arrives first
        return register(client, text)

    monkeypatch.setattr(redis.Redis, "register_script", late)

    async def release() -> None:
        await asyncio.to_thread(begun.wait)
        await worker.release(job)
        released.set()

    releasing = asyncio.create_task(release())
    assert (await renew(worker)).lost == []
    await releasing
    assert await picked(leases("w2")) == [job]
    assert (await renew(worker)).lost == []


async def test_renewing_restores_leases_that_redis_has_lost(
    queue: Queue, leases: MakeLeases, renew: Renew
) -> None:
    task = a_task()
    [job] = await enqueued(queue, task)
    worker = leases()
    assert await picked(worker) == [job]
    await queue.redis.flushall()
    assert await queue.missing([task]) == [task]
    assert (await renew(worker)).lost == []
    assert await queue.missing([task]) == []
    assert not await queue.enqueue(task), "it would run twice"
    assert await picked(leases("w2")) == []


async def test_a_running_job_that_is_queued_again_in_older_data_stays_with_its_worker(
    queue: Queue, leases: MakeLeases, renew: Renew
) -> None:
    [job] = await enqueued(queue, a_task())
    before = {key: await queue.redis.dump(key) for key in (QUEUE_NAME, LINES, f"{TURNS}:{TYPE}", TYPES)}
    worker = leases()
    assert await picked(worker) == [job]
    await queue.redis.flushall()
    for key, value in before.items():
        await queue.redis.restore(key, 0, value)
    assert (await renew(worker)).lost == []
    assert await picked(leases("w2")) == []
    await worker.release(job)
    assert await picked(leases("w2")) == [job]


async def test_a_running_job_that_comes_due_in_older_data_is_not_taken_again(
    queue: Queue, leases: MakeLeases
) -> None:
    [job] = await enqueued(queue, a_task())
    assert await picked(leases()) == [job]
    await queue.redis.zadd(LATER, {job: 1})
    assert await picked(leases("w2")) == []
    assert not await queue.redis.exists(LATER)
