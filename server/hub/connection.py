"""One client: its commands, its subscriptions, its outbox and its timers, whatever the transport."""

import asyncio
import logging
import random
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from herald.server.auth.errors import ExpiredTokenError, InvalidTokenError, KeysUnavailableError
from herald.server.auth.permissions import may_subscribe
from herald.server.auth.principal import Principal, SubscriptionGrant
from herald.server.auth.verify import TokenVerifier
from herald.server.hub import codes, protocol
from herald.server.hub.codes import ProtocolError
from herald.server.hub.frame import Frame
from herald.server.hub.hub import Hub, Message, Subscription
from herald.server.hub.outbox import Outbox, Outgoing
from herald.shared.feed.feed import Position
from herald.shared.observability import metrics
from herald.shared.settings import Settings
from herald.shared.tasks.channels import Channel
from herald.shared.tasks.store import Store

log = logging.getLogger(__name__)

MAX_CHANNEL_LENGTH = 255


class Transport(Protocol):
    """Carries frames to a client."""

    name: str
    """The kind of transport, for the metrics."""

    @property
    def writable(self) -> bool:
        """Whether it takes more now; as soon as it does again, it calls `Connection.on_writable`."""

    @property
    def fast(self) -> Callable[[bytes], object] | None:
        """For a WebSocket, a function that writes the bytes of a frame; call it only while `writable`."""

    def write(self, frame: Frame) -> None:
        """Send a frame, in order; call it only while `writable`."""

    def close(self, why: codes.Disconnect) -> None:
        """Send the reason to the client, if it still reads, and close."""


