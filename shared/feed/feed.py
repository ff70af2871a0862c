"""Publishes events to channels atomically, and reads a channel's history from an offset.

MongoDB is the truth; the feed announces its changes fast and keeps them for a while. Each channel has a
position, ``(offset, epoch)``. The offset grows by one with each publication. The epoch changes when Redis has
lost the channel's data or may have come back with older data: offsets of two epochs are unrelated.
"""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from redis.asyncio import Connection, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from herald.shared.feed.centrifugo import Centrifugo
from herald.shared.observability import metrics
from herald.shared.redis.pool import exchange, in_namespace, redis_pool
from herald.shared.redis.scripts import Script
from herald.shared.settings import Settings
from herald.shared.tasks.events import Message

DAY_S = 24 * 3600
_HERE = Path(__file__).parent


class Position(NamedTuple):
    """A place in a channel's history."""

    offset: int
    epoch: str

    @property
    def replication_id(self) -> str:
        """The replication id of the Redis that the position was read from; see `Feed.replication_id`."""
        return self.epoch.rpartition(".")[2]


class Publication(NamedTuple):
    """One message of a channel; ``data`` is JSON text."""

    offset: int
    data: str


class History(NamedTuple):
    """The newest position of a channel, and publications in order."""

    position: Position
    publications: list[Publication]


