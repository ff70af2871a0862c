"""The subscriptions of one client: subscribe, refresh and unsubscribe, and reading a channel's history."""

import time
from collections.abc import Mapping, Sequence
from typing import Protocol

from herald.server.hub import codes, protocol
from herald.server.hub.channel import Receiver, Start, Subscription
from herald.server.hub.codes import ProtocolError
from herald.server.hub.hub import Hub
from herald.server.hub.interfaces import Authorizer, Grant, Identity, InvalidTokenError
from herald.server.hub.timers import Timers
from herald.shared.feed.feed import Position
from herald.shared.settings import Settings

MAX_CHANNEL_LENGTH = 255


class Client(Receiver, Protocol):
    """The connection that has the subscriptions."""

    timers: Timers

    def send(self, message: bytes) -> None:
        """Send a reply or a push of the hub's own, in order."""

    def disconnect(self, why: codes.Disconnect) -> None:
        """Close the connection."""


class Subscriptions:
    """Serves one client's commands about channels."""

    __slots__ = ("_authorizer", "_by_channel", "_client", "_closed", "_hub", "_settings")

    def __init__(self, client: Client, hub: Hub, authorizer: Authorizer, settings: Settings) -> None:
        self._client = client
        self._hub = hub
        self._authorizer = authorizer
        self._settings = settings
        self._by_channel: dict[str, Subscription | None] = {}
        """None while a subscribe is in progress."""
        self._closed = False

    def close(self) -> None:
        """End all subscriptions, because the client has left."""
        self._closed = True
        for subscription in self._by_channel.values():
            if subscription is not None:
                self._hub.leave(subscription)
        self._by_channel.clear()

    def get(self, channel: str) -> Subscription | None:
        """The subscription to a channel, once its reply has been sent."""
        return self._by_channel.get(channel)

    @property
    def channels_by_identity(self) -> list[str]:
        """The channels that the client's identity permits, rather than a subscription token."""
        return [channel for channel, one in self._by_channel.items() if not (one and one.granted)]

    # Subscribing

    async def subscribe_server_side(
        self, channels: Sequence[str], requests: Mapping[str, protocol.SubscribeRequest]
    ) -> dict[str, tuple[Subscription, Start]]:
        """Subscribe a connecting client to ``channels``; call `Subscription.begin` after the reply.

        ``requests`` hold the client's earlier positions, by channel. Subscribes to all channels or to none;
        if the client leaves in the meantime, the returned subscriptions have ended.

        Raises:
            ProtocolError: a subscribe failed.
        """
        started: dict[str, tuple[Subscription, Start]] = {}
        try:
            for channel in channels:
                recover = _position(requests.get(channel))
                started[channel] = await self._hub.subscribe(
                    channel, self._client, recover=recover, server_side=True
                )
                self._keep(started[channel][0])
        except BaseException:
            for channel in started:
                self.leave(channel)
            raise
        return started

    async def subscribe(
        self, command: protocol.Command, request: protocol.SubscribeRequest, identity: Identity
    ) -> None:
        """Serve a ``subscribe`` command.

        Raises:
            ProtocolError: it is refused, or failed.
        """
        channel = request.channel
        if not channel or len(channel) > MAX_CHANNEL_LENGTH:
            raise ProtocolError(codes.ERROR_BAD_REQUEST)
        if request.type != 0:
            raise ProtocolError(codes.NOT_AVAILABLE)
        if request.tf is not None:
            raise ProtocolError(codes.ERROR_BAD_REQUEST)
        position = _position(request)
        if channel in self._by_channel:
            raise ProtocolError(codes.ALREADY_SUBSCRIBED)
        if len(self._by_channel) >= self._settings.max_subscriptions:
            raise ProtocolError(codes.LIMIT_EXCEEDED)
        self._by_channel[channel] = None
        try:
            expires_at = await self._permission(identity, channel, request.token)
            subscription, start = await self._hub.subscribe(
                channel,
                self._client,
                recover=position,
                reject_unrecovered=bool(request.flag & protocol.REJECT_UNRECOVERED),
            )
            if expires_at is not None and expires_at + self._settings.expiry_grace_s <= time.time():
                self._hub.leave(subscription)
                raise ProtocolError(codes.TOKEN_EXPIRED)
        except BaseException:
            self._by_channel.pop(channel, None)
            raise
        if not self._keep(subscription):
            return
        subscription.granted = bool(request.token)
        result = subscribe_result(start, self._expire(channel, expires_at))
        self._client.send(protocol.reply(command, "subscribe", result))
        subscription.begin()

    def _keep(self, subscription: Subscription) -> bool:
        """Record a new subscription; or end it and return False if the client has left in the meantime."""
        if self._closed:
            self._hub.leave(subscription)
            return False
        self._by_channel[subscription.channel] = subscription
        return True

    # Permissions and their expiry

    async def _permission(self, identity: Identity, channel: str, token: str) -> float | None:
        """Return when the permission for ``channel`` ends, in Unix time (seconds); None if it never does.

        Raises:
            ProtocolError: neither the subscription token, if there is one, nor the identity permits it.
        """
        if token:
            return (await self._grant(identity, channel, token)).expires_at
        if not await self._authorizer.may_subscribe(identity, channel):
            raise ProtocolError(codes.PERMISSION_DENIED)
        return None

    async def _grant(self, identity: Identity, channel: str, token: str) -> Grant:
        try:
            grant = await self._authorizer.grant(token)
        except InvalidTokenError:
            raise ProtocolError(codes.PERMISSION_DENIED) from None
        if (grant.user_id, grant.channel) != (identity.user_id, channel):
            raise ProtocolError(codes.PERMISSION_DENIED)
        return grant

    async def refresh(
        self, command: protocol.Command, request: protocol.SubRefreshRequest, identity: Identity
    ) -> None:
        """Serve a ``sub_refresh`` command.

        Raises:
            ProtocolError: there is no such subscription, or the token does not permit it.
        """
        channel = request.channel
        if self.get(channel) is None:
            raise ProtocolError(codes.PERMISSION_DENIED)
        try:
            grant = await self._grant(identity, channel, request.token)
        except ProtocolError as refused:
            if refused.error is codes.TOKEN_EXPIRED:  # after the error alone, clients would give up
                self.end(channel, codes.UNSUBSCRIBED_EXPIRED)
            raise
        subscription = self.get(channel)
        if subscription is None:
            raise ProtocolError(codes.PERMISSION_DENIED)  # it has ended while the token was checked
        subscription.granted = True
        expiry = protocol.expiry(self._expire(channel, grant.expires_at))
        self._client.send(protocol.reply(command, "sub_refresh", expiry))

    def _expire(self, channel: str, expires_at: float | None) -> int | None:
        """End the subscription after its token's expiry and the grace period; returns the `ttl_s`."""
        return self._client.timers.expire(
            f"expiry {channel}",
            expires_at,
            self._settings.expiry_grace_s,
            lambda: self.end(channel, codes.UNSUBSCRIBED_EXPIRED),
        )

    # Unsubscribing

    def unsubscribe(self, command: protocol.Command, request: protocol.UnsubscribeRequest) -> None:
        """Serve an ``unsubscribe`` command."""
        self.leave(request.channel)
        self._client.send(protocol.reply(command, "unsubscribe"))

    def end(self, channel: str, why: codes.Unsubscribe) -> None:
        """End a subscription, and report the reason to the client."""
        self.leave(channel)
        self._client.send(protocol.unsubscribed(channel, why))

    def lost_position(self, subscription: Subscription) -> None:
        """Make the client take a new snapshot of a channel, because its position has become void."""
        if self.get(subscription.channel) is not subscription:
            return  # its reply has not been sent: the subscribe itself fails
        if subscription.server_side:
            self._client.disconnect(codes.INSUFFICIENT_STATE)
        else:
            self.end(subscription.channel, codes.UNSUBSCRIBED_INSUFFICIENT_STATE)

    def leave(self, channel: str) -> None:
        """End the subscription to a channel, if there is one."""
        self._client.timers.cancel(f"expiry {channel}")
        subscription = self._by_channel.pop(channel, None)
        if subscription is not None:
            self._hub.leave(subscription)

    # History

    async def history(
        self, command: protocol.Command, request: protocol.HistoryRequest, identity: Identity
    ) -> None:
        """Serve a ``history`` command; subscribed channels need no further permission.

        Raises:
            ProtocolError: it is refused.
        """
        since = request.since
        if request.limit > protocol.MAX_NUMBER:
            raise ProtocolError(codes.ERROR_BAD_REQUEST)
        if since and (since.offset > protocol.MAX_NUMBER or (request.reverse and since.offset == 0)):
            raise ProtocolError(codes.ERROR_BAD_REQUEST)
        if request.channel not in self._by_channel:
            await self._permission(identity, request.channel, "")
        feed = self._hub.feed
        limit = feed.history_size if request.limit < 0 else request.limit
        found = await feed.history(
            request.channel, since=since.offset if since else 0, limit=limit, reverse=request.reverse
        )
        if since and since.epoch and since.epoch != found.position.epoch:
            raise ProtocolError(codes.UNRECOVERABLE_POSITION)
        offset, epoch = found.position
        result = protocol.history(offset=offset, epoch=epoch, publications=found.publications)
        self._client.send(protocol.reply(command, "history", result))


def subscribe_result(start: Start, ttl_s: int | None = None) -> protocol.Result:
    """The result of a subscribe; ``ttl_s`` is the remaining lifetime of its token, in seconds."""
    return protocol.subscription(
        offset=start.position.offset,
        epoch=start.position.epoch,
        recovering=start.recovering,
        publications=start.missed,
        snapshot=start.snapshot,
        ttl_s=ttl_s,
    )


def _position(request: protocol.SubscribeRequest | None) -> Position | None:
    """The position to recover from; None if the client does not ask to recover.

    Raises:
        ProtocolError: the offset is larger than any channel's can be.
    """
    if request is not None and request.offset > protocol.MAX_NUMBER:
        raise ProtocolError(codes.ERROR_BAD_REQUEST)
    return Position(request.offset, request.epoch) if request is not None and request.recover else None
