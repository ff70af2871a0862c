"""A channel is followed for a while after its last subscriber has left, and forgotten once."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from herald.server.http.long_poll import _Listener
from herald.server.hub.hub import Hub, Subscription
from herald.shared.feed.feed import Position

CHANNEL = "task:x"


class Feed:
    """A feed and its follower, which follows at once."""

    def __init__(self) -> None:
        self.followed: set[str] = set()

    async def follow(self, channel: str) -> Position:
        self.followed.add(channel)
        return Position(0, "e")

    async def positions(self, _: Sequence[str]) -> dict[str, Position]:
        raise NotImplementedError

    def unfollow(self, channel: str) -> None:
        self.followed.remove(channel)


class Clock:
    """An event loop whose timers fire when the test says so."""

    def __init__(self) -> None:
        self.timers: list[tuple[asyncio.TimerHandle, Callable[[], None]]] = []

    def call_later(self, delay_s: float, action: Callable[..., None], *args: Any) -> asyncio.TimerHandle:
        timer = asyncio.get_running_loop().call_later(3600, lambda: None)
        self.timers.append((timer, lambda: action(*args)))
        return timer

    @property
    def pending(self) -> list[Callable[[], None]]:
        return [action for timer, action in self.timers if not timer.cancelled()]


async def test_each_return_to_a_channel_begins_its_lingering_anew() -> None:
    async def snapshot(_: str) -> str:
        raise AssertionError("nobody needs it")

    clock, feed = Clock(), Feed()
    hub = Hub(feed, snapshot)  # type: ignore[arg-type]
    hub._loop, hub._follower = clock, feed  # type: ignore[assignment]

    async def join() -> Subscription:
        return await hub.subscribe(CHANNEL, _Listener(), recover=None, with_snapshot=False)

    for _ in range(3):
        first, second = await join(), await join()
        assert not clock.pending, "the channel has subscribers"
        for subscription in (first, second, second):
            hub.leave(subscription)
        assert len(clock.pending) == 1, "only the newest leave counts"
    assert feed.followed == {CHANNEL}
    [forget] = clock.pending
    forget()
    assert not feed.followed and not hub._channels
    await join()
    assert feed.followed == {CHANNEL}
