"""Follows channels of the feed: delivers every publication once and in order, even across reconnects."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from redis.exceptions import RedisError

from herald.shared.aio import DataLoader, cancel_and_wait
from herald.shared.feed.feed import Feed, Position, Publication, signal_name
from herald.shared.feed.pubsub import PubSub
from herald.shared.observability import metrics

log = logging.getLogger(__name__)

_MESSAGE_PARTS = 3  # kind, name, data; a pong has two


class _Channel:
    """A followed channel."""

    __slots__ = ("catching_up", "confirmed", "epoch", "name", "offset", "stale")

    def __init__(self, name: str) -> None:
        self.name = name
        self.confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.offset = 0
        self.epoch: str | None = None  # None until `follow` has read the position
        self.catching_up: asyncio.Task[None] | None = None
        self.stale = False  # there may be publications that have not been delivered


class Follower:
    """Follows channels over one pub/sub connection and delivers every publication once, in order.

    ``on_publication`` is called with the channel and each publication. After a reconnect, the follower
    subscribes again and reads what it missed from the channel's history. If the history no longer has all of
    it, ``on_reset`` is called with the channel: the positions returned for it so far are void.

    Histories and positions are read over other connections than the one that publications arrive on. After a
    failover the two may lead to different servers for a while, whose offsets must not be mixed. So the
    follower compares their replication ids, and reconnects until they agree.

    Example::

        async with Follower(feed, on_publication, on_reset) as follower:
            position = await follower.follow("tasks#ada")
    """

    def __init__(
        self,
        feed: Feed,
        on_publication: Callable[[str, Publication], None],
        on_reset: Callable[[str], None],
    ) -> None:
        self._feed = feed
        self._on_publication = on_publication
        self._on_reset = on_reset
        self._pubsub = PubSub(feed, self._subscribe_again, self._on_message)
        self._channels: dict[bytes, _Channel] = {}
        """By pub/sub name."""
        self._signals: dict[bytes, Callable[[str], None]] = {}
        self._positions = DataLoader(feed.positions)
        self._to_subscribe: dict[bytes, None] = {}
        self._catching_up: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Follower":
        await self._pubsub.__aenter__()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._pubsub.__aexit__(*exception)
        await cancel_and_wait(*self._catching_up)

    @property
    def connected(self) -> bool:
        """Whether the pub/sub connection is open now."""
        return self._pubsub.connected

    def listen(self, name: str, handler: Callable[[str], None]) -> None:
        """Call ``handler`` with the text of each signal ``name`` (see `Feed.signal`).

        Signals that are sent while the follower is not connected are lost.
        """
        signal = signal_name(self._feed.redis, name).encode()
        self._signals[signal] = handler
        self._pubsub.send("SUBSCRIBE", signal)

    async def follow(self, channel: str) -> Position:
        """Follow ``channel``: everything published after the returned position will be delivered.

        Waits while Redis cannot be reached, so set a timeout.

        Raises:
            redis.RedisError: the channel's position cannot be read.
        """
        name = self._feed.pubsub_name(channel).encode()
        followed = self._channels.get(name)
        if followed is None:
            followed = self._channels[name] = _Channel(channel)
            if not self._to_subscribe:
                asyncio.get_running_loop().call_soon(self._subscribe_soon)
            self._to_subscribe[name] = None
        if not followed.confirmed.done():
            await asyncio.shield(followed.confirmed)
        if followed.epoch is None:
            position = await self._positions.load(channel)
            # Another caller may have set the position meanwhile, and publications may have advanced it.
            if followed.epoch is None:
                followed.offset, followed.epoch = position
                if followed.stale or position.replication_id != self._pubsub.replication_id:
                    self._catch_up(followed)
        return Position(followed.offset, followed.epoch)

    def unfollow(self, channel: str) -> None:
        """Stop following ``channel``; none of its publications are delivered after this."""
        name = self._feed.pubsub_name(channel).encode()
        followed = self._channels.pop(name, None)
        if followed is not None:
            followed.confirmed.cancel()
            if name in self._to_subscribe:
                del self._to_subscribe[name]
            else:
                self._pubsub.send("UNSUBSCRIBE", name)

    # Subscribing

    def _subscribe_soon(self) -> None:
        """Send one command for all channels that were followed within one turn of the event loop."""
        names, self._to_subscribe = self._to_subscribe, {}
        if names:
            self._pubsub.send("SUBSCRIBE", *names)

    def _subscribe_again(self) -> None:
        """Subscribe to everything, on a new connection."""
        self._to_subscribe.clear()
        if names := [*self._signals, *self._channels]:
            self._pubsub.send("SUBSCRIBE", *names)

    def _on_message(self, message: list[Any]) -> None:
        if len(message) != _MESSAGE_PARTS:
            return
        kind, name, data = message
        followed = self._channels.get(name)
        if kind == b"message":
            if followed is not None:
                offset, _, text = data.decode().partition("\n")
                self._receive(followed, Publication(int(offset), text))
            elif name in self._signals:
                try:
                    self._signals[name](data.decode())
                except Exception:  # all channels share this connection, so it must go on
                    log.exception("the handler of signal %s failed", name.decode())
        elif kind == b"subscribe" and followed is not None:
            self._confirm(followed)

    def _confirm(self, followed: _Channel) -> None:
        if not followed.confirmed.done():
            followed.confirmed.set_result(None)
            return
        # This is not the first confirmation: the connection was lost, or the first one belonged to an earlier
        # SUBSCRIBE that an UNSUBSCRIBE followed. Either way, publications may have been missed.
        followed.stale = True
        if followed.epoch is not None:
            self._catch_up(followed)

    # Delivering, without gaps

    def _receive(self, followed: _Channel, publication: Publication) -> None:
        offset = publication.offset
        if followed.epoch is None or followed.catching_up is not None:
            followed.stale = True  # the history is being read, and will be read once more
        elif offset == followed.offset + 1:
            followed.offset = offset
            self._on_publication(followed.name, publication)
        elif offset > followed.offset or offset == 1:
            # Publications are missing; or the channel has started over, because Redis has lost its data.
            self._catch_up(followed)

    def _catch_up(self, followed: _Channel) -> None:
        """Deliver the missed publications from the history, and nothing else until that is done."""
        followed.stale = True
        if followed.catching_up is None:
            followed.catching_up = asyncio.create_task(
                self._read_missed(followed), name=f"catch-up {followed.name}"
            )
            self._catching_up.add(followed.catching_up)
            followed.catching_up.add_done_callback(self._catching_up.discard)

    async def _read_missed(self, followed: _Channel) -> None:
        try:
            while followed.stale and followed.epoch is not None:
                followed.stale = False
                missed = await self._feed.since(followed.name, Position(followed.offset, followed.epoch))
                found = missed or await self._feed.history(followed.name, limit=0)
                if self._channels.get(self._feed.pubsub_name(followed.name).encode()) is not followed:
                    return
                if found.position.replication_id != self._pubsub.replication_id:
                    await self._pubsub.reconnect_after_failover()
                    return
                if missed is None:
                    metrics.RESETS.inc()
                    followed.offset, followed.epoch = found.position
                    self._on_reset(followed.name)
                    continue
                if missed.publications:
                    metrics.GAPS_FILLED.inc()
                for publication in missed.publications:
                    followed.offset = publication.offset
                    self._on_publication(followed.name, publication)
        except (RedisError, OSError) as error:
            log.warning("could not read missed publications of %s, reconnecting: %s", followed.name, error)
            await self._pubsub.reconnect()
        finally:
            followed.catching_up = None
