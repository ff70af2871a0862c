"""Elects one leader among processes, by a lease in Redis that the leader renews."""

from pathlib import Path

from redis.asyncio import Redis

from herald.shared.redis.pool import in_namespace
from herald.shared.redis.scripts import Script

LEASE_INTERVALS = 2.5
"""A lease that is not renewed expires after this many renewal intervals."""


class Leadership:
    """Lets a process compete for roles that only one process may hold at a time.

    Example::

        leadership = Leadership(redis, "host:17")
        while True:
            if await leadership.acquire("maintenance", every_s=3):
                ...
            await asyncio.sleep(3)
    """

    def __init__(self, redis: Redis, name: str) -> None:
        self._redis = redis
        self._name = name
        self._script = Script(Path(__file__).parent / "lead.lua")

    async def acquire(self, role: str, every_s: float) -> bool:
        """Take or renew the lease on ``role``; False if another process holds it.

        The holder keeps the role by calling this every ``every_s`` seconds. If it stops, the lease expires
        after `LEASE_INTERVALS` times as long.

        Raises:
            redis.RedisError: Redis cannot be reached.
        """
        lease_ms = round(every_s * LEASE_INTERVALS * 1000)
        return bool(await self._script.run(self._redis, [self._key(role)], [self._name, lease_ms]))

    async def resign(self, role: str) -> None:
        """Give up ``role``, if this process holds it.

        Raises:
            redis.RedisError: Redis cannot be reached; the lease expires by itself.
        """
        await self._script.run(self._redis, [self._key(role)], [self._name, 0])

    def _key(self, role: str) -> str:
        return in_namespace(self._redis, f"herald:leader:{role}")