class Feed:
    """Publishes to channels and reads them.

    Each method raises ``redis.RedisError`` if Redis cannot be reached.

    Example::

        async with Feed.connect(settings) as feed:
            await feed.publish(TaskEvent.of(task).messages())
    """

    def __init__(
        self,
        redis: Redis,
        *,
        history_size: int = 256,
        history_ttl_s: float = 3600,
        position_ttl_s: float = 30 * DAY_S,
        centrifugo: Centrifugo | None = None,
    ) -> None:
        self.redis = redis
        self._centrifugo = centrifugo
        self.history_size = history_size
        self._history_ttl_ms = round(history_ttl_s * 1000)
        # A position is kept far longer than its history, so that offsets do not restart for a client that
        # returns late.
        self._position_ttl_ms = max(round(position_ttl_s * 1000), 2 * self._history_ttl_ms)
        self._positions = in_namespace(redis, "herald:feed:")
        self._histories = in_namespace(redis, "herald:history:")
        self._publish = Script(_HERE / "publish.lua")
        self._read = Script(_HERE / "history.lua")

    @classmethod
    @asynccontextmanager
    async def connect(cls, settings: Settings) -> AsyncIterator["Feed"]:
        """A feed on ``settings.redis_url``; connections open on first use."""
        async with AsyncExitStack() as stack:
            redis = await stack.enter_async_context(Redis.from_pool(redis_pool(settings)))
            centrifugo = None
            if settings.centrifugo_api_url is not None:
                centrifugo = await stack.enter_async_context(Centrifugo.connect(settings))
            yield cls(
                redis,
                history_size=settings.history_size,
                history_ttl_s=settings.history_ttl_s,
                position_ttl_s=settings.retention_days * DAY_S,
                centrifugo=centrifugo,
            )

    def new_connection(self) -> Connection:
        """A new connection for pub/sub, not connected yet.

        While it connects, each reply of Redis has the pool's timeout. Later, reads from its stream may wait
        for a message without limit.
        """
        connection: Connection = self.redis.connection_pool.make_connection()  # type: ignore[no-untyped-call]
        connection.retry = Retry(NoBackoff(), retries=0)
        return connection

    async def replication_id(self, connection: Connection | None = None) -> str:
        """The replication id of the Redis that ``connection`` leads to, by default one of the pool's.

        Redis takes a new id when it starts and when a replica is promoted. It also does, with nothing lost,
        when its first replica connects and when it has had no replica for an hour. Empty if it has none.
        """
        command = ("INFO", "replication")
        if connection is None:
            [info] = await exchange(self.redis, [command])
        else:
            await connection.send_command(*command)
            info = await connection.read_response(disable_decoding=True)
        found = re.search(rb"master_replid:(\w{1,20})", info)
        return found[1].decode() if found else ""

    async def drop_idle_connections(self) -> None:
        """Close the pool's idle connections, so that the next command connects to the current leader."""
        await self.redis.connection_pool.disconnect(inuse_connections=False)

    async def ping(self) -> None:
        """Raise ``redis.RedisError`` unless Redis answers."""
        await self.redis.ping()

    async def publish(self, messages: Sequence[Message], *, hubs_only: bool = False) -> list[int]:
        """Publish messages in their order, in one round trip, and return their offsets.

        Each one is appended to its channel's history and announced to the hubs. If Centrifugo replaces the
        hubs, it receives the messages instead, except those that are ``hubs_only``.

        Raises:
            redis.RedisError: Redis cannot be reached. Some of the messages may have been published.
                Publishing them again does no harm, since a client keeps the newest version of a task.
            CentrifugoError: the same for Centrifugo.
        """
        if self._centrifugo is not None and not hubs_only:
            return await self._centrifugo.publish(messages)
        limits = (self.history_size, self._history_ttl_ms, self._position_ttl_ms)
        calls = [(self._keys(channel), (data, *limits)) for channel, data in messages]
        offsets = await self._publish.run_each(self.redis, calls)
        metrics.PUBLISHED.inc(len(offsets))
        return offsets

    async def positions(self, channels: Sequence[str]) -> dict[str, Position]:
        """The newest position of each channel, in one round trip."""
        arguments = (self._position_ttl_ms, 0, 0, "")
        replies = await self._read.run_each(
            self.redis, [(self._keys(channel), arguments) for channel in channels]
        )
        return {
            channel: Position(offset, epoch.decode())
            for channel, (offset, epoch, _) in zip(channels, replies, strict=True)
        }

    async def history(self, channel: str, *, since: int = 0, limit: int, reverse: bool = False) -> History:
        """The channel's newest position, and at most ``limit`` publications after offset ``since``.

        With ``reverse``, the publications before ``since`` instead, newest first; 0 starts at the newest.
        """
        arguments = (self._position_ttl_ms, since, limit, "reverse" if reverse else "")
        offset, epoch, entries = await self._read.run(self.redis, self._keys(channel), arguments)
        publications = [
            Publication(int(entry_id.split(b"-")[0]), fields[1].decode()) for entry_id, fields in entries
        ]
        return History(Position(offset, epoch.decode()), publications)

    async def since(self, channel: str, position: Position) -> History | None:
        """Everything that was published on ``channel`` after ``position``; None if not all of it can be read.

        That is the case if the epoch has changed, if the history no longer reaches back that far, or if
        ``position`` lies in the future.
        """
        history = await self.history(channel, since=position.offset, limit=self.history_size)
        newest, publications = history
        missed = newest.offset - position.offset
        if newest.epoch != position.epoch or len(publications) != missed:
            return None
        return history

    async def signal(self, name: str, text: str) -> bool:
        """Send ``text`` to the processes that listen to the signal ``name``; False if none does.

        Signals are not kept: a process that is not connected misses them.
        """
        return bool(await self.redis.publish(signal_name(self.redis, name), text))

    def pubsub_name(self, channel: str) -> str:
        """The pub/sub name of ``channel``'s publications, which is also the key of its position."""
        return f"{self._positions}{{{channel}}}"

    def _keys(self, channel: str) -> tuple[str, str]:
        """The channel's Redis keys; the braces keep them in one slot of a cluster."""
        return self.pubsub_name(channel), f"{self._histories}{{{channel}}}"


def signal_name(redis: Redis, name: str) -> str:
    """The pub/sub name of the signal ``name``."""
    return in_namespace(redis, f"herald:signal:{name}")
