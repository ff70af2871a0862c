"""Revoked tokens: of a user, all that were issued up to a moment."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from herald.server.auth.verify import Authenticator, Principal
from herald.server.hub.hub import Hub
from herald.shared.aio import cancel_and_wait
from herald.shared.feed.feed import Feed
from herald.shared.tasks.store import REVOCATION_KEPT_S, Store

log = logging.getLogger(__name__)

SIGNAL = "revoked"
EARLIER_KEY = "herald:revoked"
"""Where the version before this one kept revocations in Redis: a hash of moments by user."""
RELOAD_EVERY_S = 30.0
MARGIN_S = 0.01


class Revocations:
    """Keeps revocations in MongoDB, shares them among all hubs, and closes the connections they concern.

    A Redis signal announces one to every hub at once. Twice a minute each hub reads them all again, in case
    it has missed a signal. What a process knows stays in force while MongoDB or Redis is away, or has lost
    its data.
    """

    def __init__(self, feed: Feed, hub: Hub, authenticator: Authenticator, store: Store) -> None:
        self._feed = feed
        self._hub = hub
        self._authenticator = authenticator
        self._store = store

    @classmethod
    @asynccontextmanager
    async def open(
        cls, feed: Feed, hub: Hub, authenticator: Authenticator, store: Store
    ) -> AsyncIterator["Revocations"]:
        """Revocations that are loaded, and kept up to date until the block ends.

        Raises:
            pymongo.errors.PyMongoError: they cannot be read. Without them no token may be accepted.
        """
        revocations = cls(feed, hub, authenticator, store)
        hub.on_signal(SIGNAL, revocations._on_signal)
        await revocations.load()
        reloading = asyncio.create_task(revocations._reload(), name="revocations")
        try:
            yield revocations
        finally:
            await cancel_and_wait(reloading)

    async def revoke(self, principal: Principal) -> None:
        """Accept none of the user's tokens any more that were issued until now, here or elsewhere.

        Returns once the next full second has begun, at most a second later. Most issuers write ``iat`` in
        whole seconds, so only then can a new token be told from one that was issued before the call.

        Raises:
            pymongo.errors.PyMongoError: MongoDB cannot be reached; they are probably not revoked.
            redis.RedisError: Redis cannot be reached; they are revoked here, and elsewhere within
                `RELOAD_EVERY_S`.
        """
        asked_at = time.time()
        # The issuer's clock may be ahead: the token that asks for this is never newer than the moment.
        moment = max(asked_at, principal.issued_at)
        await self._store.revoke_tokens(principal.user_id, moment)
        self._apply({principal.user_id: moment})
        await self._feed.signal(SIGNAL, json.dumps({"userId": principal.user_id, "moment": moment}))
        left_s = int(asked_at) + 1 + MARGIN_S - time.time()
        await asyncio.sleep(min(left_s, 1 + MARGIN_S))  # bounded, should the clock be set back meanwhile

    async def load(self) -> None:
        """Read all revocations, and close the connections that they concern.

        Raises:
            pymongo.errors.PyMongoError: MongoDB cannot be reached; those known so far stay in force.
        """
        self._apply(await self._store.revocations())
        self._authenticator.forget_revocations(time.time() - REVOCATION_KEPT_S)

    def _on_signal(self, text: str) -> None:
        """Apply what another process has stored; the version before this one sends no text."""
        if text:
            announced = json.loads(text)
            self._apply({announced["userId"]: announced["moment"]})

    def _apply(self, moments: Mapping[str, float]) -> None:
        for user_id, moment in moments.items():
            self._authenticator.revoke(user_id, moment)
            for connection in self._hub.sessions.of(user_id):
                connection.disconnect_if_revoked()

    async def _adopt(self) -> None:
        """Store what a process of the version before this one has revoked.

        It keeps its own copy, so that both versions can run side by side during an upgrade.
        """
        stored = await self._feed.redis.hgetall(EARLIER_KEY)  # type: ignore[misc]
        moments = {user_id.decode(): float(moment) for user_id, moment in stored.items()}
        for user_id, moment in moments.items():
            if moment > time.time() - REVOCATION_KEPT_S and not self._authenticator.knows(user_id, moment):
                await self._store.revoke_tokens(user_id, moment)
                self._apply({user_id: moment})

    async def _reload(self) -> None:
        while True:
            try:
                await self.load()
                await self._adopt()
            except (PyMongoError, RedisError, OSError) as error:
                log.warning("could not read the revocations: %s", error)
            await asyncio.sleep(RELOAD_EVERY_S)
