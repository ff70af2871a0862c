"""Follows channels of the feed over one pub/sub connection, and loses nothing when that breaks."""

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

from herald.shared.aio import DataLoader, cancel_and_wait
from herald.shared.feed.feed import SIGNAL_PREFIX, Feed, Position, Publication, pubsub_name
from herald.shared.observability import metrics

log = logging.getLogger(__name__)

READ_BYTES = 256 * 1024
_MESSAGE_PARTS = 3  # kind, channel, data; a pong has two


class _Channel:
    """What a follower knows of one channel."""

    __slots__ = ("catching_up", "confirmed", "epoch", "name", "offset", "stale")

    def __init__(self, name: str) -> None:
        self.name = name
        self.confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.offset = 0
        self.epoch: str | None = None  # None until `follow` has read the position
        self.catching_up: asyncio.Task[None] | None = None
        self.stale = False  # there may be publications that have not been handed over


class Follower:
    """Follows channels over one pub/sub connection and hands over every publication once, in order.

    The connection may drop at any time: the follower connects again, subscribes again, and reads from the
    streams what it missed. Where that cannot be had any more, ``on_reset`` tells that the positions handed
    out so far are void.

    Streams and positions are read over other connections than the one that publications arrive on. After a
    failover the two may lead to different servers for a while, whose offsets must not be mixed. So the
    follower compares their replication ids, and connects anew until they agree.

    Example::

        async with Follower(feed, on_publication, on_reset) as follower:
            position = await follower.follow("tasks#ada")
    """

    ping_every_s = 5.0
    pong_within_s = 5.0
    reconnect_max_s = 2.0

    def __init__(
        self,
        feed: Feed,
        on_publication: Callable[[str, Publication], None],
        on_reset: Callable[[str], None],
    ) -> None:
        self._feed = feed
        self._on_publication = on_publication
        self._on_reset = on_reset
        self._channels: dict[bytes, _Channel] = {}
        """By the name that it is announced under, as Redis writes it."""
        self._signals: dict[bytes, Callable[[str], None]] = {}
        self._connection: Connection | None = None
        self._replication_id = ""  # of the Redis that the connection leads to, as it was when it was made
        self._last_heard = 0.0
        self._runner: asyncio.Task[None] | None = None
        self._positions = DataLoader(feed.positions)
        self._to_subscribe: dict[bytes, None] = {}
        self._catching_up: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Follower":
        self._runner = asyncio.create_task(self._run(), name="feed-follower")
        return self

    async def __aexit__(self, *_: object) -> None:
        await cancel_and_wait(*[task for task in (self._runner, *self._catching_up) if task])

    @property
    def connected(self) -> bool:
        """Whether the pub/sub connection stands now."""
        return self._connection is not None

    def listen(self, name: str, handler: Callable[[str], None]) -> None:
        """Hand what `Feed.signal` sends to ``name`` to ``handler``; to be called before the follower starts.

        A signal that is sent while the connection is away is lost.
        """
        self._signals[(SIGNAL_PREFIX + name).encode()] = handler

    async def follow(self, channel: str) -> Position:
        """Follow ``channel``; what is published after the position returned will be handed over.

        Waits for as long as Redis cannot be reached: bound it with a timeout.

        Raises:
            redis.RedisError: the channel's position cannot be read.
        """
        name = pubsub_name(channel).encode()
        known = self._channels.get(name)
        if known is None:
            known = self._channels[name] = _Channel(channel)
            if not self._to_subscribe:
                asyncio.get_running_loop().call_soon(self._subscribe_soon)
            self._to_subscribe[name] = None
        if not known.confirmed.done():
            await asyncio.shield(known.confirmed)
        if known.epoch is None:
            position = await self._positions.load(channel)
            if known.epoch is None:  # two may have read it at once, and the first one's has moved on
                known.offset, known.epoch = position
                if known.stale or position.replication_id != self._replication_id:
                    self._catch_up(known)
        return Position(known.offset, known.epoch)

    def unfollow(self, channel: str) -> None:
        """Stop to follow ``channel``; nothing of it is handed over after this."""
        name = pubsub_name(channel).encode()
        known = self._channels.pop(name, None)
        if known is not None:
            known.confirmed.cancel()
            if name in self._to_subscribe:
                del self._to_subscribe[name]
            else:
                self._send("UNSUBSCRIBE", name)

    def _subscribe_soon(self) -> None:
        """Send one command for all the channels that were asked for within a turn of the event loop."""
        names, self._to_subscribe = self._to_subscribe, {}
        self._subscribe(list(names))

    def _subscribe(self, names: list[bytes]) -> None:
        if names:
            self._send("SUBSCRIBE", *names)

    def _send(self, *command: str | bytes) -> None:
        """Send a command; where there is no connection none is needed: the next one subscribes to all."""
        if self._connection is not None and self._connection._writer is not None:
            with suppress(RuntimeError):  # it has just been closed, as `_read` will find
                self._connection._writer.write(hiredis.pack_command(command))  # type: ignore[arg-type]

    async def _run(self) -> None:
        """Keep a pub/sub connection up for ever; whatever ends one leads to the next."""
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
                log.warning("lost the feed's pub/sub connection, connecting again: %s", error)
            except Exception:
                log.exception("the feed's follower failed, connecting again")
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
        """Subscribe to every followed channel and hand over what arrives, until the connection fails."""
        self._replication_id = await self._feed.replication_id(connection)
        self._connection = connection
        if self._signals:
            self._send("SUBSCRIBE", *self._signals)
        self._to_subscribe.clear()
        self._subscribe(list(self._channels))
        # Nothing but pushes arrives, and they may be many: they are read in whole chunks.
        stream: asyncio.StreamReader = connection._reader  # type: ignore[assignment]
        parser = hiredis.Reader()
        while (chunk := await stream.read(READ_BYTES)) and self._connection is connection:
            self._last_heard = asyncio.get_running_loop().time()
            parser.feed(chunk)
            messages = 0
            while (reply := parser.gets()) is not False:
                messages += reply[0] == b"message"
                self._handle(reply)
            if messages:
                metrics.RECEIVED.inc(messages)
        raise RedisConnectionError("closed")

    async def _watch(self, connection: Connection) -> None:
        """Close the connection, which ends `_read`, when it does not answer or Redis has failed over."""
        while True:
            await asyncio.sleep(self.ping_every_s)
            sent_at = asyncio.get_running_loop().time()
            self._send("PING")
            await asyncio.sleep(self.pong_within_s)
            if self._last_heard < sent_at:
                log.warning("the feed's pub/sub connection does not answer")
                await connection.disconnect(nowait=True)
                return
            # A leader that is demoted by hand keeps its connections, and forwards what the new one publishes.
            with suppress(RedisError, OSError):
                async with asyncio.timeout(self.pong_within_s):
                    outdated = await self._feed.replication_id() != self._replication_id
                if outdated and self._connection is connection:
                    await self._leave_outdated()
                    return

    async def _leave_outdated(self) -> None:
        """Connect anew, pool and pub/sub: they lead to different servers, or to one with another role."""
        log.warning("Redis has failed over, connecting again")
        await self._feed.forget_connections()
        await self._disconnect()

    async def _disconnect(self) -> None:
        """End the pub/sub connection; the next one begins every catch-up afresh."""
        connection, self._connection = self._connection, None  # nothing more of it is handed over
        if connection is not None:
            await connection.disconnect(nowait=True)

    def _handle(self, reply: Any) -> None:
        if len(reply) != _MESSAGE_PARTS:
            return
        kind, name, data = reply
        known = self._channels.get(name)
        if kind == b"message":
            if known is not None:
                offset, _, text = data.decode().partition("\n")
                self._receive(known, Publication(int(offset), text))
            elif name in self._signals:
                try:
                    self._signals[name](data.decode())
                except Exception:  # the connection carries every channel's events: it goes on
                    log.exception("a handler of the signal %s failed", name.decode())
        elif kind == b"subscribe" and known is not None:
            self._confirm(known)

    def _confirm(self, known: _Channel) -> None:
        if not known.confirmed.done():
            known.confirmed.set_result(None)
            return
        # Subscribed again: the connection was lost, or the first answer was to an earlier SUBSCRIBE that an
        # UNSUBSCRIBE followed. Either way, announcements may have been missed.
        known.stale = True
        if known.epoch is not None:
            self._catch_up(known)

    def _receive(self, known: _Channel, publication: Publication) -> None:
        offset = publication.offset
        if known.epoch is None or known.catching_up is not None:
            known.stale = True  # whoever is reading the stream just now reads once more
        elif offset == known.offset + 1:
            known.offset = offset
            self._on_publication(known.name, publication)
        elif offset > known.offset or offset == 1:
            # Something is missing; or the channel began anew, as it does when Redis has lost its data.
            self._catch_up(known)

    def _catch_up(self, known: _Channel) -> None:
        """Hand over from the stream what was missed; until that is done nothing else is handed over."""
        known.stale = True
        if known.catching_up is None:
            known.catching_up = asyncio.create_task(self._read_missed(known), name=f"catch-up {known.name}")
            self._catching_up.add(known.catching_up)
            known.catching_up.add_done_callback(self._catching_up.discard)

    async def _read_missed(self, known: _Channel) -> None:
        try:
            while known.stale and known.epoch is not None:
                known.stale = False
                missed = await self._feed.since(known.name, Position(known.offset, known.epoch))
                found = missed or await self._feed.history(known.name, limit=0)
                if self._channels.get(pubsub_name(known.name).encode()) is not known:
                    return
                if found.position.replication_id != self._replication_id:
                    await self._leave_outdated()
                    return
                if missed is None:
                    metrics.RESETS.inc()
                    known.offset, known.epoch = found.position
                    self._on_reset(known.name)
                    continue
                if missed.publications:
                    metrics.GAPS_FILLED.inc()
                for publication in missed.publications:
                    known.offset = publication.offset
                    self._on_publication(known.name, publication)
        except (RedisError, OSError) as error:
            log.warning("could not read what %s missed, connecting again: %s", known.name, error)
            await self._disconnect()
        finally:
            known.catching_up = None
