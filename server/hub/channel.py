"""The fan-out of one channel: its subscribers, and the publications to send to them."""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from herald.server.hub import protocol
from herald.server.hub.frame import Frame
from herald.server.hub.interfaces import ConflationKey
from herald.shared.feed.feed import Position, Publication


class Message:
    """A publication, encoded once for all subscribers of its channel."""

    __slots__ = ("_channel", "_json", "_key", "data", "offset")

    def __init__(self, channel: "Channel", publication: Publication) -> None:
        self.offset, json = publication
        self.data = protocol.publication(channel.prefix, self.offset, json)
        """The push to send."""
        self._channel = channel
        self._json: str | None = json  # needed until the key has been computed
        self._key: str | None = None

    @property
    def conflation_key(self) -> str | None:
        """The key of this message in a client's outbox; computed once, for the first slow client."""
        if self._json is not None:
            key = self._channel.key_of(self._json)
            self._key = None if key is None else f"{self._channel.name} {key}"
            self._json = None
        return self._key


class Receiver(Protocol):
    """Receives the publications of a channel."""

    direct_write: Callable[[bytes], object] | None
    """Writes the bytes of a WebSocket frame at once; None if `deliver` has to be called instead."""

    def deliver(self, frame: Frame, messages: Sequence[Message]) -> None:
        """Send ``messages``; ``frame`` holds all of them, encoded once for all receivers."""

    def lost_position(self, subscription: "Subscription") -> None:
        """Called when the client's position in the channel has become void."""


class Start(NamedTuple):
    """The start of a subscription: the publications that the client missed, or a snapshot."""

    position: Position
    recovering: bool
    """Whether the client sent a position to recover from."""
    missed: Sequence[Publication] | None = None
    """None if there was no position, or it could not be recovered."""
    snapshot: str | bytes | None = None
    """JSON text."""


class Subscription:
    """A receiver's subscription to one channel.

    Publications are held back until `begin`: the reply with the starting position has to be sent first.
    """

    __slots__ = ("_held_back", "channel", "granted", "live", "receiver", "sent", "server_side", "void")

    def __init__(self, channel: str, receiver: Receiver, *, server_side: bool) -> None:
        self.channel = channel
        self.receiver = receiver
        self.server_side = server_side
        """Whether the server subscribed the client as it connected."""
        self.granted = False
        """Whether a subscription token permits it, rather than the connection's token."""
        self.sent = 0
        """The offset of the newest publication that was sent to the client."""
        self.void = False
        """Whether the starting position was lost before the subscription began."""
        self.live = False
        self._held_back: list[Message] = []

    def deliver(self, frame: Frame, messages: Sequence[Message]) -> None:
        """Send messages, which are in order, except those that the client already has."""
        if not self.live:
            self._held_back += messages
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
        messages, self._held_back = self._held_back, []
        if messages:
            self.deliver(_joined(messages), messages)


class Channel:
    """The subscribers of a channel, and the messages to send to them with the next flush."""

    __slots__ = ("key_of", "members", "name", "pending", "prefix", "unfollowing")

    def __init__(self, name: str, key_of: ConflationKey) -> None:
        self.name = name
        self.key_of = key_of
        self.prefix = protocol.publication_prefix(name)
        self.members: set[Subscription] = set()
        self.pending: list[Message] = []
        self.unfollowing: asyncio.TimerHandle | None = None
        """The timer that unfollows the channel; only set while it has no members."""

    def flush(self) -> None:
        """Send the pending messages to every subscriber; a busy hub spends most of its time in this loop."""
        messages, self.pending = self.pending, []
        frame = _joined(messages)
        first, last, data = messages[0].offset, messages[-1].offset, frame.websocket
        for subscription in tuple(self.members):  # a copy: a slow client is disconnected during the loop
            write = subscription.receiver.direct_write
            if write is not None and subscription.live and subscription.sent < first:
                subscription.sent = last
                try:
                    write(data)
                except RuntimeError:  # the socket is closing
                    subscription.receiver.direct_write = None
            else:
                subscription.deliver(frame, messages)


def _joined(messages: Sequence[Message]) -> Frame:
    return Frame(
        messages[0].data if len(messages) == 1 else b"\n".join([message.data for message in messages])
    )
