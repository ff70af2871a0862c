"""The list of workers that are alive."""

import time

import pytest

from herald.shared.feed.feed import Feed
from herald.shared.queue.heartbeats import Heartbeats


async def test_processes_without_a_heartbeat_are_dropped(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    heartbeats = Heartbeats(feed.redis)
    await heartbeats.beat("a", slots=20, running=1)
    await heartbeats.beat("b", slots=5, running=0)
    assert (await heartbeats.capacity()) == (25, 0)
    await heartbeats.leave("b")
    assert list(await heartbeats.workers()) == ["a"]
    monkeypatch.setattr("herald.shared.queue.heartbeats.GONE_AFTER_S", -1)
    assert await heartbeats.workers() == {}


async def test_a_process_with_a_wrong_clock_stays_listed(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    heartbeats, real_time = Heartbeats(feed.redis), time.time
    monkeypatch.setattr(time, "time", lambda: real_time() - 3600)
    await heartbeats.beat("a", slots=20, running=1)
    monkeypatch.undo()
    assert list(await heartbeats.workers()) == ["a"]
