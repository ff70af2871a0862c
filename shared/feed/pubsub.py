"""Keeps one pub/sub connection to Redis open: reconnects, pings it, and detects failovers."""

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import hiredis
from redis.asyncio import Connection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from herald.shared.aio import cancel_and_wait
from herald.shared.feed.feed import Feed
from herald.shared.observability import metrics
from herald.shared.redis.wire import byte_stream, write_command

log = logging.getLogger(__name__)

READ_BYTES = 256 * 1024


class PubSub:
    """A pub/sub connection that is replaced whenever it fails.

    ``on_connect`` is called with each new connection and must subscribe again. ``on_message`` is called with
    each message as Redis sends it, such as ``[b"message", name, data]``. Neither may block.

    The connection has no read timeout, since an idle feed is not a dead one. An unanswered ping ends it.
    """

    ping_every_s = 5.0
    pong_within_s = 5.0
    reconnect_max_s = 2.0

    def __init__(
        self, feed: Feed, on_connect: Callable[[], None], on_message: Callable[[list[Any]], None]
    ) -> None:
        self.replication_id = ""
        """The replication id of the server that the connection leads to, read when it was opened."""
        self._feed = feed
        self._on_connect = on_connect
        self._on_message = on_message
        self._connection: Connection | None = None
        self._last_received = 0.0
        self._runner: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "PubSub":
        self._runner = asyncio.create_task(self._run(), name="feed-pubsub")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await cancel_and_wait(self._runner)

    @property
    def connected(self) -> bool:
        """Whether the connection is open now."""
        return self._connection is not None

    def send(self, *command: str | bytes) -> None:
        """Send a command; without a connection it is dropped, since ``on_connect`` subscribes again."""
        if self._connection is not None:
            with suppress(RuntimeError):  # the connection has just been lost; `_read` is about to notice
                write_command(self._connection, *command)

    async def reconnect(self) -> None:
        """Close the connection and open a new one; nothing more is received from the old one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)

    async def reconnect_after_failover(self) -> None:
        """Reconnect this connection and the pool: they lead to different servers, or to one in a new role."""
        log.warning("Redis has failed over, reconnecting")
        await self._feed.drop_idle_connections()
        await self.reconnect()

    async def _run(self) -> None:
        """Open one connection after another, with growing pauses while Redis cannot be reached."""
        loop, delay = asyncio.get_running_loop(), 0.0
        while True:
            connected_at = float("inf")
            connection = self._feed.new_connection()
            watcher: asyncio.Task[None] | None = None
            try:
                await connection.connect()  # type: ignore[no-untyped-call]
                connected_at = loop.time()
                watcher = asyncio.create_task(self._watch(connection), name="feed-watch")
                await self._read(connection)
            except (RedisError, OSError) as error:
                log.warning("lost the feed's pub/sub connection, reconnecting: %s", error)
            except Exception:
                log.exception("reading the feed's pub/sub connection failed, reconnecting")
            finally:
                self._connection = None
                if watcher is not None:
                    watcher.cancel()
                await connection.disconnect(nowait=True)
            metrics.RECONNECTS.inc()
            if loop.time() - connected_at > self.reconnect_max_s:
                delay = 0.0
            await asyncio.sleep(delay * random.uniform(0.5, 1.5))  # noqa: S311  jitter
            delay = min(max(0.05, delay * 2), self.reconnect_max_s)

    async def _read(self, connection: Connection) -> None:
        """Subscribe, and hand over what arrives, until the connection fails."""
        self.replication_id = await self._feed.replication_id(connection)
        self._connection = connection
        self._on_connect()
        # Only pushed messages arrive from here on, and there may be many, so they are read in large chunks.
        stream, parser = byte_stream(connection), hiredis.Reader()
        next_message, on_message = parser.gets, self._on_message
        while (chunk := await stream.read(READ_BYTES)) and self._connection is connection:
            self._last_received = asyncio.get_running_loop().time()
            parser.feed(chunk)
            messages = 0
            while (message := next_message()) is not False:
                messages += message[0] == b"message"
                on_message(message)
            if messages:
                metrics.RECEIVED.inc(messages)
        raise RedisConnectionError("closed")

    async def _watch(self, connection: Connection) -> None:
        """End ``connection`` if a ping stays unanswered, or if Redis has failed over."""
        while True:
            await asyncio.sleep(self.ping_every_s)
            sent_at = asyncio.get_running_loop().time()
            self.send("PING")
            await asyncio.sleep(self.pong_within_s)
            if self._last_received < sent_at:
                log.warning("the feed's pub/sub connection does not answer")
                await connection.disconnect(nowait=True)
                return
            # A leader that is demoted by hand keeps its connections, and forwards what the new one publishes.
            with suppress(RedisError, OSError):
                async with asyncio.timeout(self.pong_within_s):
                    outdated = await self._feed.replication_id() != self.replication_id
                if outdated and self._connection is connection:
                    await self.reconnect_after_failover()
                    return
