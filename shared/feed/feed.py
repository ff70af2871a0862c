"""The feed: append and publish an event atomically, and read history from an offset.

MongoDB is the truth; the feed is a fast announcement of it that can be replayed. Each channel has a
position, ``(offset, epoch)``: the offset grows by one a publication, the epoch changes when Redis has lost
the channel's data or may have come back with older data, and offsets of two epochs have nothing to do with
each other.
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
from herald.shared.redis.pool import exchange, redis_pool
from herald.shared.redis.scripts import Script
from herald.shared.settings import Settings
from herald.shared.tasks.events import TaskEvent

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

    Example::

        async with Feed.connect(settings) as feed:
            await feed.announce(TaskEvent.of(task))
    """

    def __init__(
        self,
        redis: Redis,
        *,
        history_size: int = 256,
        history_ttl_s: float = 3600,
        position_ttl_s: float = 30 * DAY_S,
        elsewhere: Centrifugo | None = None,
    ) -> None:
        self.redis = redis
        self._elsewhere = elsewhere
        self.history_size = history_size
        self._history_ttl_ms = round(history_ttl_s * 1000)
        # A position outlives its history by far, so that offsets do not restart under a returning client.
        self._position_ttl_ms = max(round(position_ttl_s * 1000), 2 * self._history_ttl_ms)
        self._publish = Script(_HERE / "publish.lua")
        self._read = Script(_HERE / "history.lua")

    @classmethod
    @asynccontextmanager
    async def connect(cls, settings: Settings) -> AsyncIterator["Feed"]:
        """A feed on ``settings.redis_url``; connections open on first use, so this never fails."""
        async with AsyncExitStack() as stack:
            redis = await stack.enter_async_context(Redis.from_pool(redis_pool(settings)))
            elsewhere = None
            if settings.centrifugo_api_url is not None:
                elsewhere = await stack.enter_async_context(Centrifugo.connect(settings))
            yield cls(
                redis,
                history_size=settings.history_size,
                history_ttl_s=settings.history_ttl_s,
                position_ttl_s=settings.retention_days * DAY_S,
                elsewhere=elsewhere,
            )

    def new_connection(self) -> Connection:
        """A new connection for pub/sub, not connected yet.

        Redis has ten seconds to answer what is sent while it connects. Whoever reads its stream directly may
        wait for a message for as long as they like.
        """
        connection: Connection = self.redis.connection_pool.make_connection()  # type: ignore[no-untyped-call]
        connection.retry = Retry(NoBackoff(), retries=0)
        return connection

    async def replication_id(self, connection: Connection | None = None) -> str:
        """The replication id of the Redis that ``connection`` leads to; by default, one from the pool.

        Redis takes a new one when it starts and when a replica is promoted, and also, with nothing lost, when
        its first replica connects and when it has been without replicas for an hour. "" if it has none.

        Raises:
            redis.RedisError: Redis cannot be reached.
        """
        command = ("INFO", "replication")
        if connection is None:
            [info] = await exchange(self.redis, [command])
        else:
            await connection.send_command(*command)
            info = await connection.read_response(disable_decoding=True)
        found = re.search(rb"master_replid:(\w{1,20})", info)
        return found[1].decode() if found else ""

    async def forget_connections(self) -> None:
        """Close the pool's idle connections, so that the next command connects to whatever leads now."""
        await self.redis.connection_pool.disconnect(inuse_connections=False)

    async def ping(self) -> None:
        """Raise ``redis.RedisError`` unless Redis answers."""
        await self.redis.ping()

    async def announce(self, event: TaskEvent) -> None:
        """Publish ``event`` on each of its channels, in one round trip.

        Raises:
            redis.RedisError: Redis cannot be reached; some channels may have the event, and a reader keeps
                the greatest ``(rev, tick)``, so publishing it again does no harm.
        """
        await self.publish(event.channels(), event.encode())

    async def publish(self, channels: Sequence[str], data: str) -> list[int]:
        """Append ``data`` (JSON text) to each channel's history and announce it; the new offsets."""
        return await self.publish_each([(channel, data) for channel in channels])

    async def publish_each(self, messages: Sequence[tuple[str, str]]) -> list[int]:
        """The same for messages of different data, each with its channel, in one round trip."""
        if self._elsewhere is not None:
            return await self._elsewhere.publish_each(messages)
        return await self.publish_here(messages)

    async def publish_here(self, messages: Sequence[tuple[str, str]]) -> list[int]:
        """The same for what is only Herald's own hubs' to forward, whoever else is set to do so."""
        limits = (self.history_size, self._history_ttl_ms, self._position_ttl_ms)
        calls = [(_keys(channel), (data, *limits)) for channel, data in messages]
        offsets = await self._publish.run_each(self.redis, calls)
        metrics.PUBLISHED.inc(len(offsets))
        return offsets

    async def positions(self, channels: Sequence[str]) -> dict[str, Position]:
        """The newest position of each channel, in one round trip."""
        arguments = (self._position_ttl_ms, 0, 0, "")
        replies = await self._read.run_each(self.redis, [(_keys(channel), arguments) for channel in channels])
        return {
            channel: Position(offset, epoch.decode())
            for channel, (offset, epoch, _) in zip(channels, replies, strict=True)
        }

    async def history(self, channel: str, *, since: int = 0, limit: int, reverse: bool = False) -> History:
        """The channel's newest position, and at most ``limit`` publications after offset ``since``.

        With ``reverse``, those before it instead, newest first; or the newest ones if it is 0.
        """
        arguments = (self._position_ttl_ms, since, limit, "reverse" if reverse else "")
        offset, epoch, entries = await self._read.run(self.redis, _keys(channel), arguments)
        found = [
            Publication(int(entry_id.split(b"-")[0]), fields[1].decode()) for entry_id, fields in entries
        ]
        return History(Position(offset, epoch.decode()), found)

    async def since(self, channel: str, position: Position) -> History | None:
        """Everything that ``channel`` published after ``position``, or None if that is no longer known.

        That is so if the epoch has changed (Redis lost data), if the history no longer reaches back that
        far, or if ``position`` lies in the future.
        """
        history = await self.history(channel, since=position.offset, limit=self.history_size)
        newest, found = history
        missing = newest.offset - position.offset
        if newest.epoch != position.epoch or len(found) != missing:
            return None
        return history

    async def signal(self, name: str, text: str) -> bool:
        """Hand ``text`` to whoever listens to ``name`` now; False if nobody does. Nothing of it is kept."""
        return bool(await self.redis.publish(SIGNAL_PREFIX + name, text))


_FEED_PREFIX = "herald:feed:{"
SIGNAL_PREFIX = "herald:signal:"


def pubsub_name(channel: str) -> str:
    """The name that ``channel``'s publications are announced under, and of the key of its position."""
    return f"{_FEED_PREFIX}{channel}}}"


def _keys(channel: str) -> tuple[str, str]:
    """The channel's Redis keys; the braces keep them in one slot of a cluster."""
    return pubsub_name(channel), f"herald:history:{{{channel}}}"
