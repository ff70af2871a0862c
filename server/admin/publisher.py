"""What a hub tells of itself, and the operators' overview, live."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from herald.server.admin.overview import OverviewEvent, OverviewReader
from herald.server.auth.verify import OPS_CHANNEL
from herald.server.hub.hub import Hub
from herald.shared.aio import cancel_and_wait
from herald.shared.queue.heartbeats import Heartbeats
from herald.shared.redis.leadership import Leadership
from herald.shared.tasks.models import now

log = logging.getLogger(__name__)

TELL_EVERY_S = 2.0


class OverviewPublisher:
    """Tells how this hub is doing; and whoever looks at the operators' channel, how everything is."""

    def __init__(self, hub: Hub, heartbeats: Heartbeats, overviews: OverviewReader) -> None:
        self._hub = hub
        self._heartbeats = heartbeats
        self._overviews = overviews
        self._leadership = Leadership(hub.feed.redis, hub.node)
        self._forwarded = self._delivered = 0
        self._told_at = asyncio.get_running_loop().time()

    @classmethod
    @asynccontextmanager
    async def open(
        cls, hub: Hub, heartbeats: Heartbeats, overviews: OverviewReader
    ) -> AsyncIterator["OverviewPublisher"]:
        """A board that is kept up to date until the block ends."""
        board = cls(hub, heartbeats, overviews)
        telling = asyncio.create_task(board._keep_telling(), name="board")
        try:
            yield board
        finally:
            await cancel_and_wait(telling)
            with suppress(RedisError, OSError):  # it is missed soon
                await heartbeats.hubs.leave(hub.node)

    async def _keep_telling(self) -> None:
        while True:
            try:
                await self.tell()
            except (RedisError, PyMongoError, OSError) as error:
                log.warning("the operators' overview is not up to date: %s", error)
            except Exception:
                log.exception("the operators' overview could not be made")
            await asyncio.sleep(TELL_EVERY_S)

    async def tell(self) -> None:
        """Tell once; of several hubs with lookers, one makes the overview."""
        await self._heartbeats.hubs.beat(self._hub.node, **self._figures())
        if self._hub.has_subscribers(OPS_CHANNEL) and await self._leadership.acquire(
            "overview", TELL_EVERY_S
        ):
            event = OverviewEvent(at=now(), overview=await self._overviews.read())
            await self._hub.feed.publish_here([(OPS_CHANNEL, event.encode())])

    def _figures(self) -> dict[str, float]:
        hub, at = self._hub, asyncio.get_running_loop().time()
        past_s = max(at - self._told_at, 0.001)
        figures = {
            "connections": len(hub.connections),
            "subscriptions": hub.subscriptions,
            "forwardedPerS": round((hub.forwarded - self._forwarded) / past_s, 1),
            "deliveriesPerS": round((hub.delivered - self._delivered) / past_s, 1),
        }
        self._forwarded, self._delivered, self._told_at = hub.forwarded, hub.delivered, at
        return figures
