"""Who gets which task next, for how long, and what becomes of it; on a real Redis."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from herald.shared.feed.feed import SIGNAL_PREFIX, Feed
from herald.shared.queue import leases as leases_module
from herald.shared.queue.estimates import Plan
from herald.shared.queue.leases import Leases
from herald.shared.queue.queue import (
    CANCEL_SIGNAL,
    EXPIRES,
    LATER,
    LEASES,
    LINES,
    QUEUE_KEYS,
    QUEUE_NAME,
    STARTED,
    TURNS,
    TYPES,
    WORK_SIGNAL,
    Queue,
    job_id,
)
from herald.shared.tasks.models import Priority, Task, TaskStatus, now
from tests.support.tasks import a_task

MakeLeases = Callable[..., Leases]


@pytest.fixture
def queue(feed: Feed) -> Queue:
    return Queue(feed.redis)  # type: ignore[arg-type]


@pytest.fixture
def leases(feed: Feed) -> MakeLeases:
    return lambda worker="w1", user_limit=0: Leases(feed.redis, worker, user_limit=user_limit)


def in_turn(number: int) -> list[Task]:
    """Tasks that were queued one after the other, each a second after the one before."""
    at = now()
    return [a_task(queued_at=at - timedelta(seconds=number - place)) for place in range(number)]


async def queued(queue: Queue, *tasks: Task) -> list[str]:
    for task in tasks:
        assert await queue.enqueue(task)
    return [job_id(task) for task in tasks]


async def picked(leases: Leases, most: int = 100) -> list[str]:
    return [job.job_id for job in await leases.pick(most)]


async def waiting(queue: Queue) -> list[str]:
    return [job.decode() for job, _ in (await queue.state()).waiting]


async def test_high_goes_first_and_within_a_priority_who_came_first(queue: Queue, leases: MakeLeases) -> None:
    at = now()
    wanted = [
        a_task(priority=priority, queued_at=at + timedelta(seconds=number))
        for priority in (Priority.HIGH, Priority.NORMAL, Priority.LOW)
        for number in range(3)
    ]
    ids = await queued(queue, *reversed(wanted))
    assert await picked(leases()) == ids[::-1]


async def test_a_low_one_that_has_waited_long_enough_goes_before_a_new_high_one(
    queue: Queue, leases: MakeLeases
) -> None:
    patient = a_task(priority=Priority.LOW, queued_at=now() - timedelta(minutes=21))
    new = a_task(priority=Priority.HIGH)
    ids = await queued(queue, new, patient)
    assert await picked(leases()) == ids[::-1]


async def test_a_job_is_taken_once_and_no_more_than_wanted(queue: Queue, leases: MakeLeases) -> None:
    ids = await queued(queue, *(a_task() for _ in range(5)))
    first, second = await asyncio.gather(picked(leases("w1"), 3), picked(leases("w2"), 3))
    assert sorted(first + second) == sorted(ids)
    assert len(first) == 3


async def test_one_user_s_hundred_tasks_do_not_block_another_s_one(queue: Queue, leases: MakeLeases) -> None:
    await queued(queue, *(a_task(user_id="busy:one") for _ in range(150)))
    [other] = await queued(queue, a_task(user_id="ada"))
    worker = leases(user_limit=2)
    taken = await picked(worker, 10)
    assert len(taken) == 3 and other in taken
    assert await picked(leases("w2", user_limit=2)) == []
    mine = next(job for job in taken if job != other)
    async with queue.redis.pipeline() as pipe:  # it ends, as ARQ ends it
        pipe.zrem(QUEUE_NAME, mine)
        await pipe.execute()
    await worker.release(mine)
    assert len(await picked(leases("w2", user_limit=2))) == 1


async def test_a_user_at_the_limit_with_thousands_waiting_is_passed_over(
    queue: Queue, leases: MakeLeases
) -> None:
    await asyncio.gather(*(queue.enqueue(a_task(user_id="busy")) for _ in range(6000)))
    [other] = await queued(queue, a_task(user_id="ada"))
    taken = await picked(leases(user_limit=2), 10)
    assert len(taken) == 3 and other in taken


async def test_what_starts_next_is_what_the_plan_says(queue: Queue, leases: MakeLeases) -> None:
    users = ["ada"] * 5 + ["bea"] * 2 + ["ada", "eve"]
    for task in [
        a_task(user_id=user, priority=priority, queued_at=now() - timedelta(seconds=60 - number))
        for number, user in enumerate(users)
        for priority in (Priority.HIGH, Priority.LOW)
    ]:
        await queue.enqueue(task)
    plan = Plan(await queue.state(), slots=5, whole_runs={}, user_limit=2)
    expected = [job.decode() for job in plan.order[:5]]
    assert await picked(leases(user_limit=2), 5) == expected


async def test_jobs_that_an_older_version_has_queued_are_taken(queue: Queue, leases: MakeLeases) -> None:
    ids = await queued(queue, *in_turn(3))
    await queue.redis.delete(LINES, TURNS)
    assert await picked(leases(user_limit=2)) == ids[:2]


async def test_a_rebuilt_index_keeps_the_order_of_thousands_of_jobs_and_their_users(
    queue: Queue, leases: MakeLeases
) -> None:
    jobs = [f"{number:05}:0:{'ada' if number % 2 else 'bea'}" for number in range(9001)]
    await queue.redis.zadd(QUEUE_NAME, {job: number for number, job in enumerate(jobs)})
    assert await picked(leases(), 6) == jobs[:6]
    assert await queue.redis.zcard(LINES) == len(jobs) - 6


async def test_an_index_with_one_job_too_many_and_one_too_few_is_put_right(
    queue: Queue, leases: MakeLeases
) -> None:
    gone, unseen, seen = await queued(queue, *in_turn(3))
    [entry] = [line for line in await queue.redis.zrange(LINES, 0, -1) if line.decode().endswith(unseen)]
    await queue.redis.zrem(LINES, entry)
    await queue.redis.zrem(QUEUE_NAME, gone)
    assert sorted(await picked(leases("w1"))) == sorted([unseen, seen])


async def test_a_job_missing_from_the_index_is_taken_in_its_turn(queue: Queue, leases: MakeLeases) -> None:
    ids = await queued(queue, *in_turn(3))
    entries = await queue.redis.zrange(LINES, 0, -1)
    await queue.redis.zrem(LINES, entries[0])
    assert await picked(leases(), 1) == ids[:1]


async def test_a_job_missing_from_the_index_is_added_to_it(queue: Queue) -> None:
    await queued(queue, *in_turn(3))
    before = await queue.redis.zrange(LINES, 0, -1)
    await queue.redis.zrem(LINES, before[0])
    await queue.redis.hset(TYPES, "no-such-job", "T")  # type: ignore[misc]
    await queue.reindex()
    assert await queue.redis.zrange(LINES, 0, -1) == before
    assert not await queue.redis.hexists(TYPES, "no-such-job")  # type: ignore[misc]


async def test_reindexing_covers_every_job_and_lets_each_user_have_a_turn_again(
    queue: Queue, leases: MakeLeases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("herald.shared.queue.queue.REINDEX_AT_ONCE", 2)
    ids = await queued(queue, *(a_task(user_id=f"u{number}") for number in range(7)))
    await queue.redis.delete(TURNS)
    await queue.redis.hset(STARTED, mapping={f"gone-{number}": 1 for number in range(7)})  # type: ignore[misc]
    await queue.reindex()
    assert sorted(await picked(leases())) == sorted(ids)
    assert await queue.redis.hlen(STARTED) == len(ids)  # type: ignore[misc]


async def test_nothing_is_kept_of_jobs_that_have_gone(queue: Queue, leases: MakeLeases) -> None:
    ended, withdrawn, moved = in_turn(3)
    ids = await queued(queue, ended, withdrawn, moved)
    worker = leases()
    assert await picked(worker, 1) == ids[:1]
    await queue.redis.zrem(QUEUE_NAME, ids[0])  # as ARQ ends it
    await worker.release(ids[0])
    await queue.move(moved.model_copy(update={"priority": Priority.HIGH}))
    await queue.withdraw(withdrawn)
    await queue.withdraw(moved)
    for key in QUEUE_KEYS:
        assert not await queue.redis.exists(key), key
    assert await queue.redis.keys("arq:job:*") == [f"arq:job:{ids[0]}".encode()], (
        "that one is ARQ's to delete"
    )


async def test_nothing_is_kept_of_a_withdrawn_retry(queue: Queue) -> None:
    at = now()
    retry = a_task(status=TaskStatus.RETRYING, updated_at=at, next_retry_at=at + timedelta(hours=1))
    await queued(queue, retry)
    assert [job for job, *_ in (await queue.state()).later] == [job_id(retry).encode()]
    await queue.withdraw(retry)
    assert await queue.redis.keys("*") == []


async def test_nothing_is_kept_of_a_job_that_ended_with_its_worker(
    queue: Queue, leases: MakeLeases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases_module, "_LEASE_MS", 0)
    [job] = await queued(queue, a_task())
    assert await picked(leases("gone")) == [job]
    await queue.redis.zrem(QUEUE_NAME, job)  # as ARQ ends it
    assert await picked(leases("next")) == []
    for key in QUEUE_KEYS:
        assert not await queue.redis.exists(key), key


async def test_a_job_s_body_expires(queue: Queue) -> None:
    [job] = await queued(queue, a_task())
    assert 0 < await queue.redis.pttl(f"arq:job:{job}") <= EXPIRES.total_seconds() * 1000


async def test_queued_and_released_and_withdrawn_jobs_are_signalled(
    queue: Queue, leases: MakeLeases, feed: Feed
) -> None:
    first, second = in_turn(2)
    async with queue.redis.pubsub() as signals, asyncio.timeout(30):
        await signals.subscribe(SIGNAL_PREFIX + WORK_SIGNAL, SIGNAL_PREFIX + CANCEL_SIGNAL)

        async def signalled() -> tuple[str, str]:
            while (message := await signals.get_message(timeout=30)) is None or message["type"] != "message":
                pass
            return message["channel"].decode().removeprefix(SIGNAL_PREFIX), message["data"].decode()

        await queued(queue, first, second)
        assert [await signalled(), await signalled()] == [(WORK_SIGNAL, "")] * 2
        worker = leases()
        [job] = await picked(worker, 1)
        await worker.release(job)
        assert await signalled() == (WORK_SIGNAL, "")
        await queue.withdraw(second)
        assert await signalled() == (CANCEL_SIGNAL, second.task_id)


async def test_the_queue_knows_since_when_a_job_runs(queue: Queue, leases: MakeLeases) -> None:
    [job] = await queued(queue, a_task())
    assert await picked(leases()) == [job]
    state = await queue.state()
    [(running, since_s)] = state.running
    assert running == job.encode() and since_s is not None and 0 <= since_s < 60
    assert (state.waiting, state.later) == ([], [])


@pytest.mark.parametrize("skew", [timedelta(minutes=-5), timedelta(minutes=5)])
async def test_a_wrong_clock_delays_no_task(
    queue: Queue, leases: MakeLeases, monkeypatch: pytest.MonkeyPatch, skew: timedelta
) -> None:
    monkeypatch.setattr("herald.shared.queue.queue.now", lambda: now() + skew)
    [low] = await queued(queue, a_task(priority=Priority.LOW, queued_at=now() + skew))
    monkeypatch.undo()
    [next_one] = await queued(queue, a_task(priority=Priority.LOW, queued_at=now() + timedelta(seconds=1)))
    assert await picked(leases()) == [low, next_one]


async def test_a_job_that_waits_again_in_older_data_stays_with_who_runs_it(
    queue: Queue, leases: MakeLeases
) -> None:
    [job] = await queued(queue, a_task())
    before = {key: await queue.redis.dump(key) for key in (QUEUE_NAME, LINES, TURNS, TYPES)}
    worker = leases()
    assert await picked(worker) == [job]
    await queue.redis.delete(*QUEUE_KEYS)
    for key, value in before.items():
        await queue.redis.restore(key, 0, value)
    assert await worker.renew() == set()
    assert await picked(leases("w2")) == []
    await worker.release(job)
    assert await picked(leases("w2")) == [job]


@pytest.mark.parametrize(
    "rubbish", [{b"\xff\xfe:0:ada": 1}, {b"\xff": 0}, {b"x:0:ada": float("-inf")}, {b"a:b\x00:c\xc3": 5}]
)
async def test_what_is_no_job_is_dropped_and_stops_nobody(
    queue: Queue, leases: MakeLeases, rubbish: dict[bytes, float]
) -> None:
    await queue.redis.zadd(QUEUE_NAME, rubbish)
    ids = await queued(queue, *in_turn(2))
    assert await picked(leases(user_limit=5)) == ids
    assert await queue.redis.zrange(QUEUE_NAME, 0, -1) == [job.encode() for job in ids]
    assert await queue.redis.zcard(LEASES) == 2


async def test_two_hundred_run_at_once_over_ten_workers(queue: Queue, leases: MakeLeases) -> None:
    await queued(queue, *(a_task(user_id=f"u{number}") for number in range(400)))
    taken = await asyncio.gather(*(picked(leases(f"w{number}"), 20) for number in range(10)))
    assert [len(jobs) for jobs in taken] == [20] * 10
    assert len({job for jobs in taken for job in jobs}) == 200


async def test_a_lost_worker_s_job_goes_to_the_next_before_all_others(
    queue: Queue, leases: MakeLeases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases_module, "_LEASE_MS", 0)
    [lost] = await queued(queue, a_task(priority=Priority.LOW))
    gone, next_one = leases("gone"), leases("next")
    assert await picked(gone) == [lost]
    monkeypatch.undo()
    await queued(queue, *(a_task(priority=Priority.HIGH) for _ in range(3)))
    assert await picked(next_one, 1) == [lost]
    assert await gone.renew() == {lost}, "it would go on with what another one has"
    await gone.release(lost)
    assert lost not in await picked(leases("third")), "it has given back what was not its own"
    assert await next_one.renew() == set()


async def test_a_worker_takes_no_more_lost_jobs_than_it_has_slots_and_knows_that_they_were_lost(
    queue: Queue, leases: MakeLeases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases_module, "_LEASE_MS", 0)
    ids = await queued(queue, *in_turn(3))
    taken = await leases("gone").pick(3)
    assert [(job.job_id, job.was_lost) for job in taken] == [(job, False) for job in ids]
    monkeypatch.undo()
    taken = await leases("next").pick(2)
    assert [job.was_lost for job in taken] == [True, True]


async def test_a_running_job_that_comes_due_in_older_data_is_not_taken_again(
    queue: Queue, leases: MakeLeases
) -> None:
    [job] = await queued(queue, a_task())
    assert await picked(leases()) == [job]
    await queue.redis.zadd(LATER, {job: 1})
    assert await picked(leases("w2")) == []
    assert not await queue.redis.exists(LATER)


async def test_a_job_that_is_handed_back_during_a_renewal_is_free(
    queue: Queue, leases: MakeLeases, monkeypatch: pytest.MonkeyPatch
) -> None:
    [job] = await queued(queue, a_task())
    worker = leases()
    assert await picked(worker) == [job]
    send, begun = worker._renew.run, asyncio.Event()

    async def late(*arguments: Any) -> Any:
        begun.set()
        await asyncio.wait([releasing], timeout=0.3)  # a release that is sent meanwhile comes first
        return await send(*arguments)

    monkeypatch.setattr(worker._renew, "run", late)

    async def release() -> None:
        await begun.wait()
        await worker.release(job)

    releasing = asyncio.create_task(release())
    assert await worker.renew() == set()
    await releasing
    assert await picked(leases("w2")) == [job]
    assert await worker.renew() == set()


async def test_what_is_handed_back_is_where_it_was(queue: Queue, leases: MakeLeases) -> None:
    first, second = in_turn(2)
    ids = await queued(queue, first, second)
    worker = leases()
    assert await picked(worker) == ids
    assert await waiting(queue) == []
    await worker.release(ids[1])
    await worker.release(ids[0])
    assert await waiting(queue) == ids
    assert await picked(leases("w2")) == ids


async def test_what_waits_for_its_time_is_not_taken_before(queue: Queue, leases: MakeLeases) -> None:
    ids = await queued(queue, *in_turn(2))
    worker = leases()
    assert await picked(worker) == ids
    await worker.release(ids[0], due_in_s=0.2)
    assert await picked(worker) == []
    while not (again := await picked(worker)):
        await asyncio.sleep(0.02)
    assert again == [ids[0]]


async def test_leases_that_redis_has_lost_are_taken_again_by_who_runs_the_job(
    queue: Queue, leases: MakeLeases
) -> None:
    task = a_task()
    [job] = await queued(queue, task)
    worker = leases()
    assert await picked(worker) == [job]
    await queue.redis.flushall()
    assert await queue.missing([task]) == [task]
    assert await worker.renew() == set()
    assert await queue.missing([task]) == []
    assert not await queue.enqueue(task), "it would run twice"
    assert await picked(leases("w2")) == []


async def test_a_job_whose_body_is_gone_is_missing_and_is_mended(queue: Queue, leases: MakeLeases) -> None:
    task = a_task()
    [job] = await queued(queue, task)
    await queue.redis.delete(f"arq:job:{job}")
    assert await queue.missing([task]) == [task]
    assert await queue.enqueue(task)
    assert await queue.missing([task]) == []
    assert await picked(leases()) == [job]


async def test_a_moved_task_gets_the_place_of_its_priority(queue: Queue, leases: MakeLeases) -> None:
    tasks = in_turn(3)
    first, second, third = await queued(queue, *tasks)
    assert await queue.move(tasks[2].model_copy(update={"priority": Priority.HIGH}))
    assert await waiting(queue) == [third, first, second]
    assert await picked(leases()) == [third, first, second]


async def test_what_is_withdrawn_is_not_taken(queue: Queue, leases: MakeLeases) -> None:
    task = a_task()
    await queued(queue, task)
    await queue.withdraw(task)
    assert await picked(leases()) == []
    assert not await queue.move(task)
