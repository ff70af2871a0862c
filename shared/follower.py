"""Follows channels of the feed over one pub/sub connection, and loses nothing when that breaks."""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import hiredis
from redis.asyncio import Connection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from shared.batch import Batch
from shared.feed import SIGNAL_PREFIX, Feed, Position, Publication, channel_of, pubsub_name

log = logging.getLogger(__name__)

READ_BYTES = 256 * 1024
_MESSAGE_PARTS = 3  # kind, channel, data; a pong has two


class _Channel:
    """What a follower knows of one channel."""

    __slots__ = ("confirmed", "position", "stale")

    def __init__(self) -> None:
        self.confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.position: Position | None = None  # None until `follow` has read it
        self.stale = False  # something may have been published that was not handed over


class Follower:
    """Follows channels over one pub/sub connection and hands over every publication once, in order.

    The connection may drop at any time: the follower connects again, subscribes again, and reads from the
    streams what it missed. Where that cannot be had any more, ``on_reset`` tells that the positions handed
    out so far are void.

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
        self._channels: dict[str, _Channel] = {}
        self._unconfirmed: Counter[str] = Counter()  # SUBSCRIBE commands sent and not yet answered
        self._signals: dict[bytes, Callable[[str], None]] = {}
        self._connection: Connection | None = None
        self._last_heard = 0.0
        self._catching_up: dict[str, asyncio.Task[None]] = {}
        self._runner: asyncio.Task[None] | None = None
        self._positions = Batch(feed.positions)
        self._to_subscribe: dict[str, None] = {}
        self._subscribing: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Follower":
        self._runner = asyncio.create_task(self._run(), name="feed-follower")
        return self

    async def __aexit__(self, *_: object) -> None:
        tasks = [task for task in (self._runner, *self._catching_up.values(), *self._subscribing) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

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
        known = self._channels.get(channel)
        if known is None:
            known = self._channels[channel] = _Channel()
            if not self._to_subscribe:
                asyncio.get_running_loop().call_soon(self._subscribe_soon)
            self._to_subscribe[channel] = None
        await asyncio.shield(known.confirmed)
        if known.position is None:
            position = await self._positions.load(channel)
            if known.position is None:  # two may have read it at once, and the first one's has moved on
                known.position = position
                if known.stale:
                    self._catch_up(channel, known)
        return known.position

    async def unfollow(self, channel: str) -> None:
        """Stop to follow ``channel``; nothing of it is handed over after this call was made."""
        known = self._channels.pop(channel, None)
        if known is not None:
            known.confirmed.cancel()
            if channel in self._to_subscribe:
                del self._to_subscribe[channel]
            else:
                await self._send("UNSUBSCRIBE", pubsub_name(channel))

    def _subscribe_soon(self) -> None:
        """Send one command for all the channels that were asked for within a turn of the event loop."""
        channels, self._to_subscribe = list(self._to_subscribe), {}
        if channels:
            task = asyncio.create_task(self._subscribe(*channels), name="feed-subscribe")
            self._subscribing.add(task)
            task.add_done_callback(self._subscribing.discard)

    async def _subscribe(self, *channels: str) -> None:
        if self._connection is not None:
            self._unconfirmed.update(channels)
            await self._send("SUBSCRIBE", *map(pubsub_name, channels))

    async def _send(self, *command: str) -> None:
        """Send a command; where there is no connection none is needed: the next one subscribes to all."""
        if self._connection is not None:
            with suppress(RedisError, OSError):
                await self._connection.send_command(*command, check_health=False)

    async def _run(self) -> None:
        """Keep a pub/sub connection up for ever; whatever ends one leads to the next."""
        delay = 0.0
        while True:
            connection = self._feed.new_connection()
            watcher: asyncio.Task[None] | None = None
            try:
                await connection.connect()  # type: ignore[no-untyped-call]
                delay = 0.0
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
            await asyncio.sleep(delay * random.uniform(0.5, 1.5))  # noqa: S311  jitter
            delay = min(max(0.05, delay * 2), self.reconnect_max_s)

    async def _read(self, connection: Connection) -> None:
        """Subscribe to every followed channel and hand over what arrives, until the connection fails."""
        self._connection = connection
        self._unconfirmed.clear()
        for known in self._channels.values():
            if known.confirmed.done():
                known.confirmed = asyncio.get_running_loop().create_future()
        if self._signals:
            await self._send("SUBSCRIBE", *(name.decode() for name in self._signals))
        self._to_subscribe.clear()
        if self._channels:
            await self._subscribe(*self._channels)
        # From here on nothing but pushes arrives, and they may be many: they are read in whole chunks.
        stream: asyncio.StreamReader = connection._reader  # type: ignore[assignment]
        parser = hiredis.Reader()
        while chunk := await stream.read(READ_BYTES):
            self._last_heard = asyncio.get_running_loop().time()
            parser.feed(chunk)
            while (reply := parser.gets()) is not False:
                self._handle(reply)
        raise RedisConnectionError("closed by Redis")

    async def _watch(self, connection: Connection) -> None:
        """Ping the connection, and close it when it does not answer, which ends `_read`."""
        try:
            while True:
                await asyncio.sleep(self.ping_every_s)
                sent_at = asyncio.get_running_loop().time()
                await connection.send_command("PING", check_health=False)
                await asyncio.sleep(self.pong_within_s)
                if self._last_heard < sent_at:
                    break
            log.warning("the feed's pub/sub connection does not answer")
        except (RedisError, OSError):
            pass  # `_read` meets the same fault and tells of it
        await connection.disconnect(nowait=True)

    def _handle(self, reply: Any) -> None:
        kind, name, data = reply if len(reply) == _MESSAGE_PARTS else (b"pong", b"", b"")
        if name in self._signals:
            if kind == b"message":
                self._signals[name](data.decode())
        elif kind == b"subscribe":
            self._confirm(channel_of(name))
        elif kind == b"message":
            header, _, text = data.decode().partition("\n")
            offset, _, epoch = header.partition(" ")
            self._receive(channel_of(name), Position(int(offset), epoch), text)

    def _confirm(self, channel: str) -> None:
        self._unconfirmed[channel] -= 1
        known = self._channels.get(channel)
        # Of several SUBSCRIBE on their way, with UNSUBSCRIBE between them, only the last one counts.
        if known is None or self._unconfirmed[channel] > 0:
            return
        if not known.confirmed.done():
            known.confirmed.set_result(None)
        if known.position is not None:  # we were here before: what happened while we were away?
            self._catch_up(channel, known)

    def _receive(self, channel: str, at: Position, text: str) -> None:
        known = self._channels.get(channel)
        if known is None:
            return
        if known.position is None or channel in self._catching_up:
            known.stale = True  # whoever is reading the stream just now reads once more
        elif at == (known.position.offset + 1, known.position.epoch):
            known.position = at
            self._on_publication(channel, Publication(at.offset, text))
        elif at.epoch != known.position.epoch or at.offset > known.position.offset:
            self._catch_up(channel, known)

    def _catch_up(self, channel: str, known: _Channel) -> None:
        """Hand over from the stream what was missed; until that is done nothing else is handed over."""
        known.stale = True
        if channel not in self._catching_up:
            task = asyncio.create_task(self._read_missed(channel, known), name=f"feed-catch-up {channel}")
            self._catching_up[channel] = task

    async def _read_missed(self, channel: str, known: _Channel) -> None:
        try:
            while known.stale and known.position is not None:
                known.stale = False
                missed = await self._feed.since(channel, known.position)
                if self._channels.get(channel) is not known:
                    return
                if missed is None:
                    known.position = (await self._feed.history(channel, limit=0)).position
                    self._on_reset(channel)
                    continue
                for publication in missed.publications:
                    known.position = Position(publication.offset, known.position.epoch)
                    self._on_publication(channel, publication)
        except (RedisError, OSError) as error:
            log.warning("could not read what %s missed, connecting again: %s", channel, error)
            if self._connection is not None:  # a new connection begins every catch-up afresh
                await self._connection.disconnect(nowait=True)
        finally:
            del self._catching_up[channel]
