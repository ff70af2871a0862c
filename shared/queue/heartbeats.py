"""Heartbeats: which workers and hubs are alive, and what each of them reports."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from redis.asyncio import Redis

from herald.shared.queue.queue import LEASES
from herald.shared.redis.pool import exchange, redis_time

BEAT_EVERY_S = 10.0
GONE_AFTER_S = 3 * BEAT_EVERY_S
"""A process that has sent no heartbeat for this many seconds is considered gone."""


class Capacity(NamedTuple):
    """The task slots of all workers together."""

    slots: int
    running: int
    """The slots in use."""


class Roster:
    """The processes of one kind that are alive.

    Each method raises ``redis.RedisError`` if Redis cannot be reached.
    """

    def __init__(self, redis: Redis, key: str) -> None:
        self._redis = redis
        self._key = key

    async def beat(self, name: str, **figures: Any) -> None:
        """Report that process ``name`` is alive, with its current figures."""
        report = json.dumps({"at": await redis_time(self._redis), **figures})
        await exchange(self._redis, [("HSET", self._key, name, report)])

    async def leave(self, name: str) -> None:
        """Remove a process that is stopping."""
        await exchange(self._redis, [("HDEL", self._key, name)])

    async def present(self) -> dict[str, dict[str, Any]]:
        """The latest report of each process by its name; ``at`` is its Unix time by Redis's clock."""
        flat, (seconds, _) = await exchange(self._redis, [("HGETALL", self._key), ("TIME",)])
        reports = {name.decode(): json.loads(text) for name, text in zip(flat[::2], flat[1::2], strict=True)}
        dead = [name for name, report in reports.items() if report["at"] < int(seconds) - GONE_AFTER_S]
        if dead:
            await exchange(self._redis, [("HDEL", self._key, *dead)])
        return {name: report for name, report in reports.items() if name not in dead}


class Heartbeats:
    """The workers and hubs that are alive.

    Each method raises ``redis.RedisError`` if Redis cannot be reached.

    Example::

        await heartbeats.beat("host:17", slots=20, running=3)
        slots, running = await heartbeats.capacity()
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._workers = Roster(redis, "herald:workers")
        self.hubs = Roster(redis, "herald:hubs")

    async def beat(
        self, worker: str, *, slots: int, running: int, types: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """Report that ``worker`` is alive, how many tasks it can run at once, and how many it is running.

        ``types`` are the digests of the task types that it runs, by their names.
        """
        await self._workers.beat(worker, slots=slots, running=running, types=dict(types))

    async def leave(self, worker: str) -> None:
        """Remove a worker that is stopping."""
        await self._workers.leave(worker)

    async def online_types(self) -> set[str]:
        """The task types that a live worker runs."""
        return {name for report in (await self.workers()).values() for name in report.get("types", ())}

    async def workers(self) -> dict[str, dict[str, Any]]:
        """The latest report of each worker by its name: ``{at, slots, running, types}``."""
        return await self._workers.present()

    async def slots(self) -> int:
        """How many tasks all workers can run at once."""
        return sum(int(report["slots"]) for report in (await self.workers()).values())

    async def capacity(self) -> Capacity:
        """All slots, and how many of them are in use."""
        slots = await self.slots()
        [running] = await exchange(self._redis, [("ZCARD", LEASES)])
        return Capacity(slots, running)
