"""What earlier runs took, and what that tells of those to come; kept in Redis, so that all workers learn."""

import re
import statistics
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from redis.asyncio import Redis

from herald.shared.redis.pool import exchange

KEEP = 50
"""Durations that are remembered of each kind of step."""
ENOUGH = 3
"""So many have to be known before anything is told."""
FORGET_AFTER_S = 30 * 24 * 3600
WHOLE_RUN = ""
"""The kind under which the duration of a whole run is kept."""


class Duration(NamedTuple):
    """How long something takes, in seconds: at most ``p50`` half of the times, ``p90`` nine in ten."""

    p50: float
    p90: float


def kind_of(step: str) -> str:
    """What a step's durations are kept under: "Write week 2" and "Write week 3" take as long."""
    return re.sub(r"\d+", "#", step)


class Forecast:
    """Remembers durations, and says what they mean.

    Example::

        await forecast.learn("GENERATE_BRAND_KIT", [("Choose a palette", 3.2), (WHOLE_RUN, 11.0)])
        durations = await forecast.durations("GENERATE_BRAND_KIT", ["Choose a palette"])
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def learn(self, task_type: str, seconds: Iterable[tuple[str, float]]) -> None:
        """Remember how long the steps of a run have taken, by their kinds.

        Raises:
            redis.RedisError: Redis cannot be reached.
        """
        commands: list[tuple[str | int, ...]] = []
        for kind, took in seconds:
            key = _key(task_type, kind)
            commands += [
                ("LPUSH", key, f"{took:.3f}"),
                ("LTRIM", key, 0, KEEP - 1),
                ("EXPIRE", key, FORGET_AFTER_S),
            ]
        if commands:
            await exchange(self._redis, commands)

    async def durations(self, task_type: str, kinds: Iterable[str]) -> dict[str, Duration]:
        """The durations of those kinds of steps of which enough is known.

        Raises:
            redis.RedisError: Redis cannot be reached.
        """
        known = await self._known({kind: _key(task_type, kind) for kind in kinds})
        return {kind: _duration(took) for kind, took in known.items()}

    async def whole_runs(self, task_types: Iterable[str]) -> dict[str, list[float]]:
        """How long the last whole runs took, in seconds, by those types of which enough is known.

        Raises:
            redis.RedisError: Redis cannot be reached.
        """
        return await self._known({task_type: _key(task_type, WHOLE_RUN) for task_type in task_types})

    async def _known(self, keys: Mapping[str, str]) -> dict[str, list[float]]:
        """What is remembered under each key, in seconds, without the keys of which too little is known."""
        if not keys:
            return {}
        found = await exchange(self._redis, [("LRANGE", key, 0, -1) for key in keys.values()])
        return {
            name: [float(took) for took in known]
            for name, known in zip(keys, found, strict=True)
            if len(known) >= ENOUGH
        }


def _duration(known: list[float]) -> Duration:
    deciles = statistics.quantiles(known, n=10, method="inclusive")
    return Duration(p50=statistics.median(known), p90=deciles[8])


def _key(task_type: str, kind: str) -> str:
    return f"herald:durations:{task_type}:{kind}"
