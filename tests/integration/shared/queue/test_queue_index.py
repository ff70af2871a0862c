"""The index of the queue by user is repaired if something changes the queue without updating it."""

import pytest

from herald.shared.queue.queue import LEASES, LEGACY_KEYS, LINES, QUEUE_NAME, STARTED, TURNS, TYPES, Queue
from tests.support.queue import TYPE, MakeLeases, enqueued, in_turn, picked
from tests.support.tasks import a_task


async def test_jobs_enqueued_by_an_older_version_are_taken(queue: Queue, leases: MakeLeases) -> None:
    ids = await enqueued(queue, *in_turn(3))
    await queue.redis.rename(LINES, LEGACY_KEYS[0])
    await queue.redis.rename(f"{TURNS}:{TYPE}", LEGACY_KEYS[1])
    assert await picked(leases(user_limit=2)) == ids[:2]
    await queue.reindex()
    assert await queue.redis.exists(*LEGACY_KEYS) == 0


async def test_a_rebuilt_index_keeps_the_order_of_thousands_of_jobs(queue: Queue, leases: MakeLeases) -> None:
    jobs = [f"{number:05}:0:{'ada' if number % 2 else 'bea'}" for number in range(9001)]
    await queue.redis.zadd(QUEUE_NAME, {job: number for number, job in enumerate(jobs)})
    assert await picked(leases(), 6) == jobs[:6]
    assert await queue.redis.zcard(LINES) == len(jobs) - 6


async def test_an_index_with_one_job_too_many_and_one_too_few_is_repaired(
    queue: Queue, leases: MakeLeases
) -> None:
    gone, unseen, seen = await enqueued(queue, *in_turn(3))
    [entry] = [line for line in await queue.redis.zrange(LINES, 0, -1) if line.decode().endswith(unseen)]
    await queue.redis.zrem(LINES, entry)
    await queue.redis.zrem(QUEUE_NAME, gone)
    assert sorted(await picked(leases("w1"))) == sorted([unseen, seen])


async def test_a_job_missing_from_the_index_is_taken_in_order(queue: Queue, leases: MakeLeases) -> None:
    ids = await enqueued(queue, *in_turn(3))
    entries = await queue.redis.zrange(LINES, 0, -1)
    await queue.redis.zrem(LINES, entries[0])
    assert await picked(leases(), 1) == ids[:1]


async def test_reindexing_restores_missing_jobs_and_removes_unknown_ones(queue: Queue) -> None:
    await enqueued(queue, *in_turn(3))
    before = await queue.redis.zrange(LINES, 0, -1)
    await queue.redis.zrem(LINES, before[0])
    await queue.redis.hset(TYPES, "no-such-job", "T")  # type: ignore[misc]
    await queue.reindex()
    assert await queue.redis.zrange(LINES, 0, -1) == before
    assert not await queue.redis.hexists(TYPES, "no-such-job")  # type: ignore[misc]


async def test_reindexing_covers_every_job_and_restores_every_user_s_turn(
    queue: Queue, leases: MakeLeases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("herald.shared.queue.queue.REINDEX_AT_ONCE", 2)
    ids = await enqueued(queue, *(a_task(user_id=f"u{number}") for number in range(7)))
    await queue.redis.delete(f"{TURNS}:{TYPE}")
    await queue.redis.hset(STARTED, mapping={f"gone-{number}": 1 for number in range(7)})  # type: ignore[misc]
    await queue.reindex()
    assert sorted(await picked(leases())) == sorted(ids)
    assert await queue.redis.hlen(STARTED) == len(ids)  # type: ignore[misc]


@pytest.mark.parametrize(
    "rubbish", [{b"\xff\xfe:0:ada": 1}, {b"\xff": 0}, {b"x:0:ada": float("-inf")}, {b"a:b\x00:c\xc3": 5}]
)
async def test_entries_that_are_not_jobs_are_removed_and_do_not_block_others(
    queue: Queue, leases: MakeLeases, rubbish: dict[bytes, float]
) -> None:
    await queue.redis.zadd(QUEUE_NAME, rubbish)
    ids = await enqueued(queue, *in_turn(2))
    assert await picked(leases(user_limit=5)) == ids
    assert await queue.redis.zrange(QUEUE_NAME, 0, -1) == [job.encode() for job in ids]
    assert await queue.redis.zcard(LEASES) == 2
