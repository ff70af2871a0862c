"""The feed: append and publish an event atomically, read history from an offset, follow channels.

MongoDB is the truth; the feed is a fast announcement of it that can be replayed. Each channel has a
position, ``(offset, epoch)``: the offset grows by one a publication, the epoch changes when Redis has lost
the channel's data, and offsets of two epochs have nothing to do with each other.
"""

import asyncio
import hashlib
import logging
import random
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import hiredis
from redis.asyncio import Connection, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError

from shared.batch import Batch
from shared.events import TaskEvent
from shared.redis_pool import redis_pool
from shared.settings import Settings

log = logging.getLogger(__name__)

READ_BYTES = 256 * 1024
POSITION_TTL_MS = 30 * 24 * 3600 * 1000
_MESSAGE_PARTS = 3  # kind, channel, data; a pong has two


class Position(NamedTuple):
    """A place in a channel's history."""

    offset: int
    epoch: str


class Publication(NamedTuple):
    """One message of a channel; ``data`` is JSON text."""

    offset: int
    data: str


class History(NamedTuple):
    """The newest position of a channel, and publications in order."""

    position: Position
    publications: list[Publication]


class _Script:
    """A Lua script, sent by its digest; its text goes to Redis once, and again if Redis forgot it."""

    def __init__(self, name: str) -> None:
        self.text = (Path(__file__).parent / "lua" / name).read_text()
        self.digest = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()

    async def run(self, redis: Redis, calls: Sequence[tuple[list[str], list[Any]]]) -> list[Any]:
        """Run the script once a call, ``(keys, arguments)``, in one round trip; the replies in order."""
        try:
            return await self._send(redis, calls)
        except NoScriptError:  # a new or restarted Redis: then none of the calls ran
            await redis.script_load(self.text)
            return await self._send(redis, calls)

    async def _send(self, redis: Redis, calls: Sequence[tuple[list[str], list[Any]]]) -> list[Any]:
        pipe = redis.pipeline(transaction=False)
        for keys, arguments in calls:
            pipe.evalsha(self.digest, len(keys), *keys, *arguments)
        return await pipe.execute()


class Feed:
    """Publishes to channels and reads them.

    Example::

        async with Feed.connect(settings) as feed:
            await feed.announce(TaskEvent.of(task))
    """

    def __init__(self, redis: Redis, *, history_size: int = 256, history_ttl_s: float = 3600) -> None:
        self.redis = redis
        self.history_size = history_size
        self._history_ttl_ms = round(history_ttl_s * 1000)
        # A position outlives its history by far, so that offsets do not restart under a returning client.
        self._position_ttl_ms = max(POSITION_TTL_MS, 2 * self._history_ttl_ms)
        self._publish = _Script("publish.lua")
        self._read = _Script("history.lua")

    @classmethod
    @asynccontextmanager
    async def connect(cls, settings: Settings) -> AsyncIterator["Feed"]:
        """A feed on ``settings.redis_url``; connections open on first use, so this never fails."""
        async with Redis.from_pool(redis_pool(settings)) as redis:
            yield cls(redis, history_size=settings.history_size, history_ttl_s=settings.history_ttl_s)

    def new_connection(self) -> Connection:
        """A connection of its own for pub/sub, not connected yet; it never times out for being idle."""
        connection: Connection = self.redis.connection_pool.make_connection()  # type: ignore[no-untyped-call]
        connection.socket_timeout = None
        connection.retry = Retry(NoBackoff(), retries=0)
        return connection

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

    async def publish(self, channels: Sequence[str], data: str) -> list[Position]:
        """Append ``data`` (JSON text) to each channel's history and announce it; the new positions."""
        arguments = [
            data,
            _new_epoch(),
            f"{self.history_size} {self._history_ttl_ms} {self._position_ttl_ms}",
        ]
        replies = await self._publish.run(
            self.redis, [(_keys(channel), [_pubsub_name(channel), *arguments]) for channel in channels]
        )
        return [Position(offset, epoch.decode()) for offset, epoch in replies]

    async def positions(self, channels: Sequence[str]) -> dict[str, Position]:
        """The newest position of each channel, in one round trip."""
        arguments = [_new_epoch(), self._position_ttl_ms, 0, 0, ""]
        replies = await self._read.run(self.redis, [(_keys(channel), arguments) for channel in channels])
        return {
            channel: Position(offset, epoch.decode())
            for channel, (offset, epoch, _) in zip(channels, replies, strict=True)
        }

    async def history(self, channel: str, *, since: int = 0, limit: int, reverse: bool = False) -> History:
        """The channel's newest position, and at most ``limit`` publications after offset ``since``.

        With ``reverse``, those before it instead, newest first; or the newest ones if it is 0.
        """
        arguments = [_new_epoch(), self._position_ttl_ms, since, limit, "reverse" if reverse else ""]
        [(offset, epoch, entries)] = await self._read.run(self.redis, [(_keys(channel), arguments)])
        found = [
            Publication(int(entry_id.split(b"-")[0]), fields[1].decode()) for entry_id, fields in entries
        ]
        return History(Position(offset, epoch.decode()), found)

    async def since(self, channel: str, position: Position) -> History | None:
        """All that ``channel`` published after ``position``; None if that cannot be had any more.

        It cannot where the epoch is another one (Redis lost its data), where the history no longer reaches
        back so far, or where ``position`` lies in the future.
        """
        history = await self.history(channel, since=position.offset, limit=self.history_size)
        newest, found = history
        missing = newest.offset - position.offset
        if newest.epoch != position.epoch or missing < 0 or len(found) != missing:
            return None
        return history

    async def signal(self, name: str, text: str) -> bool:
        """Hand ``text`` to whoever listens to ``name`` now; False if nobody does. Nothing of it is kept."""
        return bool(await self.redis.publish(_SIGNAL_PREFIX + name, text))


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

    async def __aenter__(self) -> "Follower":
        self._runner = asyncio.create_task(self._run(), name="feed-follower")
        return self

    async def __aexit__(self, *_: object) -> None:
        tasks = [task for task in (self._runner, *self._catching_up.values()) if task]
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
        self._signals[(_SIGNAL_PREFIX + name).encode()] = handler

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
                await self._send("UNSUBSCRIBE", _pubsub_name(channel))

    def _subscribe_soon(self) -> None:
        """Send one command for all the channels that were asked for within a turn of the event loop."""
        channels, self._to_subscribe = list(self._to_subscribe), {}
        if channels:
            self._subscribing = asyncio.ensure_future(self._subscribe(*channels))

    async def _subscribe(self, *channels: str) -> None:
        if self._connection is not None:
            self._unconfirmed.update(channels)
            await self._send("SUBSCRIBE", *map(_pubsub_name, channels))

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
            self._confirm(_channel_of(name))
        elif kind == b"message":
            header, _, text = data.decode().partition("\n")
            offset, _, epoch = header.partition(" ")
            self._receive(_channel_of(name), Position(int(offset), epoch), text)

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


def _keys(channel: str) -> list[str]:
    """The channel's Redis keys; the braces keep them in one slot of a cluster."""
    return [f"herald:position:{{{channel}}}", f"herald:history:{{{channel}}}"]


_PUBSUB_PREFIX = "herald:feed:{"
_SIGNAL_PREFIX = "herald:signal:"


def _pubsub_name(channel: str) -> str:
    return f"{_PUBSUB_PREFIX}{channel}}}"


def _channel_of(pubsub_name: bytes) -> str:
    return pubsub_name.decode()[len(_PUBSUB_PREFIX) : -1]


def _new_epoch() -> str:
    return secrets.token_urlsafe(6)
