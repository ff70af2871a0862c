"""Channels and fan-out: who is subscribed to what, and how a publication reaches them all."""

import asyncio
import json
import logging
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from herald.server import strict_json
from herald.server.auth.principal import Principal
from herald.server.hub import codes, protocol
from herald.server.hub.codes import ProtocolError
from herald.server.hub.frame import Frame
from herald.server.hub.outbox import Outgoing
from herald.server.hub.sessions import Sessions
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
"""How long a channel without subscribers is still followed, for clients that reconnect right away."""
SHUTDOWN_SPREAD_S = 3.0
SHUTDOWN_AT_ONCE = 100
"""A stopping hub disconnects this many connections at once, and the rest over `SHUTDOWN_SPREAD_S`."""

Snapshot = Callable[[str], Awaitable[str]]
"""Reads what a channel's subscribers start from, as JSON text."""


class Message:
    """A publication, encoded once for all subscribers of its channel."""

    __slots__ = ("_channel", "_data", "_outgoing", "offset", "text")

    def __init__(self, channel: str, prefix: str, publication: Publication) -> None:
        self.offset, self._data = publication
        self.text = protocol.publication(prefix, self.offset, self._data)
        self._channel = channel
        self._outgoing: Outgoing | None = None

    @property
    def outgoing(self) -> Outgoing:
        """The message for an outbox, where a task's newer progress event replaces the older one."""
        if self._outgoing is None:
            event = json.loads(self._data)
            progress = isinstance(event, dict) and event.get("type") == "task.progress"
            key = f"{self._channel} {event['task']['taskId']}" if progress else None
            self._outgoing = Outgoing(self.text, key)
        return self._outgoing


def _joined(messages: Sequence[Message]) -> Frame:
    return Frame(
        messages[0].text if len(messages) == 1 else "\n".join([message.text for message in messages])
    )


class Receiver(Protocol):
    """A connection, as the hub sees it."""

    session: str
    principal: Principal | None
    fast: Callable[[bytes], object] | None
    """Writes the bytes of a WebSocket frame at once; None while something has to be minded, see `deliver`."""

    def feed(self, frame: str | bytes) -> None:
        """Serve the commands of a frame, after those before it."""

    def deliver(self, frame: Frame, messages: Sequence[Message]) -> None:
        """Send ``messages``; ``frame`` is all of them, encoded once for everybody."""

    def lost_position(self, subscription: "Subscription") -> None:
        """Tell the client that what it knows of a channel's position is void."""

    def disconnect(self, why: codes.Disconnect) -> None:
        """Close the connection, soon."""


class Subscription:
    """A connection's subscription to one channel.

    Publications are held back until `begin`: the reply with their starting position has to be sent first.
    """

    __slots__ = ("_waiting", "channel", "live", "receiver", "result", "sent", "server_side", "void")

    def __init__(self, channel: str, receiver: Receiver, *, server_side: bool) -> None:
        self.channel = channel
        self.receiver = receiver
        self.server_side = server_side
        self.result = ""
        self.sent = 0
        self.void = False
        self.live = False
        self._waiting: list[Message] = []

    def deliver(self, frame: Frame, messages: Sequence[Message]) -> None:
        """Send messages, which are in order, except those that the client already has."""
        if not self.live:
            self._waiting += messages
            return
        if messages[0].offset <= self.sent:
            messages = [message for message in messages if message.offset > self.sent]
            if not messages:
                return
            frame = _joined(messages)
        self.sent = messages[-1].offset
        self.receiver.deliver(frame, messages)

    def begin(self) -> None:
        """Send the messages held back so far; later ones are sent as they arrive."""
        self.live = True
        waiting, self._waiting = self._waiting, []
        if waiting:
            self.deliver(_joined(waiting), waiting)


class _Channel:
    """The subscribers of a channel, and the messages for them that the next flush sends."""

    __slots__ = ("forgetting", "members", "pending", "prefix")

    def __init__(self, name: str) -> None:
        self.prefix = protocol.publication_prefix(name)
        self.members: set[Subscription] = set()
        self.pending: list[Message] = []
        self.forgetting: asyncio.TimerHandle | None = None
        """The timer that unfollows the channel, while it has no members."""


