"""A Redis that leads and its replica, for tests of what happens when the replica takes over."""

import asyncio
from typing import NamedTuple

import redis

from herald.shared.feed.feed import Feed
from herald.shared.launcher import embedded
from tests.support.older import port_of, until_replicated
from tests.support.proxy import Proxy


class Failover(NamedTuple):
    """A Redis that leads, a second one that replicates it, and a feed on each.

    ``feed`` reaches the leader through ``front``, which a test can point at the other server.
    """

    first: embedded.Server
    second: embedded.Server
    front: Proxy
    feed: Feed
    other: Feed

    async def replicate(self) -> None:
        """Wait until the second has everything that was written to the first."""
        await asyncio.to_thread(until_replicated, self.first)

    def promote(self) -> None:
        """Let the second stop replicating and lead."""
        with redis.Redis.from_url(self.second.url) as client:
            client.slaveof()

    def demote(self) -> None:
        """Let the first replicate the second; it keeps its connections."""
        with redis.Redis.from_url(self.first.url) as client:
            client.slaveof("127.0.0.1", str(port_of(self.second)))

    def switch(self) -> None:
        """Lead new connections of ``feed`` to the second; those that are open stay."""
        self.front.target = port_of(self.second)
