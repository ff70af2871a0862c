"""The list of workers that are alive."""

import asyncio
import time

import pytest

from herald.shared.feed.feed import Feed
from herald.shared.queue.heartbeats import TYPES_SIGNAL, Heartbeats
from tests.support.feed import following


async def test_processes_without_a_heartbeat_are_dropped(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    heartbeats = Heartbeats(feed.redis)
    await heartbeats.beat("a", slots=20, running=1, types={})
    await heartbeats.beat("b", slots=5, running=0, types={})
    assert (await heartbeats.capacity()) == (25, 0)
    await heartbeats.leave("b")
    assert list(await heartbeats.workers()) == ["a"]
    monkeypatch.setattr("herald.shared.queue.heartbeats.GONE_AFTER_S", -1)
    assert await heartbeats.workers() == {}


async def test_a_process_with_a_wrong_clock_stays_listed(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    heartbeats, real_time = Heartbeats(feed.redis), time.time
    monkeypatch.setattr(time, "time", lambda: real_time() - 3600)
    await heartbeats.beat("a", slots=20, running=1, types={})
    monkeypatch.undo()
    assert list(await heartbeats.workers()) == ["a"]


async def test_a_type_is_online_while_a_worker_that_runs_it_is_alive(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    heartbeats = Heartbeats(feed.redis)
    await heartbeats.beat("a", slots=1, running=0, types={"A": "1", "B": "2"})
    await heartbeats.beat("b", slots=1, running=0, types={"B": "3"})
    assert (await heartbeats.workers())["b"]["types"] == {"B": "3"}
    assert await heartbeats.online_types() == {"A", "B"}
    await heartbeats.leave("a")
    assert await heartbeats.online_types() == {"B"}
    monkeypatch.setattr("herald.shared.queue.heartbeats.GONE_AFTER_S", -1)
    assert await heartbeats.online_types() == set()


async def test_a_worker_signals_its_start_and_its_end(feed: Feed) -> None:
    heartbeats, signals = Heartbeats(feed.redis), asyncio.Queue[str]()
    async with following(feed, **{TYPES_SIGNAL: signals.put_nowait}) as (follower, _):
        await follower.follow("any")  # now it is connected
        for _ in range(2):
            await heartbeats.beat("a", slots=1, running=0, types={})
        await feed.signal(TYPES_SIGNAL, "between")
        await heartbeats.leave("a")
        assert [await signals.get() for _ in range(3)] == ["", "between", ""]
