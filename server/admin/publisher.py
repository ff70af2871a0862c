"""Publishes this hub's heartbeat, and the operators' overview while it has subscribers."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from herald.server.admin.overview import OverviewEvent, OverviewReader
from herald.server.hub.hub import Hub
from herald.shared.aio import cancel_and_wait
from herald.shared.feed.feed import Feed
from herald.shared.queue.heartbeats import Heartbeats
from herald.shared.redis.leadership import Leadership
from herald.shared.tasks.channels import OPS
from herald.shared.tasks.models import now

log = logging.getLogger(__name__)

PUBLISH_EVERY_S = 2.0


class OverviewPublisher:
    """Publishes every `PUBLISH_EVERY_S`; of the hubs with subscribers, one leader publishes the overview."""

    def __init__(self, hub: Hub, feed: Feed, heartbeats: Heartbeats, overviews: OverviewReader) -> None:
        self._hub = hub
        self._feed = feed
        self._heartbeats = heartbeats
        self._overviews = overviews
        self._leadership = Leadership(feed.redis, hub.node)
        self._forwarded = self._delivered = 0
        self._measured_at = asyncio.get_running_loop().time()

    @classmethod
    @asynccontextmanager
    async def open(
        cls, hub: Hub, feed: Feed, heartbeats: Heartbeats, overviews: OverviewReader
    ) -> AsyncIterator["OverviewPublisher"]:
        """A publisher that runs until the block ends."""
        publisher = cls(hub, feed, heartbeats, overviews)
        publishing = asyncio.create_task(publisher._keep_publishing(), name="overview publisher")
        try:
            yield publisher
        finally:
            await cancel_and_wait(publishing)
            with suppress(RedisError, OSError):  # the heartbeat expires
                await heartbeats.hubs.leave(hub.node)

    async def _keep_publishing(self) -> None:
        while True:
            try:
                await self.publish()
            except (RedisError, PyMongoError, OSError) as error:
                log.warning("could not publish the operators' overview: %s", error)
            except Exception:
                log.exception("could not publish the operators' overview")
            await asyncio.sleep(PUBLISH_EVERY_S)

    async def publish(self) -> None:
        """Publish the heartbeat, and the overview if this hub has subscribers to it and is the leader.

        Raises:
            pymongo.errors.PyMongoError: MongoDB cannot be reached.
            redis.RedisError: Redis cannot be reached.
        """
        await self._heartbeats.hubs.beat(self._hub.node, **self._figures())
        if not self._hub.has_subscribers(str(OPS)):
            return
        if await self._leadership.acquire("overview", PUBLISH_EVERY_S):
            event = OverviewEvent(at=now(), overview=await self._overviews.read())
            await self._feed.publish([(str(OPS), event.encode())], hubs_only=True)

    def _figures(self) -> dict[str, float]:
        hub, at = self._hub, asyncio.get_running_loop().time()
        elapsed_s = max(at - self._measured_at, 0.001)
        figures = {
            "connections": len(hub.connections),
            "subscriptions": hub.subscriptions,
            "forwardedPerS": round((hub.forwarded - self._forwarded) / elapsed_s, 1),
            "deliveriesPerS": round((hub.delivered - self._delivered) / elapsed_s, 1),
        }
        self._forwarded, self._delivered, self._measured_at = hub.forwarded, hub.delivered, at
        return figures