class Hub:
    """Forwards what the feed publishes to the connections that are subscribed to it.

    Example::

        async with Hub.open(feed, snapshot) as hub:
            subscription = await hub.subscribe("tasks#ada", receiver, recover=None)
            receiver.send(reply(subscription.result))
            subscription.begin()
    """

    def __init__(self, feed: Feed, snapshot: Snapshot) -> None:
        self.node = secrets.token_urlsafe(9)
        """This hub's name among those that share one Redis."""
        self.feed = feed
        self._snapshot = snapshot
        self._follower = Follower(feed, self._on_publication, self._on_reset)
        self._channels: dict[str, _Channel] = {}
        self._unsent: set[_Channel] = set()
        self._flushing: asyncio.Handle | None = None
        self._flushed_at = 0.0
        self._gather_s = GATHER_S
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self.draining = False
        """Whether this hub is disconnecting its clients and accepts no more."""
        self.connections: set[Receiver] = set()
        self.subscriptions = 0
        self.forwarded = self.delivered = 0
        """Messages that had subscribers here, and how often they were handed to one."""
        self.sessions: Sessions[Receiver] = Sessions()
        self.held: Counter[str] = Counter()
        """By user, the requests that wait for a change (`herald.server.http.long_poll`)."""

    @classmethod
    @asynccontextmanager
    async def open(cls, feed: Feed, snapshot: Snapshot) -> AsyncIterator["Hub"]:
        """A hub that runs until the block ends."""
        hub = cls(feed, snapshot)
        hub.on_signal(node_signal(hub.node), hub._on_emulated)
        async with hub._follower:
            try:
                yield hub
            finally:
                for task in hub._tasks:
                    task.cancel()

    @property
    def connected(self) -> bool:
        """Whether events reach this hub now."""
        return self._follower.connected

    def on_signal(self, name: str, handler: Callable[[str], None]) -> None:
        """Hand what is sent to ``name`` by `Feed.signal` to ``handler``."""
        self._follower.listen(name, handler)

    def _on_emulated(self, text: str) -> None:
        """Serve commands for one of our connections that another process received."""
        message = strict_json.decode(text)
        connection = self.sessions.get(message["session"])
        if connection is not None:
            connection.feed(message["data"])

    def spawn(self, work: Awaitable[None]) -> None:
        """Run something in the background, until the hub closes; a failure is logged."""
        task: asyncio.Task[None] = self._loop.create_task(_logged(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def subscribe(
        self,
        channel: str,
        receiver: Receiver,
        *,
        recover: Position | None,
        reject_unrecovered: bool = False,
        server_side: bool = False,
        with_snapshot: bool = True,
        ttl_s: int | None = None,
    ) -> Subscription:
        """Subscribe ``receiver``; call `Subscription.begin` once its ``result`` is on its way.

        With ``recover``, the result holds the publications after that position. If they are no longer
        available, or without ``recover``, it holds a snapshot that was read after the position returned with
        it. Either way, no publication is missing between the result and those delivered after `begin`.
        A receiver that needs only new publications can do without the snapshot.

        Raises:
            ProtocolError: the subscribe failed or timed out, and the client tries again; or, with
                ``reject_unrecovered``, the position cannot be recovered.
        """
        subscription = Subscription(channel, receiver, server_side=server_side)
        state = self._channels.get(channel)
        if state is None:
            state = self._channels[channel] = _Channel(channel)
        elif state.forgetting is not None:
            state.forgetting.cancel()
            state.forgetting = None
        state.members.add(subscription)
        self.subscriptions += 1
        metrics.SUBSCRIPTIONS.inc()
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
        start = missed.position if missed else position
        subscription.sent = start.offset
        subscription.result = protocol.subscription(
            offset=start.offset,
            epoch=start.epoch,
            recovering=recover is not None,
            recovered=missed is not None,
            publications=missed.publications if missed else (),
            snapshot=snapshot,
            ttl_s=ttl_s,
        )
        return subscription

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
        """Whether anybody is subscribed to ``channel`` here."""
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
            channel.forgetting = self._loop.call_later(LINGER_S, self._forget, subscription.channel)

    def _forget(self, name: str) -> None:
        del self._channels[name]
        self._follower.unfollow(name)

    def _on_publication(self, name: str, publication: Publication) -> None:
        channel = self._channels.get(name)
        if channel is None or not channel.members:
            return
        channel.pending.append(Message(name, channel.prefix, publication))
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
            messages, channel.pending = channel.pending, []
            count += len(messages)
            deliveries += len(messages) * len(channel.members)
            self._deliver(channel, messages)
        self.forwarded += count
        self.delivered += deliveries
        metrics.FORWARDED.inc(count)
        metrics.DELIVERIES.inc(deliveries)
        self._gather_s = GATHER_S if count < BUSY_MESSAGES else BUSY_GATHER_S
        self._flushed_at = self._loop.time()

    def _deliver(self, channel: _Channel, messages: Sequence[Message]) -> None:
        """Send messages to every subscriber; a busy hub spends most of its time in this loop."""
        frame = _joined(messages)
        first, last, data = messages[0].offset, messages[-1].offset, frame.websocket
        for subscription in tuple(channel.members):  # a copy: a slow client is disconnected during the loop
            write = subscription.receiver.fast
            if write is not None and subscription.live and subscription.sent < first:
                subscription.sent = last
                try:
                    write(data)
                except RuntimeError:  # the socket is closing
                    subscription.receiver.fast = None
            else:
                subscription.deliver(frame, messages)

    def _on_reset(self, name: str) -> None:
        """Redis has lost the channel's past: every position handed out is void."""
        self._flush()
        channel = self._channels.get(name)
        if channel is not None and channel.members:
            log.warning("the history of %s is gone, its subscribers start afresh", name)
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


def node_signal(node: str) -> str:
    """The name of the signal that reaches a hub."""
    return f"node:{node}"


async def _logged(work: Awaitable[None]) -> None:
    try:
        await work
    except Exception:
        log.exception("a background task of the hub failed")
