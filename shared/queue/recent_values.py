"""The last values of named series, and short texts, kept in Redis so that all processes learn from them."""

from collections.abc import Iterable, Mapping

from redis.asyncio import Redis

from herald.shared.redis.pool import exchange, in_namespace

KEEP = 50
"""The number of values that are kept of each series, the newest ones."""
ENOUGH = 3
"""A series with fewer values than this is not returned yet."""
FORGET_AFTER_S = 30 * 24 * 3600


class RecentValues:
    """Series of numbers, each kept as a list of its newest values in Redis; and texts by key.

    Each method raises ``redis.RedisError`` if Redis cannot be reached.

    Example::

        lengths = RecentValues(redis)
        await lengths.add([("herald:lengths:WRITE_PRESS_RELEASE:Write", 1830)])
        found = await lengths.read({"Write": "herald:lengths:WRITE_PRESS_RELEASE:Write"})
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def add(self, values: Iterable[tuple[str, float]]) -> None:
        """Add values, each given with the key of its series."""
        commands: list[tuple[str | int, ...]] = []
        for name, value in values:
            key = in_namespace(self._redis, name)
            commands += [
                ("LPUSH", key, f"{value:.3f}"),
                ("LTRIM", key, 0, KEEP - 1),
                ("EXPIRE", key, FORGET_AFTER_S),
            ]
        if commands:
            await exchange(self._redis, commands)

    async def read(self, keys: Mapping[str, str]) -> dict[str, list[float]]:
        """The values of each series, newest first, under the names that ``keys`` gives to their keys.

        Series with fewer than `ENOUGH` values are left out.
        """
        if not keys:
            return {}
        replies = await exchange(
            self._redis, [("LRANGE", in_namespace(self._redis, key), 0, -1) for key in keys.values()]
        )
        return {
            name: [float(value) for value in values]
            for name, values in zip(keys, replies, strict=True)
            if len(values) >= ENOUGH
        }

    async def remember(self, key: str, text: str) -> None:
        """Keep a text under ``key``, in place of an earlier one."""
        await exchange(self._redis, [("SET", in_namespace(self._redis, key), text, "EX", FORGET_AFTER_S)])

    async def recall(self, key: str) -> str | None:
        """The text under ``key``; None if there is none."""
        [text] = await exchange(self._redis, [("GET", in_namespace(self._redis, key))])
        return text.decode() if text is not None else None
