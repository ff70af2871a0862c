"""The last few values of named series, kept in Redis so that all processes learn from them."""

from collections.abc import Iterable, Mapping

from redis.asyncio import Redis

from herald.shared.redis.pool import exchange

KEEP = 50
"""How many values of each series are kept."""
ENOUGH = 3
"""A series with fewer values than this says nothing yet."""
FORGET_AFTER_S = 30 * 24 * 3600


class RecentValues:
    """Series of numbers, each a list in Redis of which the newest are kept.

    Example::

        lengths = RecentValues(redis)
        await lengths.add([("herald:lengths:GENERATE_BRAND_KIT:Write", 1830)])
        found = await lengths.read({"Write": "herald:lengths:GENERATE_BRAND_KIT:Write"})
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def add(self, values: Iterable[tuple[str, float]]) -> None:
        """Add a value to each of the series that ``values`` names by their keys.

        Raises:
            redis.RedisError: Redis cannot be reached.
        """
        commands: list[tuple[str | int, ...]] = []
        for key, value in values:
            commands += [
                ("LPUSH", key, f"{value:.3f}"),
                ("LTRIM", key, 0, KEEP - 1),
                ("EXPIRE", key, FORGET_AFTER_S),
            ]
        if commands:
            await exchange(self._redis, commands)

    async def read(self, keys: Mapping[str, str]) -> dict[str, list[float]]:
        """The values of each series, newest first, by the names in ``keys``.

        Series with fewer than `ENOUGH` values are left out.

        Raises:
            redis.RedisError: Redis cannot be reached.
        """
        if not keys:
            return {}
        replies = await exchange(self._redis, [("LRANGE", key, 0, -1) for key in keys.values()])
        return {
            name: [float(value) for value in values]
            for name, values in zip(keys, replies, strict=True)
            if len(values) >= ENOUGH
        }
