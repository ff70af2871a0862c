"""When a hub follows and unfollows a channel, and how it disconnects its clients."""

import pytest

from herald.server.hub import hub as hub_module
from herald.server.hub.channel import Subscription
from tests.support.fakes import Clock, FakeClient, FakeFeed, FakeReceiver, connection_to, hub_on

CHANNEL = "task:x"


async def test_a_channel_is_unfollowed_a_while_after_its_last_subscriber_has_left() -> None:
    clock, feed = Clock(), FakeFeed()
    hub = hub_on(feed)
    hub._loop = clock  # type: ignore[assignment]

    async def join() -> Subscription:
        subscription, _ = await hub.subscribe(CHANNEL, FakeReceiver(), recover=None, with_snapshot=False)
        return subscription

    for _ in range(3):
        first, second = await join(), await join()
        assert not clock.pending, "the channel has subscribers"
        for subscription in (first, second, second):
            hub.leave(subscription)
        assert len(clock.pending) == 1, "joining cancels the earlier timers"
    assert feed.followed == {CHANNEL}
    [unfollow] = clock.pending
    unfollow()
    assert not feed.followed and not hub._channels
    await join()
    assert feed.followed == {CHANNEL}


async def test_a_stopping_hub_spreads_out_the_disconnects_after_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hub_module, "SHUTDOWN_AT_ONCE", 2)
    delays: list[float] = []

    class Timers:
        def call_later(self, delay_s: float, *_: object) -> None:
            delays.append(delay_s)

    hub = hub_on(FakeFeed())
    connections = [connection_to(hub, FakeClient()) for _ in range(5)]
    hub._loop = Timers()  # type: ignore[assignment]
    hub.drain()
    hub.drain()
    assert delays == [0, 0, 0, 1, 2]
    for connection in connections:
        connection.release()


async def test_commands_for_an_unknown_session_are_ignored() -> None:
    hub = hub_on(FakeFeed())
    assert await hub.forward_commands(hub.node, "nobody's", '{"id":1,"ping":{}}')
