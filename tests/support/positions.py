"""Records what a follower delivers, and checks that no position ever names two publications."""

import asyncio

from herald.shared.feed.feed import Feed, Position, Publication
from herald.shared.feed.follower import Follower

CHANNEL = "tasks#ada"


async def publish(feed: Feed, *texts: str) -> None:
    """Publish each text on `CHANNEL`."""
    for text in texts:
        await feed.publish([(CHANNEL, text)])


class Reader:
    """Records the text of each delivered publication, and "reset" whenever positions become void."""

    def __init__(self) -> None:
        self.data: list[str] = []
        self._by_position: dict[Position, str] = {}
        self._follower: Follower | None = None
        self._epoch = ""

    async def follow(self, follower: Follower) -> Position:
        self._follower = follower
        position = await follower.follow(CHANNEL)
        self._epoch = position.epoch
        return position

    def on_publication(self, _: str, publication: Publication) -> None:
        position = Position(publication.offset, self._epoch)
        assert self._by_position.setdefault(position, publication.data) == publication.data
        self.data.append(publication.data)

    def on_reset(self, _: str) -> None:
        assert self._follower is not None
        self._epoch = next(iter(self._follower._channels.values())).epoch or ""
        self.data.append("reset")

    async def until(self, text: str) -> None:
        async with asyncio.timeout(30):
            while text not in self.data:
                await asyncio.sleep(0.005)
