"""Channels and fan-out: who is subscribed to what, and how a publication reaches them all."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

from server.hub import codes, protocol
from shared.feed import Feed, Follower, History, Position, Publication

log = logging.getLogger(__name__)

SUBSCRIBE_WITHIN_S = 10.0

Snapshot = Callable[[str], Awaitable[dict[str, Any]]]
"""Reads what a channel's subscribers start from."""


class Receiver(Protocol):
    """A connection, as the hub sees it."""

    def send(self, frame: str) -> None:
        """Send a frame, soon and in order."""

    def lost_position(self, subscription: "Subscription") -> None:
        """Tell the client that what it knows of a channel's position is void; the hub has dropped it."""

    def disconnect(self, why: codes.Disconnect) -> None:
        """Close the connection, soon."""


class Subscription:
    """One connection's place in one channel.

    Until `begin`, publications wait: the reply that names their starting point has to leave first.
    """

    __slots__ = ("_waiting", "channel", "receiver", "result", "sent", "server_side", "void")

    def __init__(self, channel: str, receiver: Receiver, *, server_side: bool) -> None:
        self.channel = channel
        self.receiver = receiver
        self.server_side = server_side
        self.result: dict[str, Any] = {}
        self.sent = 0
        self.void = False
        self._waiting: list[tuple[int, str]] | None = []

    def deliver(self, offset: int, frame: str) -> None:
        """Hand over a publication's frame, unless the client has it already."""
        if self._waiting is not None:
            self._waiting.append((offset, frame))
        elif offset > self.sent:
            self.sent = offset
            self.receiver.send(frame)

    def begin(self) -> None:
        """Hand over what has waited, and from now on whatever comes."""
        waiting, self._waiting = self._waiting or [], None
        for offset, frame in waiting:
            self.deliver(offset, frame)


class Hub:
    """Forwards what the feed publishes to the connections that are subscribed to it.

    Example::

        async with Hub.open(feed, snapshot) as hub:
            subscription = await hub.subscribe("tasks#ada", receiver, recover=None)
            receiver.send(reply(subscription.result))
            subscription.begin()
    """

    def __init__(self, feed: Feed, snapshot: Snapshot) -> None:
        self._feed = feed
        self._snapshot = snapshot
        self._follower = Follower(feed, self._on_publication, self._on_reset)
        self._subscriptions: dict[str, set[Subscription]] = {}
        self.connections: set[Receiver] = set()

    @classmethod
    @asynccontextmanager
    async def open(cls, feed: Feed, snapshot: Snapshot) -> AsyncIterator["Hub"]:
        """A hub that runs until the block ends, and then sends its connections away."""
        hub = cls(feed, snapshot)
        async with hub._follower:
            try:
                yield hub
            finally:
                for connection in list(hub.connections):
                    connection.disconnect(codes.SHUTDOWN)

    @property
    def connected(self) -> bool:
        """Whether events reach this hub now."""
        return self._follower.connected

    async def subscribe(
        self, channel: str, receiver: Receiver, *, recover: Position | None, server_side: bool = False
    ) -> Subscription:
        """Subscribe ``receiver``; call `Subscription.begin` once its ``result`` is on its way.

        With ``recover``, the result holds what was published after that position; where that cannot be had
        any more, or without it, a snapshot read after the position that it is returned with. Either way,
        what is in the result and what is delivered then leave no hole.

        Raises:
            ProtocolError: it could not be done in time, or broke; the client tries again.
        """
        subscription = Subscription(channel, receiver, server_side=server_side)
        self._subscriptions.setdefault(channel, set()).add(subscription)
        try:
            async with asyncio.timeout(SUBSCRIBE_WITHIN_S):
                # From here on publications wait in the subscription, so none after `position` is missed.
                position = await self._follower.follow(channel)
                missed = await self._missed(channel, position, recover)
                snapshot = await self._snapshot(channel) if missed is None else None
            if subscription.void:
                raise codes.internal()
        except BaseException as error:
            await self.leave(subscription)
            if isinstance(error, Exception) and not isinstance(error, codes.ProtocolError):
                log.warning("could not subscribe to %s: %r", channel, error)
                raise codes.internal() from error
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
        )
        return subscription

    async def _missed(self, channel: str, newest: Position, recover: Position | None) -> History | None:
        if recover is None:
            return None
        if recover == newest:
            return History(newest, [])
        return await self._feed.since(channel, recover)

    async def leave(self, subscription: Subscription) -> None:
        """End a subscription; the last one of a channel ends the hub's interest in it."""
        members = self._subscriptions.get(subscription.channel)
        if members is None or subscription not in members:
            return
        members.discard(subscription)
        if not members:
            del self._subscriptions[subscription.channel]
            await self._follower.unfollow(subscription.channel)

    def _on_publication(self, channel: str, publication: Publication) -> None:
        members = self._subscriptions.get(channel)
        if members:
            frame = protocol.publication(channel, publication.offset, publication.data)
            for subscription in members:
                subscription.deliver(publication.offset, frame)

    def _on_reset(self, channel: str) -> None:
        """Redis has lost the channel's past: every position handed out is void."""
        log.warning("the history of %s is gone, its subscribers start afresh", channel)
        for subscription in self._subscriptions.get(channel, ()):
            subscription.void = True
            subscription.receiver.lost_position(subscription)
