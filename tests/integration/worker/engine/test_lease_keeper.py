"""The leases are renewed from a thread, whatever the event loop is doing."""

import asyncio
import sys
import time
from contextlib import ExitStack

import pytest

from herald.shared.feed.feed import Feed
from herald.shared.queue import leases as leases_module
from herald.shared.queue.leases import Leases, Renewal, TypeLimits
from herald.shared.queue.queue import LEASES, Queue
from herald.shared.redis.blocking import blocking_client
from herald.shared.settings import Settings
from herald.shared.tasks.models import TaskStatus
from herald.shared.tasks.store import Store
from herald.worker.engine import lease_keeper
from herald.worker.engine.lease_keeper import LeaseKeeper
from tests.support import attempts
from tests.support.processes import environment, running
from tests.support.queue import TYPE, enqueued, picked
from tests.support.tasks import a_task

LEASE_MS = 500
BLOCKING = """
import time
import herald.shared.queue.leases as leases
leases.LEASE_S, leases._LEASE_MS = 2.0, 2000
from herald.worker.llm.offline import OfflineProvider
write = OfflineProvider.write
async def block_and_write(self, prompt):
    time.sleep(5)
    async for piece in write(self, prompt):
        yield piece
OfflineProvider.write = block_and_write
from arq.cli import cli
cli(["herald.worker.main.WorkerSettings"])
"""
"""A worker with short leases, whose model blocks the event loop."""


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short leases that are renewed often."""
    monkeypatch.setattr(leases_module, "_LEASE_MS", LEASE_MS)
    monkeypatch.setattr(lease_keeper, "RENEW_EVERY_S", 0.02)


@pytest.mark.usefixtures("short")
async def test_a_blocked_event_loop_keeps_its_leases(settings: Settings, feed: Feed) -> None:
    queue = Queue(feed.redis)  # type: ignore[arg-type]
    worker, other = (
        Leases(feed.redis, name, user_limit=0, types={TYPE: TypeLimits()}) for name in ("w1", "w2")
    )
    [job] = await enqueued(queue, a_task())
    assert await picked(worker) == [job]
    renewals: asyncio.Queue[Renewal] = asyncio.Queue()
    keeper = LeaseKeeper(worker, blocking_client(settings, timeout_s=5), renewals.put_nowait)
    with blocking_client(settings, timeout_s=5) as client:

        def ends() -> float:
            return float(client.zscore(LEASES, job) or 0)

        async with keeper.running():
            first, give_up_at = ends(), time.monotonic() + 30
            while ends() < first + 2 * LEASE_MS:  # without giving the loop a turn
                assert time.monotonic() < give_up_at
            assert await picked(other) == []
            assert (await renewals.get()).kept == [job]
            assert (await renewals.get()).until > time.monotonic() - 30


async def test_a_step_that_blocks_the_event_loop_for_longer_than_the_lease_keeps_its_task(
    settings: Settings, store: Store
) -> None:
    command = [sys.executable, "-c", BLOCKING]
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(running(command, environment(settings)))
        task = await attempts.enqueued(store, settings)
        done = await attempts.until_status(store, task, TaskStatus.COMPLETED, TaskStatus.FAILED)
    assert (done.status, done.attempt) == (TaskStatus.COMPLETED, 1)


@pytest.mark.usefixtures("short")
async def test_renewing_goes_on_after_a_failure(
    settings: Settings, feed: Feed, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    worker = Leases(feed.redis, "w1", user_limit=0, types={})
    errors, renew = [OSError("away"), ValueError("a bug")], worker.renew
    monkeypatch.setattr(worker, "renew", lambda client: fail(errors.pop()) if errors else renew(client))
    renewals: asyncio.Queue[Renewal] = asyncio.Queue()
    async with LeaseKeeper(worker, blocking_client(settings, timeout_s=5), renewals.put_nowait).running():
        assert (await renewals.get()).kept == []
    assert "could not renew the leases: away" in caplog.text and "a bug" in caplog.text


def fail(error: Exception) -> Renewal:
    raise error
