"""One worker leads, for as long as it lives; only the leader runs the maintenance duties."""

import asyncio
from collections.abc import Callable

import pytest

from herald.shared.aio import cancel_and_wait
from herald.shared.feed.feed import Feed
from herald.shared.redis.leadership import Leadership
from herald.worker.engine.duties import Duty, repeat
from herald.worker.maintenance import leader as leader_module
from herald.worker.maintenance.leader import Leader, leader_of
from tests.support.attempts import MakeDependencies


class Candidate:
    """A worker with one maintenance duty. It counts its rounds, and how often it found another leader."""

    def __init__(self, feed: Feed, name: str) -> None:
        self.rounds = 0
        self.forgot = 0
        self.leader = Leader(Leadership(feed.redis, name), [Duty("duty", 0.01, self._work)], self._forget)

    async def _work(self) -> None:
        self.rounds += 1

    def _forget(self) -> None:
        self.forgot += 1

    async def round(self) -> None:
        for duty in self.leader.duties():
            await duty.work()


async def test_only_the_leader_runs_the_duties_and_it_keeps_the_lead(feed: Feed) -> None:
    first, second = Candidate(feed, "first"), Candidate(feed, "second")
    for _ in range(5):
        await asyncio.gather(first.round(), second.round())
    assert sorted([first.rounds, second.rounds]) == [0, 5]
    assert sorted([first.forgot, second.forgot]) == [0, 10]


async def test_the_lead_is_renewed_during_a_duty_that_takes_longer_than_the_lease(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leader_module, "RENEW_EVERY_S", 0.1)  # a lease of 0.25 s
    started, finish = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        started.set()
        await finish.wait()

    leader = Leader(Leadership(feed.redis, "slow"), [Duty("slow", 1, slow)])
    other = Candidate(feed, "other")
    repeating = [asyncio.create_task(repeat(duty)) for duty in leader.duties()]
    try:
        async with asyncio.timeout(30):
            await started.wait()
            for _ in range(10):
                await other.round()
                await asyncio.sleep(0.1)
        assert other.rounds == 0
    finally:
        await cancel_and_wait(*repeating)


async def test_a_leader_that_resigns_is_replaced_at_once(feed: Feed) -> None:
    first, second = Candidate(feed, "first"), Candidate(feed, "second")
    await first.round()
    await first.leader.resign()
    await second.round()
    assert (first.rounds, second.rounds) == (1, 1)


async def test_a_worker_that_was_frozen_does_nothing_once_another_one_leads(feed: Feed) -> None:
    frozen, other = Candidate(feed, "frozen"), Candidate(feed, "other")
    await frozen.round()
    await feed.redis.delete("herald:leader:reconcile")  # its lease runs out
    await other.round()
    await frozen.round()
    assert (frozen.rounds, frozen.forgot) == (1, 2)


async def test_one_failing_duty_does_not_stop_the_others(
    make_dependencies: MakeDependencies, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ran: set[str] = set()
    both = asyncio.Event()

    def duty(name: str, error: Exception) -> Callable[..., object]:
        async def work(_: object) -> None:
            ran.add(name)
            if len(ran) == 2:
                both.set()
            raise error

        return work

    monkeypatch.setattr("herald.worker.maintenance.deadlines.end_overdue", duty("a", ZeroDivisionError()))
    monkeypatch.setattr("herald.worker.maintenance.rescuer.enqueue_lost", duty("b", ConnectionError("gone")))
    duties = leader_of(make_dependencies()).duties()
    repeating = [asyncio.create_task(repeat(each)) for each in duties]
    async with asyncio.timeout(30):
        await both.wait()
    assert not any(task.done() for task in repeating)
    await cancel_and_wait(*repeating)
    levels = {record.getMessage(): record.levelname for record in caplog.records}
    assert levels["ending overdue tasks failed"] == "ERROR"
    assert levels["rescuing lost tasks: a service is unreachable: gone"] == "WARNING"
