"""The workers and hubs that are there, as each tells every few seconds."""

import json
from typing import NamedTuple

from redis.asyncio import Redis

from herald.shared.queue.queue import LEASES
from herald.shared.redis.pool import exchange, redis_time

BEAT_EVERY_S = 10.0
GONE_AFTER_S = 3 * BEAT_EVERY_S


class Capacity(NamedTuple):
    """What the workers can run and do run, all together."""

    slots: int
    running: int


class Roster:
    """Processes of one kind, as each tells of itself; one that has not told for a while is not in it."""

    def __init__(self, redis: Redis, key: str) -> None:
        self._redis = redis
        self._key = key

    async def tell(self, name: str, **figures: float) -> None:
        """Tell that ``name`` lives, and how it is doing.

        Raises:
            redis.RedisError: Redis cannot be reached.
        """
        told = json.dumps({"at": await redis_time(self._redis), **figures})
        await exchange(self._redis, [("HSET", self._key, name, told)])

    async def leave(self, name: str) -> None:
        """Tell that ``name`` stops."""
        await exchange(self._redis, [("HDEL", self._key, name)])

    async def present(self) -> dict[str, dict[str, float]]:
        """What each living one has told last, and ``at`` which Unix time of Redis's; the dead are dropped."""
        told, (seconds, _) = await exchange(self._redis, [("HGETALL", self._key), ("TIME",)])
        found = {name.decode(): json.loads(text) for name, text in zip(told[::2], told[1::2], strict=True)}
        gone = [name for name, figures in found.items() if figures["at"] < int(seconds) - GONE_AFTER_S]
        if gone:
            await exchange(self._redis, [("HDEL", self._key, *gone)])
        return {name: figures for name, figures in found.items() if name not in gone}


class Heartbeats:
    """The workers and the hubs that are there.

    Example::

        await heartbeats.beat("host:17", slots=20, running=3)
        slots, running = await heartbeats.capacity()
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._workers = Roster(redis, "herald:workers")
        self.hubs = Roster(redis, "herald:hubs")

    async def beat(self, worker: str, *, slots: int, running: int) -> None:
        """Tell that ``worker`` lives, and how many tasks it can run at once and does run.

        Raises:
            redis.RedisError: Redis cannot be reached.
        """
        await self._workers.tell(worker, slots=slots, running=running)

    async def leave(self, worker: str) -> None:
        """Tell that ``worker`` stops."""
        await self._workers.leave(worker)

    async def workers(self) -> dict[str, dict[str, float]]:
        """What each living worker has told last: ``{at, slots, running}``."""
        return await self._workers.present()

    async def capacity(self) -> Capacity:
        """All slots, and how many of them are taken.

        Raises:
            redis.RedisError: Redis cannot be reached.
        """
        workers = await self.workers()
        [running] = await exchange(self._redis, [("ZCARD", LEASES)])
        return Capacity(sum(int(beat["slots"]) for beat in workers.values()), running)
