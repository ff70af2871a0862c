"""Tokens that are not to be taken any more, though they have not expired: of a user, all up to a moment."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.exceptions import RedisError

from server.auth import Authenticator
from server.hub import codes
from server.hub.hub import Hub
from shared.ending import end
from shared.feed import Feed

log = logging.getLogger(__name__)

SIGNAL = "revoked"
KEY = "herald:revoked"
KEEP_S = 31 * 24 * 3600.0
"""A revocation is forgotten after this: tokens that live longer than a month are not revoked for good."""
RELOAD_EVERY_S = 30.0


class Revocations:
    """Shares revocations among all hubs, through Redis, and ends the connections that they concern.

    A signal spreads one at once; a reload twice a minute catches what a signal has not reached.
    """

    def __init__(self, feed: Feed, hub: Hub, authenticator: Authenticator) -> None:
        self._feed = feed
        self._hub = hub
        self._authenticator = authenticator

    @classmethod
    @asynccontextmanager
    async def open(cls, feed: Feed, hub: Hub, authenticator: Authenticator) -> AsyncIterator["Revocations"]:
        """Revocations that are kept up to date until the block ends."""
        revocations = cls(feed, hub, authenticator)
        hub.on_signal(SIGNAL, lambda _: hub.spawn(revocations.load()))
        reloading = asyncio.create_task(revocations._reload(), name="revocations")
        try:
            yield revocations
        finally:
            await end(reloading)

    async def revoke(self, user_id: str) -> None:
        """Take none of the user's tokens any more that were issued until now, here or elsewhere.

        Raises:
            redis.RedisError: Redis cannot be reached; they may be revoked nevertheless.
        """
        await self._feed.redis.hset(KEY, user_id, json.dumps(time.time()))  # type: ignore[misc]
        await self._feed.signal(SIGNAL, "")
        await self.load()

    async def load(self) -> None:
        """Read all revocations, drop those that are out of date, and end the connections they concern."""
        stored = await self._feed.redis.hgetall(KEY)  # type: ignore[misc]
        moments = {user_id.decode(): float(moment) for user_id, moment in stored.items()}
        outdated = [user_id for user_id, moment in moments.items() if moment < time.time() - KEEP_S]
        if outdated:
            await self._feed.redis.hdel(KEY, *outdated)  # type: ignore[misc]
        self._authenticator.revoke_before(moments)
        for user_id in moments:
            for connection in self._hub.sessions.of(user_id):
                if connection.principal is not None and self._authenticator.is_revoked(connection.principal):
                    connection.disconnect(codes.FORCE_DISCONNECT)

    async def _reload(self) -> None:
        while True:
            try:
                await self.load()
            except (RedisError, OSError) as error:
                log.warning("could not read the revocations: %s", error)
            await asyncio.sleep(RELOAD_EVERY_S)
