"""A Redis leader and its replica, for tests of failovers."""

import asyncio
from typing import NamedTuple

import redis

from herald.shared.feed.feed import Feed
from herald.shared.launcher import embedded
from tests.support.older import port_of, until_replicated
from tests.support.proxy import Proxy


class Failover(NamedTuple):
    """A Redis leader (``first``), its replica (``second``), and a feed on each.

    ``feed`` reaches the leader through ``front``, which a test can point at the other server.
    """

    first: embedded.Server
    second: embedded.Server
    front: Proxy
    feed: Feed
    other: Feed

    async def replicate(self) -> None:
        """Wait until the second has everything written to the first so far."""
        await asyncio.to_thread(until_replicated, self.first)

    def promote(self) -> None:
        """Make the second stop replicating and lead."""
        with redis.Redis.from_url(self.second.url) as client:
            client.slaveof()

    def demote(self) -> None:
        """Make the first replicate the second; connections to it stay open."""
        with redis.Redis.from_url(self.first.url) as client:
            client.slaveof("127.0.0.1", str(port_of(self.second)))

    def switch(self) -> None:
        """Direct new connections of ``feed`` to the second; open ones stay with the first."""
        self.front.target = port_of(self.second)
