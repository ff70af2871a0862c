"""Revocations: each voids all of a user's tokens issued up to a certain moment."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from herald.server.auth.principal import Principal
from herald.server.hub.hub import Hub
from herald.shared.aio import cancel_and_wait
from herald.shared.feed.feed import Feed
from herald.shared.redis.pool import in_namespace
from herald.shared.tasks.revocations import REVOCATION_KEPT_S
from herald.shared.tasks.store import Store

log = logging.getLogger(__name__)

SIGNAL = "revoked"
LEGACY_KEY = "herald:revoked"
"""The Redis hash of moments by user in which the previous version kept revocations."""
RELOAD_EVERY_S = 30.0
MARGIN_S = 0.01


class RevokedTokens:
    """The revocations that this process knows, in memory; moments are Unix times in seconds."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def add(self, user_id: str, until: float) -> None:
        """Revoke a user's tokens issued up to a moment; never moves an earlier revocation back."""
        self._until[user_id] = max(until, self._until.get(user_id, until))

    def covers(self, user_id: str, issued_at: float) -> bool:
        """Whether a user's tokens issued at this moment are revoked."""
        return issued_at <= self._until.get(user_id, float("-inf"))

    def forget(self, before: float) -> None:
        """Drop the revocations of moments before this one."""
        self._until = {user: until for user, until in self._until.items() if until >= before}


class Revocations:
    """Stores revocations in MongoDB, shares them among all hubs, and disconnects the clients they affect.

    A Redis signal announces a revocation to every hub at once. Every `RELOAD_EVERY_S` each hub also reads
    all revocations, in case it has missed a signal. The revocations that a process knows stay in force while
    MongoDB or Redis is down or has lost its data.
    """

    def __init__(self, feed: Feed, hub: Hub, revoked: RevokedTokens, store: Store) -> None:
        self._feed = feed
        self._hub = hub
        self._revoked = revoked
        self._store = store

    @classmethod
    @asynccontextmanager
    async def open(
        cls, feed: Feed, hub: Hub, revoked: RevokedTokens, store: Store
    ) -> AsyncIterator["Revocations"]:
        """Load the revocations into ``revoked``, and keep it up to date until the block ends.

        Raises:
            pymongo.errors.PyMongoError: they cannot be read, and without them no token may be accepted.
        """
        revocations = cls(feed, hub, revoked, store)
        hub.on_signal(SIGNAL, revocations._on_signal)
        await revocations.load()
        reloading = asyncio.create_task(revocations._keep_reloading(), name="revocations")
        try:
            yield revocations
        finally:
            await cancel_and_wait(reloading)

    async def revoke(self, principal: Principal) -> None:
        """Revoke all of the user's tokens that have been issued so far, in every process.

        Returns once the next full second has begun, at most a second later: most issuers write ``iat`` in
        whole seconds, so a token issued earlier could not be distinguished from a revoked one.

        Raises:
            pymongo.errors.PyMongoError: MongoDB cannot be reached; the tokens are probably not revoked.
            redis.RedisError: Redis cannot be reached; the tokens are revoked in this process, and in all
                others within `RELOAD_EVERY_S`.
        """
        asked_at = time.time()
        # The issuer's clock may be ahead; the token of this request must be revoked nevertheless.
        moment = max(asked_at, principal.issued_at)
        await self._store.revocations.save(principal.user_id, moment)
        self._apply({principal.user_id: moment})
        await self._feed.signal(SIGNAL, json.dumps({"userId": principal.user_id, "moment": moment}))
        left_s = int(asked_at) + 1 + MARGIN_S - time.time()
        await asyncio.sleep(min(left_s, 1 + MARGIN_S))  # bounded, in case the clock is set back

    async def load(self) -> None:
        """Read all revocations, and disconnect the clients that they affect.

        Raises:
            pymongo.errors.PyMongoError: MongoDB cannot be reached; known revocations stay in force.
        """
        self._apply(await self._store.revocations.load())
        self._revoked.forget(before=time.time() - REVOCATION_KEPT_S)

    def _on_signal(self, text: str) -> None:
        """Apply a revocation that another process has stored; the previous version sends an empty text."""
        if text:
            announced = json.loads(text)
            self._apply({announced["userId"]: announced["moment"]})

    def _apply(self, moments: Mapping[str, float]) -> None:
        for user_id, moment in moments.items():
            self._revoked.add(user_id, moment)
            for connection in self._hub.sessions.of(user_id):
                connection.disconnect_if_revoked()

    async def _import_legacy(self) -> None:
        """Store the revocations that a process of the previous version has written to Redis.

        They stay in Redis as well, so that both versions can run side by side during an upgrade.
        """
        stored = await self._feed.redis.hgetall(in_namespace(self._feed.redis, LEGACY_KEY))  # type: ignore[misc]
        moments = {user_id.decode(): float(moment) for user_id, moment in stored.items()}
        for user_id, moment in moments.items():
            if moment > time.time() - REVOCATION_KEPT_S and not self._revoked.covers(user_id, moment):
                await self._store.revocations.save(user_id, moment)
                self._apply({user_id: moment})

    async def _keep_reloading(self) -> None:
        while True:
            try:
                await self.load()
                await self._import_legacy()
            except (PyMongoError, RedisError, OSError) as error:
                log.warning("could not read the revocations: %s", error)
            await asyncio.sleep(RELOAD_EVERY_S)