class Connection:
    """Serves the commands of one client.

    Example::

        connection = Connection(transport, hub=hub, …)
        client.on_frame = connection.feed
        client.on_end = connection.release
    """

    __slots__ = (
        "_authenticator",
        "_budget",
        "_budgeted_at",
        "_commands",
        "_gone",
        "_granted",
        "_hub",
        "_loop",
        "_malformed",
        "_outbox",
        "_serving",
        "_settings",
        "_store",
        "_subscriptions",
        "_timers",
        "_transport",
        "fast",
        "principal",
        "session",
    )

    def __init__(
        self,
        transport: Transport,
        *,
        hub: Hub,
        authenticator: TokenVerifier,
        store: Store,
        settings: Settings,
    ) -> None:
        # A secret of the client and us: whoever knows it speaks for this connection.
        self.session = secrets.token_urlsafe(16)
        self.principal: Principal | None = None
        self._transport = transport
        self.fast = transport.fast
        self._hub = hub
        self._authenticator = authenticator
        self._store = store
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._subscriptions: dict[str, Subscription | None] = {}
        """By channel; None while it is being joined."""
        self._granted: set[str] = set()
        """The channels that a subscription token has opened, whatever the connection's token permits."""
        self._outbox = Outbox()
        self._gone = False
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._commands: list[protocol.Command] = []
        self._malformed = False
        """Whether the client has sent something that is not of the protocol, and ends after ``_commands``."""
        self._serving: asyncio.Task[None] | None = None
        self._budget = float(settings.max_commands_per_s)
        self._budgeted_at = self._loop.time()
        hub.connections.add(self)
        metrics.CONNECTIONS.labels(transport.name).inc()
        self._expect_connect()

    def release(self) -> None:
        """Forget the client: it is gone."""
        if self._gone:
            return
        self._gone = True
        self.fast = None
        if self._serving is not None and self._serving is not asyncio.current_task():
            self._serving.cancel()
        self._hub.connections.discard(self)
        metrics.CONNECTIONS.labels(self._transport.name).dec()
        if self.principal is not None:
            self._hub.sessions.remove(self)
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for subscription in self._subscriptions.values():
            if subscription is not None:
                self._hub.leave(subscription)
        self._subscriptions.clear()

    # Commands

    def feed(self, frame: str | bytes) -> None:
        """Serve the commands of a frame, after those before it."""
        if self._gone or self._malformed:
            return
        commands: list[protocol.Command | None] = []
        try:
            for command in protocol.decode(frame):
                commands.append(command)  # those before a malformed line are still served
        except protocol.MalformedFrameError as error:
            log.info("a client sent a malformed frame: %s", error)
            self._malformed = True
        if not self._affordable(max(1, len(commands))):
            self.disconnect(codes.TOO_MANY_REQUESTS)
            return
        for command in commands:
            if command is None:
                self._cancel("pong")
            else:
                self._commands.append(command)
        if (self._commands or self._malformed) and self._serving is None:
            self._serving = self._loop.create_task(self._serve_commands())

    def count(self, frames: int) -> None:
        """Count frames that hold no command against the limit of commands."""
        if not self._gone and not self._affordable(frames):
            self.disconnect(codes.TOO_MANY_REQUESTS)

    async def _serve_commands(self) -> None:
        """Serve what has come in, in order; subscribes in a row are served together."""
        try:
            while self._commands and not self._gone:
                batch = [self._commands.pop(0)]
                while batch[0].subscribe and self._commands and self._commands[0].subscribe:
                    batch.append(self._commands.pop(0))
                if len(batch) == 1:
                    await self._serve(batch[0])
                else:
                    await asyncio.gather(*map(self._serve, batch))
            if self._malformed:
                self.disconnect(codes.BAD_REQUEST)
        finally:
            self._serving = None

    def _affordable(self, commands: int) -> bool:
        """Whether the client keeps to its commands a second, of which it may save up one second's worth."""
        at, rate = self._loop.time(), self._settings.max_commands_per_s
        self._budget = min(rate, self._budget + (at - self._budgeted_at) * rate) - commands
        self._budgeted_at = at
        return self._budget >= 0

    async def _serve(self, command: protocol.Command) -> None:
        if self._gone:
            return
        request = command.request
        if (self.principal is None) != isinstance(request, protocol.ConnectRequest):
            self.disconnect(codes.BAD_REQUEST)  # the first command is a connect, and no other one is
            return
        try:
            await self._dispatch(command, request)
        except ProtocolError as error:
            self.send(protocol.error_reply(command, error.error))
        except Exception:
            log.exception("a command failed")
            self.send(protocol.error_reply(command, codes.INTERNAL))

    async def _dispatch(self, command: protocol.Command, request: object) -> None:
        match request:
            case protocol.ConnectRequest():
                await self._connect(command, request)
            case protocol.SubscribeRequest():
                await self._subscribe(command, request)
            case protocol.UnsubscribeRequest():
                self._unsubscribe(command, request)
            case protocol.HistoryRequest():
                await self._history(command, request)
            case protocol.RefreshRequest():
                await self._refresh(command, request)
            case protocol.SubRefreshRequest():
                await self._sub_refresh(command, request)
            case protocol.PingRequest():
                self.send(protocol.reply(command, "ping"))
            case protocol.SendRequest():
                self.disconnect(codes.MESSAGE_NOT_AVAILABLE)
            case protocol.NotOfferedRequest():
                raise ProtocolError(codes.NOT_AVAILABLE)
            case _:
                raise ProtocolError(codes.METHOD_NOT_FOUND)

    async def _authenticate(self, token: str) -> Principal | None:
        """The token's principal; None, having begun to disconnect, if it is not valid.

        Raises:
            ProtocolError: the token has expired, or cannot be checked now.
        """
        try:
            return await self._authenticator.principal(token)
        except ExpiredTokenError:
            raise ProtocolError(codes.TOKEN_EXPIRED) from None
        except KeysUnavailableError:
            raise ProtocolError(codes.INTERNAL) from None
        except InvalidTokenError as error:
            log.info("a client sent an invalid token: %s", error)
            self.disconnect(codes.INVALID_TOKEN)
            return None

    async def _connect(self, command: protocol.Command, request: protocol.ConnectRequest) -> None:
        principal = await self._authenticate(request.token)
        if principal is None:
            return
        if self._hub.draining:
            self.disconnect(codes.SHUTDOWN)
            return
        if self._hub.sessions.count(principal.user_id) >= self._settings.max_connections_per_user:
            self.disconnect(codes.CONNECTION_LIMIT)
            return
        self._cancel("connect")  # from here on, any delay is ours and no reason to disconnect the client
        self.principal = principal
        self._hub.sessions.add(self)  # before anything is awaited: others of the user may connect meanwhile
        channel = str(Channel.user(principal.user_id))
        before = request.subs.get(channel)
        try:
            subscription = await self._hub.subscribe(
                channel, self, recover=_position(before), server_side=True
            )
        except ProtocolError:
            self._hub.sessions.remove(self)
            self.principal = None
            self._expect_connect()
            raise
        if self._gone:
            self._hub.leave(subscription)
            return
        self._subscriptions[channel] = subscription
        ping_s = self._settings.ping_interval_s
        result = protocol.connected(
            client=secrets.token_urlsafe(9),
            session=self.session,
            node=self._hub.node,
            ping_s=max(1, round(ping_s)),
            ttl_s=self._expire_connection_at(principal.expires_at),
            subscriptions={channel: subscription.result},
        )
        self.send(protocol.reply(command, "connect", result))
        subscription.begin()
        self._after("ping", ping_s * random.uniform(0.5, 1), self._ping)  # noqa: S311  spread out

    def _expect_connect(self) -> None:
        """Start the deadline for the connect command."""
        self._after("connect", self._settings.connect_within_s, lambda: self.disconnect(codes.STALE))

    async def _refresh(self, command: protocol.Command, request: protocol.RefreshRequest) -> None:
        try:
            principal = await self._authenticate(request.token)
        except ProtocolError:  # expired, or not to be checked now: after an error clients would stay away
            self.disconnect(codes.CONNECTION_EXPIRED)
            return
        if principal is None:
            return
        if self.principal is None or principal.user_id != self.principal.user_id:
            raise ProtocolError(codes.ERROR_BAD_REQUEST)
        withdrawn = await self._withdrawn(self.principal, principal)
        if self._gone:
            return
        if self._authenticator.is_revoked(principal):
            self.disconnect(codes.FORCE_DISCONNECT)
            return
        self.principal = principal
        ttl_s = self._expire_connection_at(principal.expires_at)
        self.send(protocol.refreshed(command, "refresh", ttl_s))
        for channel in withdrawn:
            self._end(channel, codes.UNSUBSCRIBED_PERMISSION)

    async def _withdrawn(self, before: Principal, after: Principal) -> list[str]:
        """The subscribed channels that ``after`` does not permit, apart from those opened by their own token.

        Raises:
            pymongo.errors.PyMongoError: a task's owner cannot be read.
        """
        if before.brands <= after.brands and before.scopes <= after.scopes:
            return []  # a task never changes its owner or its brand, so nothing can have been lost
        channels = [channel for channel in self._subscriptions if channel not in self._granted]
        permitted = await asyncio.gather(
            *(may_subscribe(after, channel, self._store) for channel in channels)
        )
        return [channel for channel, may in zip(channels, permitted, strict=True) if not may]

    async def _subscribe(self, command: protocol.Command, request: protocol.SubscribeRequest) -> None:
        channel, principal = request.channel, self.principal
        if not channel or len(channel) > MAX_CHANNEL_LENGTH or principal is None:
            raise ProtocolError(codes.ERROR_BAD_REQUEST)
        if request.type != 0:
            raise ProtocolError(codes.NOT_AVAILABLE)
        if request.tf is not None:
            raise ProtocolError(codes.ERROR_BAD_REQUEST)
        position = _position(request)
        if channel in self._subscriptions:
            raise ProtocolError(codes.ALREADY_SUBSCRIBED)
        if len(self._subscriptions) >= self._settings.max_subscriptions:
            raise ProtocolError(codes.LIMIT_EXCEEDED)
        self._subscriptions[channel] = None
        try:
            expires_at = await self._permitted(principal, channel, request.token)
            subscription = await self._hub.subscribe(
                channel,
                self,
                recover=position,
                reject_unrecovered=bool(request.flag & protocol.REJECT_UNRECOVERED),
                ttl_s=_ttl_s(expires_at),
            )
            if expires_at is not None and expires_at + self._settings.expiry_grace_s <= time.time():
                self._hub.leave(subscription)
                raise ProtocolError(codes.TOKEN_EXPIRED)
        except BaseException:
            self._subscriptions.pop(channel, None)
            raise
        if self._gone:
            self._hub.leave(subscription)
            return
        self._subscriptions[channel] = subscription
        if request.token:
            self._granted.add(channel)
        self._expire_subscription_at(channel, expires_at)
        self.send(protocol.reply(command, "subscribe", subscription.result))
        subscription.begin()

    async def _permitted(self, principal: Principal, channel: str, token: str) -> float | None:
        """When the permission for ``channel`` ends, by the subscription token or else by who it is.

        Raises:
            ProtocolError: there is no permission.
        """
        if token:
            return (await self._grant(principal, channel, token)).expires_at
        if not await may_subscribe(principal, channel, self._store):
            raise ProtocolError(codes.PERMISSION_DENIED)
        return None

    async def _grant(self, principal: Principal, channel: str, token: str) -> SubscriptionGrant:
        try:
            grant = await self._authenticator.subscription(token)
        except ExpiredTokenError:
            raise ProtocolError(codes.TOKEN_EXPIRED) from None
        except KeysUnavailableError:
            raise ProtocolError(codes.INTERNAL) from None
        except InvalidTokenError:
            raise ProtocolError(codes.PERMISSION_DENIED) from None
        if (grant.user_id, grant.channel) != (principal.user_id, channel):
            raise ProtocolError(codes.PERMISSION_DENIED)
        return grant

    async def _sub_refresh(self, command: protocol.Command, request: protocol.SubRefreshRequest) -> None:
        channel = request.channel
        if self.principal is None or self._subscriptions.get(channel) is None:
            raise ProtocolError(codes.PERMISSION_DENIED)
        try:
            grant = await self._grant(self.principal, channel, request.token)
        except ProtocolError as refused:
            if refused.error is codes.TOKEN_EXPIRED:  # after the error alone, the clients would give up
                self._end(channel, codes.UNSUBSCRIBED_EXPIRED)
            raise
        if self._subscriptions.get(channel) is None:
            raise ProtocolError(codes.PERMISSION_DENIED)  # it has ended while the token was checked
        self._granted.add(channel)
        ttl_s = self._expire_subscription_at(channel, grant.expires_at)
        self.send(protocol.refreshed(command, "sub_refresh", ttl_s))

    def _unsubscribe(self, command: protocol.Command, request: protocol.UnsubscribeRequest) -> None:
        self._leave(request.channel)
        self.send(protocol.reply(command, "unsubscribe"))

    def _leave(self, channel: str) -> None:
        self._cancel(f"expiry {channel}")
        self._granted.discard(channel)
        subscription = self._subscriptions.pop(channel, None)
        if subscription is not None:
            self._hub.leave(subscription)

    async def _history(self, command: protocol.Command, request: protocol.HistoryRequest) -> None:
        since = request.since
        if self.principal is None or request.limit > protocol.MAX_NUMBER:
            raise ProtocolError(codes.ERROR_BAD_REQUEST)
        if since and (since.offset > protocol.MAX_NUMBER or (request.reverse and since.offset == 0)):
            raise ProtocolError(codes.ERROR_BAD_REQUEST)
        if request.channel not in self._subscriptions:
            await self._permitted(self.principal, request.channel, "")
        feed = self._hub.feed
        limit = feed.history_size if request.limit < 0 else request.limit
        found = await feed.history(
            request.channel, since=since.offset if since else 0, limit=limit, reverse=request.reverse
        )
        if since and since.epoch and since.epoch != found.position.epoch:
            raise ProtocolError(codes.UNRECOVERABLE_POSITION)
        offset, epoch = found.position
        result = protocol.history(offset=offset, epoch=epoch, publications=found.publications)
        self.send(protocol.reply(command, "history", result))

    # What the hub asks of a connection

    def deliver(self, frame: Frame, messages: Sequence[Message]) -> None:
        """Send ``messages``; ``frame`` is all of them, encoded once for everybody."""
        if self._transport.writable and not self._outbox:
            self._transport.write(frame)
        elif not self._gone:
            conflated = sum([self._outbox.put(message.outgoing) for message in messages])
            metrics.CONFLATED.inc(conflated)
            self._end_if_slow()

    def send(self, text: str) -> None:
        """Send a message of our own, in order."""
        if self._gone:
            return
        if self._transport.writable and not self._outbox:
            self._transport.write(Frame(text))
        else:
            self._outbox.put(Outgoing(text))
            self._end_if_slow()

    def _end_if_slow(self) -> None:
        if self._outbox.size > self._settings.max_outbox_bytes:
            self.disconnect(codes.SLOW)

    def on_full(self) -> None:
        """The transport takes no more for now."""
        self.fast = None

    def on_writable(self) -> None:
        """The transport takes more again."""
        if self._gone:
            return
        self.fast = self._transport.fast
        if self._outbox:
            self._transport.write(Frame(self._outbox.take()))

    def lost_position(self, subscription: Subscription) -> None:
        """Let the client take a new snapshot of a channel."""
        if self._subscriptions.get(subscription.channel) is not subscription:
            return  # not confirmed yet: the subscribe itself fails
        if subscription.server_side:
            self.disconnect(codes.INSUFFICIENT_STATE)
        else:
            self._end(subscription.channel, codes.UNSUBSCRIBED_INSUFFICIENT_STATE)

    def _end(self, channel: str, why: codes.Unsubscribe) -> None:
        self._leave(channel)
        self.send(protocol.unsubscribed(channel, why))

    def disconnect(self, why: codes.Disconnect) -> None:
        """Close the connection; messages still in the outbox are dropped, as the client does not read."""
        if self._gone:
            return
        metrics.DISCONNECTS.labels(why.reason).inc()
        self.release()
        self._transport.close(why)

    # Timers

    def _after(self, name: str, delay_s: float, action: Callable[[], None]) -> None:
        self._cancel(name)
        if not self._gone:  # `release` has cancelled the timers, and runs only once
            self._timers[name] = self._loop.call_later(delay_s, action)

    def _cancel(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def _expire_at(self, at: float | None, name: str, action: Callable[[], None]) -> int | None:
        """Run ``action`` once a token has expired and the grace is over; the seconds until it expires."""
        if at is None:
            self._cancel(name)
        else:
            self._after(name, max(0.0, at + self._settings.expiry_grace_s - time.time()), action)
        return _ttl_s(at)

    def _expire_connection_at(self, at: float | None) -> int | None:
        return self._expire_at(at, "expiry", lambda: self.disconnect(codes.CONNECTION_EXPIRED))

    def _expire_subscription_at(self, channel: str, at: float | None) -> int | None:
        return self._expire_at(
            at, f"expiry {channel}", lambda: self._end(channel, codes.UNSUBSCRIBED_EXPIRED)
        )

    def _ping(self) -> None:
        self.send(protocol.PING)
        self._after("ping", self._settings.ping_interval_s, self._ping)
        if "pong" not in self._timers:
            self._after("pong", self._settings.pong_within_s, lambda: self.disconnect(codes.NO_PONG))


def _ttl_s(expires_at: float | None) -> int | None:
    """The whole seconds, at least one, after which a client is asked for a new token; None is never."""
    return None if expires_at is None else max(1, int(expires_at - time.time()))


def _position(request: protocol.SubscribeRequest | None) -> Position | None:
    """What is to be recovered from; None if nothing is.

    Raises:
        ProtocolError: no channel can ever have that offset.
    """
    if request is not None and request.offset > protocol.MAX_NUMBER:
        raise ProtocolError(codes.ERROR_BAD_REQUEST)
    return Position(request.offset, request.epoch) if request is not None and request.recover else None
