"""One client on any transport: its commands, its outbox and its deadlines."""

import asyncio
import logging
import random
import secrets
import time
from collections.abc import Sequence
from functools import partial

from herald.server.hub import codes, protocol
from herald.server.hub.channel import Message, Subscription
from herald.server.hub.codes import ProtocolError
from herald.server.hub.frame import Frame
from herald.server.hub.hub import Hub
from herald.server.hub.interfaces import Authorizer, Identity, InvalidTokenError
from herald.server.hub.outbox import Outbox
from herald.server.hub.rate_limit import RateLimit
from herald.server.hub.subscriptions import Subscriptions, subscribe_result
from herald.server.hub.timers import Timers
from herald.server.hub.transports.transport import Transport
from herald.shared.observability import metrics
from herald.shared.settings import Settings

log = logging.getLogger(__name__)


class Connection:
    """Serves the commands of one client.

    The owner of the transport passes in each frame (`feed`), reports whether the transport accepts more data
    (`on_full`, `on_writable`), and calls `release` at the end.
    """

    __slots__ = (
        "_authorizer",
        "_closed",
        "_commands",
        "_hub",
        "_malformed",
        "_outbox",
        "_rate",
        "_serving",
        "_settings",
        "_subscriptions",
        "_transport",
        "direct_write",
        "identity",
        "session",
        "timers",
    )

    def __init__(self, transport: Transport, *, hub: Hub, authorizer: Authorizer, settings: Settings) -> None:
        self.session = secrets.token_urlsafe(16)
        self.identity: Identity | None = None
        self.direct_write = transport.direct_write
        self.timers = Timers(asyncio.get_running_loop())
        self._transport = transport
        self._hub = hub
        self._authorizer = authorizer
        self._settings = settings
        self._subscriptions = Subscriptions(self, hub, authorizer, settings)
        self._outbox = Outbox()
        self._rate = RateLimit(settings.max_commands_per_s, time.monotonic)
        self._commands: list[protocol.Command] = []
        self._malformed = False  # if True, the client is disconnected after its pending commands
        self._serving: asyncio.Task[None] | None = None
        self._closed = False
        hub.connections.add(self)
        metrics.CONNECTIONS.labels(transport.name).inc()
        self._expect_connect()

    def release(self) -> None:
        """Stop serving the client, which has left or is being disconnected."""
        if self._closed:
            return
        self._closed = True
        self.direct_write = None
        if self._serving is not None and self._serving is not asyncio.current_task():
            self._serving.cancel()
        self._hub.connections.discard(self)
        metrics.CONNECTIONS.labels(self._transport.name).dec()
        if self.identity is not None:
            self._hub.sessions.remove(self)
        self.timers.close()
        self._subscriptions.close()

    def disconnect(self, why: codes.Disconnect) -> None:
        """Close the connection; messages still in the outbox are dropped, as the client does not read."""
        if self._closed:
            return
        metrics.DISCONNECTS.labels(why.reason).inc()
        self.release()
        self._transport.close(why)

    def disconnect_if_revoked(self) -> None:
        """Close the connection if its token has been revoked."""
        if self.identity is not None and self._authorizer.is_revoked(self.identity):
            self.disconnect(codes.FORCE_DISCONNECT)

    # Commands

    def feed(self, frame: str | bytes) -> None:
        """Serve the commands of a frame once all earlier ones have been served."""
        if self._closed or self._malformed:
            return
        commands: list[protocol.Command | None] = []
        try:
            for command in protocol.decode(frame):
                commands.append(command)  # those before a malformed line are still served
        except protocol.MalformedFrameError as error:
            log.info("a client sent a malformed frame: %s", error)
            self._malformed = True
        if not self._rate.allows(max(1, len(commands))):
            self.disconnect(codes.TOO_MANY_REQUESTS)
            return
        for command in commands:
            if command is None:
                self.timers.cancel("pong")
            else:
                self._commands.append(command)
        if (self._commands or self._malformed) and self._serving is None:
            self._serving = asyncio.get_running_loop().create_task(self._serve_commands())

    def count(self, frames: int) -> None:
        """Count frames without a command against the limit of commands per second."""
        if not self._closed and not self._rate.allows(frames):
            self.disconnect(codes.TOO_MANY_REQUESTS)

    async def _serve_commands(self) -> None:
        """Serve the pending commands in order; consecutive subscribes are served together."""
        try:
            while self._commands and not self._closed:
                together = [self._commands.pop(0)]
                while together[0].subscribe and self._commands and self._commands[0].subscribe:
                    together.append(self._commands.pop(0))
                if len(together) == 1:
                    await self._serve(together[0])
                else:
                    await asyncio.gather(*map(self._serve, together))
            if self._malformed:
                self.disconnect(codes.BAD_REQUEST)
        finally:
            self._serving = None

    async def _serve(self, command: protocol.Command) -> None:
        if self._closed:
            return
        request = command.request
        try:
            if self.identity is None and isinstance(request, protocol.ConnectRequest):
                await self._connect(command, request)
            elif self.identity is None or isinstance(request, protocol.ConnectRequest):
                self.disconnect(codes.BAD_REQUEST)  # the first command has to be the only connect
            else:
                await self._dispatch(command, request, self.identity)
        except InvalidTokenError as error:
            log.info("a client sent an invalid token: %s", error)
            self.disconnect(codes.INVALID_TOKEN)
        except ProtocolError as error:
            self.send(protocol.error_reply(command, error.error))
        except Exception:
            log.exception("a command failed")
            self.send(protocol.error_reply(command, codes.INTERNAL))

    async def _dispatch(self, command: protocol.Command, request: object, identity: Identity) -> None:
        match request:
            case protocol.SubscribeRequest():
                await self._subscriptions.subscribe(command, request, identity)
            case protocol.UnsubscribeRequest():
                self._subscriptions.unsubscribe(command, request)
            case protocol.HistoryRequest():
                await self._subscriptions.history(command, request, identity)
            case protocol.RefreshRequest():
                await self._refresh(command, request, identity)
            case protocol.SubRefreshRequest():
                await self._subscriptions.refresh(command, request, identity)
            case protocol.PingRequest():
                self.send(protocol.reply(command, "ping"))
            case protocol.SendRequest():
                self.disconnect(codes.MESSAGE_NOT_AVAILABLE)
            case protocol.NotOfferedRequest():
                raise ProtocolError(codes.NOT_AVAILABLE)
            case _:
                raise ProtocolError(codes.METHOD_NOT_FOUND)

    async def _connect(self, command: protocol.Command, request: protocol.ConnectRequest) -> None:
        identity = await self._authorizer.authenticate(request.token)
        if self._hub.draining:
            self.disconnect(codes.SHUTDOWN)
            return
        if self._hub.sessions.count(identity.user_id) >= self._settings.max_connections_per_user:
            self.disconnect(codes.CONNECTION_LIMIT)
            return
        self.timers.cancel("connect")  # from here on, a delay is not the client's fault
        self.identity = identity
        self._hub.sessions.add(self)  # before anything is awaited, so that limits and revocations see it
        try:
            started = await self._subscriptions.subscribe_server_side(identity.channels, request.subs)
        except ProtocolError:
            self._hub.sessions.remove(self)
            self.identity = None
            self._expect_connect()
            raise
        if self._closed:
            return
        ping_s = self._settings.ping_interval_s
        result = protocol.connected(
            client=secrets.token_urlsafe(9),
            session=self.session,
            node=self._hub.node,
            ping_s=max(1, round(ping_s)),
            ttl_s=self._expire(identity),
            subscriptions={channel: subscribe_result(start) for channel, (_, start) in started.items()},
        )
        self.send(protocol.reply(command, "connect", result))
        for subscription, _ in started.values():
            subscription.begin()
        self.timers.start("ping", ping_s * random.uniform(0.5, 1), self._ping)  # noqa: S311  spread out

    async def _refresh(
        self, command: protocol.Command, request: protocol.RefreshRequest, before: Identity
    ) -> None:
        try:
            identity = await self._authorizer.authenticate(request.token)
        except ProtocolError:
            # The token has expired or cannot be checked now. After an error, clients would not reconnect.
            self.disconnect(codes.CONNECTION_EXPIRED)
            return
        if identity.user_id != before.user_id:
            raise ProtocolError(codes.ERROR_BAD_REQUEST)
        channels = self._subscriptions.channels_by_identity
        withdrawn = await self._authorizer.withdrawn(before, identity, channels)
        if self._closed:
            return
        if self._authorizer.is_revoked(identity):
            self.disconnect(codes.FORCE_DISCONNECT)
            return
        self.identity = identity
        self.send(protocol.reply(command, "refresh", protocol.expiry(self._expire(identity))))
        for channel in withdrawn:
            self._subscriptions.end(channel, codes.UNSUBSCRIBED_PERMISSION)

    # Deadlines

    def _expect_connect(self) -> None:
        self.timers.start("connect", self._settings.connect_within_s, lambda: self.disconnect(codes.STALE))

    def _expire(self, identity: Identity) -> int | None:
        """End the connection after its token's expiry and the grace period; returns the `ttl_s`."""
        grace_s, end = self._settings.expiry_grace_s, partial(self.disconnect, codes.CONNECTION_EXPIRED)
        return self.timers.expire("expiry", identity.expires_at, grace_s, end)

    def _ping(self) -> None:
        self.send(protocol.PING)
        self.timers.start("ping", self._settings.ping_interval_s, self._ping)
        if "pong" not in self.timers:
            self.timers.start("pong", self._settings.pong_within_s, lambda: self.disconnect(codes.NO_PONG))

    # Messages to the client

    def deliver(self, frame: Frame, messages: Sequence[Message]) -> None:
        """Send ``messages``; ``frame`` holds all of them, encoded once for all receivers."""
        if self._transport.writable and not self._outbox:
            self._transport.write(frame)
        elif not self._closed:
            conflated = sum([self._outbox.put(message.data, message.conflation_key) for message in messages])
            metrics.CONFLATED.inc(conflated)
            self._disconnect_if_slow()

    def send(self, message: bytes) -> None:
        """Send a reply or a push of the hub's own, in order."""
        if self._closed:
            return
        if self._transport.writable and not self._outbox:
            self._transport.write(Frame(message))
        else:
            self._outbox.put(message)
            self._disconnect_if_slow()

    def _disconnect_if_slow(self) -> None:
        if self._outbox.size > self._settings.max_outbox_bytes:
            self.disconnect(codes.SLOW)

    def on_full(self) -> None:
        """The transport is full and accepts no more data for now."""
        self.direct_write = None

    def on_writable(self) -> None:
        """The transport accepts data again."""
        if self._closed:
            return
        self.direct_write = self._transport.direct_write
        if self._outbox:
            self._transport.write(Frame(self._outbox.take()))

    def lost_position(self, subscription: Subscription) -> None:
        """Make the client take a new snapshot of a channel."""
        self._subscriptions.lost_position(subscription)
