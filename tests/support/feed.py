"""Records what a follower delivers, and breaks what it depends on."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from herald.shared.feed.feed import Feed, Publication
from herald.shared.feed.follower import Follower

ReplyT = TypeVar("ReplyT")


class Recorder:
    """Records what a follower delivers, by channel."""

    def __init__(self) -> None:
        self.offsets: dict[str, list[int]] = {}
        self.data: dict[str, list[str]] = {}
        self.resets: list[str] = []

    def on_publication(self, channel: str, publication: Publication) -> None:
        self.offsets.setdefault(channel, []).append(publication.offset)
        self.data.setdefault(channel, []).append(publication.data)

    async def until(self, channel: str, offset: int) -> None:
        while self.offsets.get(channel, [0])[-1] < offset:
            await asyncio.sleep(0.005)

    async def until_reset(self) -> None:
        while not self.resets:
            await asyncio.sleep(0.005)


@asynccontextmanager
async def following(feed: Feed, **signals: Callable[[str], None]) -> AsyncIterator[tuple[Follower, Recorder]]:
    """A follower that listens to ``signals``, and the recorder of what it delivers."""
    recorder = Recorder()
    follower = Follower(feed, recorder.on_publication, recorder.resets.append)
    for name, handler in signals.items():
        follower.listen(name, handler)
    async with asyncio.timeout(30), follower:
        yield follower, recorder


class Held:
    """Holds back the results of a function that reads, until ``release`` is set."""

    def __init__(self) -> None:
        self.has_read = asyncio.Event()
        self.release = asyncio.Event()

    def back(self, read: Callable[..., Awaitable[ReplyT]]) -> Callable[..., Awaitable[ReplyT]]:
        async def held(*arguments: object) -> ReplyT:
            found = await read(*arguments)
            self.has_read.set()
            await self.release.wait()
            return found

        return held


async def publish_silently(feed: Feed, channel: str, offset: int, data: str) -> None:
    """Append to the history without an announcement, as if the announcement had been lost."""
    await feed.redis.hset(feed.pubsub_name(channel), "offset", str(offset))  # type: ignore[misc]
    await feed.redis.xadd(f"herald:history:{{{channel}}}", {"data": data}, id=f"{offset}-0")


async def kill_pubsub(feed: Feed) -> None:
    """Make Redis close every pub/sub connection."""
    await feed.redis.client_kill_filter(_type="pubsub")
