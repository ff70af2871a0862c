"""The hub: forwards the feed's publications to the connections that are subscribed to their channels."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import orjson

from herald.server import strict_json
from herald.server.hub import codes
from herald.server.hub.channel import Channel, Message, Receiver, Start, Subscription
from herald.server.hub.codes import ProtocolError
from herald.server.hub.interfaces import ConflationKey, SnapshotSource, no_conflation
from herald.server.hub.sessions import Session, Sessions
from herald.shared.feed.feed import Feed, History, Position, Publication
from herald.shared.feed.follower import Follower
from herald.shared.observability import metrics

log = logging.getLogger(__name__)

SUBSCRIBE_WITHIN_S = 10.0
GATHER_S = 0.002
"""The shortest time between two flushes; events that arrive in between are sent together."""
BUSY_MESSAGES = 32
BUSY_GATHER_S = 0.02
"""The same after a flush of at least `BUSY_MESSAGES`: under load, fewer and larger writes deliver more."""
LINGER_S = 5.0
"""How long a channel is followed after its last subscriber has left, in case clients reconnect."""
SHUTDOWN_SPREAD_S = 3.0
SHUTDOWN_AT_ONCE = 100
"""A stopping hub disconnects this many connections at once, and the rest over `SHUTDOWN_SPREAD_S`."""


class Hub:
    """Forwards what the feed publishes to the connections that are subscribed to it.

    Example::

        async with Hub.open(feed, read_snapshot) as hub:
            subscription, start = await hub.subscribe("news", receiver, recover=None)
            receiver.send(reply(start))
            subscription.begin()
    """

    def __init__(
        self, feed: Feed, snapshot: SnapshotSource, conflation_key: ConflationKey = no_conflation
    ) -> None:
        self.node = secrets.token_urlsafe(9)
        """This hub's name among those that share one Redis."""
        self.feed = feed
        self._snapshot = snapshot
        self._conflation_key = conflation_key
        self._follower = Follower(feed, self._on_publication, self._on_reset)
        self._channels: dict[str, Channel] = {}
        self._unsent: set[Channel] = set()
        self._flushing: asyncio.Handle | None = None
        self._flushed_at = 0.0
        self._gather_s = GATHER_S
        self._loop = asyncio.get_running_loop()
        self.draining = False
        """Whether this hub is disconnecting its clients and accepts no more."""
        self.connections: set[Session] = set()
        """All connections, including those that are not authenticated yet."""
        self.sessions = Sessions()
        self.subscriptions = 0
        self.forwarded = self.delivered = 0
        """The number of messages with subscribers here, and the number of deliveries to a subscriber."""

    @classmethod
    @asynccontextmanager
    async def open(
        cls, feed: Feed, snapshot: SnapshotSource, conflation_key: ConflationKey = no_conflation
    ) -> AsyncIterator["Hub"]:
        """A hub that runs until the block ends."""
        hub = cls(feed, snapshot, conflation_key)
        hub.on_signal(_commands_for(hub.node), hub._on_commands)
        async with hub._follower:
            yield hub

    @property
    def connected(self) -> bool:
        """Whether events reach this hub now."""
        return self._follower.connected

    def on_signal(self, name: str, handler: Callable[[str], None]) -> None:
        """Call ``handler`` with each text that `Feed.signal` sends to ``name``."""
        self._follower.listen(name, handler)

    # Commands of streams, which arrive in requests of their own

    async def forward_commands(self, node: str, session: str, frame: str) -> bool:
        """Serve the commands of a frame for a session of this hub, or send them to the hub that has it.

        Returns False if there is no such hub. A session that is unknown to its hub is ignored.

        Raises:
            redis.RedisError: the other hub cannot be reached.
        """
        if node == self.node:
            self._serve_commands(session, frame)
            return True
        message = orjson.dumps({"session": session, "data": frame}).decode()
        return await self.feed.signal(_commands_for(node), message)

    def _on_commands(self, text: str) -> None:
        message = strict_json.decode(text)
        self._serve_commands(message["session"], message["data"])

    def _serve_commands(self, session: str, frame: str) -> None:
        connection = self.sessions.get(session)
        if connection is not None:
            connection.feed(frame)

    # Subscriptions

    async def subscribe(
        self,
        channel: str,
        receiver: Receiver,
        *,
        recover: Position | None,
        reject_unrecovered: bool = False,
        server_side: bool = False,
        with_snapshot: bool = True,
    ) -> tuple[Subscription, Start]:
        """Subscribe ``receiver``; call `Subscription.begin` once the reply with the start has been sent.

        With ``recover``, the start holds the publications after that position. If they are no longer
        available, or without ``recover``, it holds a snapshot that was read after the position returned with
        it. Either way, no publication is missing between the start and those delivered after `begin`.
        A receiver that needs only new publications can do without the snapshot.

        Raises:
            ProtocolError: the subscribe failed or timed out, and the client tries again; or, with
                ``reject_unrecovered``, the position cannot be recovered.
        """
        subscription = Subscription(channel, receiver, server_side=server_side)
        self._join(subscription)
        try:
            async with asyncio.timeout(SUBSCRIBE_WITHIN_S):
                # From here on publications wait in the subscription, so none after `position` is missed.
                position = await self._follower.follow(channel)
                missed = await self._missed(channel, position, recover)
                if recover is not None:
                    metrics.RECOVERIES.labels("yes" if missed is not None else "no").inc()
                    if missed is None and reject_unrecovered:
                        raise ProtocolError(codes.UNRECOVERABLE_POSITION)
                snapshot = await self._snapshot(channel) if missed is None and with_snapshot else None
            if subscription.void:
                raise ProtocolError(codes.INTERNAL)
        except BaseException as error:
            self.leave(subscription)
            if isinstance(error, Exception) and not isinstance(error, ProtocolError):
                log.warning("could not subscribe to %s: %r", channel, error)
                raise ProtocolError(codes.INTERNAL) from error
            raise
        if missed is None:
            start = Start(position, recovering=recover is not None, snapshot=snapshot)
        else:
            start = Start(missed.position, recovering=True, missed=missed.publications)
        subscription.sent = start.position.offset
        return subscription, start

    def _join(self, subscription: Subscription) -> None:
        channel = self._channels.get(subscription.channel)
        if channel is None:
            channel = Channel(subscription.channel, self._conflation_key)
            self._channels[subscription.channel] = channel
        elif channel.unfollowing is not None:
            channel.unfollowing.cancel()
            channel.unfollowing = None
        channel.members.add(subscription)
        self.subscriptions += 1
        metrics.SUBSCRIPTIONS.inc()

    async def _missed(self, channel: str, newest: Position, recover: Position | None) -> History | None:
        if recover is None:
            return None
        recover = recover if recover.epoch else Position(recover.offset, newest.epoch)  # "" is any epoch
        # The follower's epoch counts, not Redis's: there may have been a failover since the follower looked.
        if recover.epoch != newest.epoch:
            return None
        if recover == newest:
            return History(newest, [])
        return await self.feed.since(channel, recover)

    def has_subscribers(self, channel: str) -> bool:
        """Whether ``channel`` has subscribers on this hub."""
        return channel in self._channels and bool(self._channels[channel].members)

    def leave(self, subscription: Subscription) -> None:
        """End a subscription; a channel without subscribers is unfollowed after `LINGER_S`."""
        channel = self._channels.get(subscription.channel)
        if channel is None or subscription not in channel.members:
            return
        channel.members.discard(subscription)
        self.subscriptions -= 1
        metrics.SUBSCRIPTIONS.dec()
        if not channel.members:
            channel.unfollowing = self._loop.call_later(LINGER_S, self._unfollow, subscription.channel)

    def _unfollow(self, name: str) -> None:
        del self._channels[name]
        self._follower.unfollow(name)

    # Publications

    def _on_publication(self, name: str, publication: Publication) -> None:
        channel = self._channels.get(name)
        if channel is None or not channel.members:
            return
        channel.pending.append(Message(channel, publication))
        self._unsent.add(channel)
        if self._flushing is None:
            wait_s = self._flushed_at + self._gather_s - self._loop.time()
            if wait_s > 0:
                self._flushing = self._loop.call_later(wait_s, self._flush)
            else:
                self._flushing = self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Send all pending messages, those of each channel in one frame that is encoded once."""
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
        count = deliveries = 0
        while self._unsent:
            channel = self._unsent.pop()
            count += len(channel.pending)
            deliveries += len(channel.pending) * len(channel.members)
            channel.flush()
        self.forwarded += count
        self.delivered += deliveries
        metrics.FORWARDED.inc(count)
        metrics.DELIVERIES.inc(deliveries)
        self._gather_s = GATHER_S if count < BUSY_MESSAGES else BUSY_GATHER_S
        self._flushed_at = self._loop.time()

    def _on_reset(self, name: str) -> None:
        """Void every client's position in a channel, because Redis has lost the channel's history."""
        self._flush()
        channel = self._channels.get(name)
        if channel is not None and channel.members:
            log.warning("the history of %s was lost; its subscribers take new snapshots", name)
            for subscription in list(channel.members):
                subscription.void = True
                subscription.receiver.lost_position(subscription)

    def drain(self) -> None:
        """Disconnect every client, spread out if there are many, so that they do not all return at once."""
        if self.draining:
            return
        self.draining = True
        spread_out = max(1, len(self.connections) - SHUTDOWN_AT_ONCE)
        for number, connection in enumerate(self.connections):
            delay_s = max(0, number - SHUTDOWN_AT_ONCE) / spread_out * SHUTDOWN_SPREAD_S
            self._loop.call_later(delay_s, connection.disconnect, codes.SHUTDOWN)


def _commands_for(node: str) -> str:
    """The name of the signal that carries commands to a hub."""
    return f"node:{node}"
