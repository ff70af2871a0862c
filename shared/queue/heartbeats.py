"""Heartbeats: which workers and hubs are alive, and what each of them reports."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from redis.asyncio import Redis

from herald.shared.feed.feed import signal_name
from herald.shared.queue.queue import LEASES
from herald.shared.redis.pool import exchange, in_namespace, redis_time

BEAT_EVERY_S = 10.0
GONE_AFTER_S = 3 * BEAT_EVERY_S
"""A process that has sent no heartbeat for this many seconds is considered gone."""

TYPES_SIGNAL = "types"
"""Sent when a worker starts or stops, because the task types that are online may have changed."""


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
        self._key = in_namespace(redis, key)

    async def beat(self, name: str, **report: Any) -> bool:
        """Report that process ``name`` is alive; returns whether it was not listed before."""
        text = json.dumps({"at": await redis_time(self._redis), **report})
        [is_new] = await exchange(self._redis, [("HSET", self._key, name, text)])
        return bool(is_new)

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

        await heartbeats.beat("host:17", slots=20, running=3, types={"WRITE_PRESS_RELEASE": "5f1c…"})
        slots, running = await heartbeats.capacity()
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._workers = Roster(redis, "herald:workers")
        self.hubs = Roster(redis, "herald:hubs")

    async def beat(self, worker: str, *, slots: int, running: int, types: Mapping[str, str]) -> None:
        """Report that a worker is alive. Its first heartbeat sends the signal `TYPES_SIGNAL`.

        Args:
            worker: its name.
            slots: how many tasks it can run at once.
            running: how many it is running.
            types: the digests of the task types that it runs, by their names.
        """
        if await self._workers.beat(worker, slots=slots, running=running, types=dict(types)):
            await self._signal()

    async def leave(self, worker: str) -> None:
        """Remove a worker that is stopping, and send the signal."""
        await self._workers.leave(worker)
        await self._signal()

    async def _signal(self) -> None:
        await exchange(self._redis, [("PUBLISH", signal_name(self._redis, TYPES_SIGNAL), "")])

    async def workers(self) -> dict[str, dict[str, Any]]:
        """The latest report of each worker by its name: ``{at, slots, running, types}``."""
        return await self._workers.present()

    async def online_types(self) -> set[str]:
        """The task types that a live worker runs."""
        return {name for report in (await self.workers()).values() for name in report.get("types", ())}

    async def slots(self) -> int:
        """How many tasks all workers can run at once."""
        return sum(int(report["slots"]) for report in (await self.workers()).values())

    async def capacity(self) -> Capacity:
        """All slots, and how many of them are in use."""
        slots = await self.slots()
        [running] = await exchange(self._redis, [("ZCARD", in_namespace(self._redis, LEASES))])
        return Capacity(slots, running)
