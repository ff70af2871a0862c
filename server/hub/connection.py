"""One client: its commands, its subscriptions, its outbox and its pings."""

import asyncio
import logging
import random
import time
import uuid
from contextlib import suppress
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect
from uvicorn.protocols.utils import ClientDisconnected

from server.auth import Authenticator, ExpiredTokenError, InvalidTokenError, Principal, may_subscribe
from server.hub import codes, protocol
from server.hub.hub import Hub, Subscription
from shared.events import user_channel
from shared.feed import Position
from shared.settings import Settings
from shared.store import Store

log = logging.getLogger(__name__)

VERSION = "herald"
CONNECT_WITHIN_S = 5.0
PONG_WITHIN_S = 10.0
EXPIRY_GRACE_S = 25.0
"""How long a client may take to send a new token after the old one has expired."""
CLOSE_WITHIN_S = 5.0
MAX_OUTBOX_CHARS = 4 * 1024 * 1024
MAX_SUBSCRIPTIONS = 128
MAX_CHANNEL_LENGTH = 255


class Connection:
    """Serves one WebSocket until it closes.

    Whatever is sent within one turn of the event loop leaves in one write.
    """

    def __init__(
        self,
        websocket: WebSocket,
        *,
        hub: Hub,
        authenticator: Authenticator,
        store: Store,
        settings: Settings,
    ) -> None:
        self._websocket = websocket
        self._hub = hub
        self._authenticator = authenticator
        self._store = store
        self._ping_interval_s = settings.ping_interval_s
        self._loop = asyncio.get_running_loop()
        self._principal: Principal | None = None
        self._subscriptions: dict[str, Subscription] = {}
        self._outbox: list[str] = []
        self._outbox_chars = 0
        self._writer: asyncio.Task[None] | None = None
        self._reader: asyncio.Task[Any] | None = None
        self._closing: codes.Disconnect | None = None
        self._timers: dict[str, asyncio.TimerHandle] = {}

    async def serve(self) -> None:
        """Accept the connection and serve its commands until either side ends it."""
        await self._websocket.accept()
        self._reader = asyncio.current_task()
        self._hub.connections.add(self)
        self._after("connect", CONNECT_WITHIN_S, lambda: self.disconnect(codes.STALE))
        try:
            while True:
                await self._receive(await self._next_frame())
        except (WebSocketDisconnect, ClientDisconnected):
            pass
        except asyncio.CancelledError:
            if self._closing is None:  # not we have cancelled ourselves
                raise
        finally:
            await self._release()

    async def _next_frame(self) -> str | bytes:
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1006), message.get("reason"))
        return message["text"] if message.get("text") is not None else message["bytes"]  # type: ignore[no-any-return]

    async def _release(self) -> None:
        self._reader = None  # what follows is not to be cancelled
        self._hub.connections.discard(self)
        for timer in self._timers.values():
            timer.cancel()
        if self._writer is not None:
            self._writer.cancel()
        for subscription in list(self._subscriptions.values()):
            await self._hub.leave(subscription)

    # Commands

    async def _receive(self, frame: str | bytes) -> None:
        try:
            commands = protocol.decode(frame)
        except protocol.MalformedFrameError as error:
            log.info("a client sent a malformed frame: %s", error)
            self.disconnect(codes.BAD_REQUEST)
            return
        for command in commands:
            if self._closing is not None:
                return
            if command is None:
                self._cancel("pong")
            else:
                await self._serve(command)

    async def _serve(self, command: protocol.Command) -> None:
        request = command.request
        if (self._principal is None) != isinstance(request, protocol.ConnectRequest):
            self.disconnect(codes.BAD_REQUEST)  # the first command is a connect, and no other one is
            return
        try:
            match request:
                case protocol.ConnectRequest():
                    await self._connect(command, request)
                case protocol.SubscribeRequest():
                    await self._subscribe(command, request)
                case protocol.UnsubscribeRequest():
                    await self._unsubscribe(command, request)
                case protocol.RefreshRequest():
                    self._refresh(command, request)
                case protocol.PingRequest():
                    self.send(protocol.reply(command, "ping"))
                case protocol.NotOfferedRequest():
                    raise codes.not_available()
                case _:
                    raise codes.method_not_found()
        except codes.ProtocolError as error:
            self.send(protocol.error_reply(command, error))
        except (WebSocketDisconnect, ClientDisconnected):
            raise
        except Exception:
            log.exception("a command failed")
            self.send(protocol.error_reply(command, codes.internal()))

    def _authenticate(self, token: str) -> Principal | None:
        """The token's principal; None, having begun to disconnect, if it is not valid.

        Raises:
            ProtocolError: the token has expired.
        """
        try:
            return self._authenticator.principal(token)
        except ExpiredTokenError:
            raise codes.token_expired() from None
        except InvalidTokenError as error:
            log.info("a client sent an invalid token: %s", error)
            self.disconnect(codes.INVALID_TOKEN)
            return None

    async def _connect(self, command: protocol.Command, request: protocol.ConnectRequest) -> None:
        principal = self._authenticate(request.token)
        if principal is None:
            return
        channel = user_channel(principal.user_id)
        before = request.subs.get(channel)
        subscription = await self._hub.subscribe(channel, self, recover=_position(before), server_side=True)
        self._subscriptions[channel] = subscription
        self._principal = principal
        self._cancel("connect")
        self.send(
            protocol.reply(
                command,
                "connect",
                {
                    "client": str(uuid.uuid4()),
                    "version": VERSION,
                    **self._expiry(principal),
                    "ping": max(1, round(self._ping_interval_s)),
                    "pong": True,
                    "subs": {channel: subscription.result},
                },
            )
        )
        subscription.begin()
        self._after("ping", self._ping_interval_s * random.uniform(0.5, 1), self._ping)  # noqa: S311  spread out

    def _refresh(self, command: protocol.Command, request: protocol.RefreshRequest) -> None:
        principal = self._authenticate(request.token)
        if principal is None:
            return
        if self._principal is None or principal.user_id != self._principal.user_id:
            raise codes.bad_request()
        self._principal = principal
        result = {"client": "", "version": VERSION, **self._expiry(principal)}
        self.send(protocol.reply(command, "refresh", result))

    def _expiry(self, principal: Principal) -> dict[str, Any]:
        """What to tell the client of its token's end; and see to it that the connection ends then."""
        self._cancel("expiry")
        if principal.expires_at is None:
            return {}
        left_s = max(1, round(principal.expires_at - time.time()))
        self._after("expiry", left_s + EXPIRY_GRACE_S, lambda: self.disconnect(codes.EXPIRED))
        return {"expires": True, "ttl": left_s}

    async def _subscribe(self, command: protocol.Command, request: protocol.SubscribeRequest) -> None:
        channel, principal = request.channel, self._principal
        if not channel or len(channel) > MAX_CHANNEL_LENGTH or principal is None:
            raise codes.bad_request()
        if channel in self._subscriptions:
            raise codes.already_subscribed()
        if len(self._subscriptions) >= MAX_SUBSCRIPTIONS:
            raise codes.limit_exceeded()
        if not await may_subscribe(principal, channel, self._store):
            raise codes.permission_denied()
        subscription = await self._hub.subscribe(channel, self, recover=_position(request))
        self._subscriptions[channel] = subscription
        self.send(protocol.reply(command, "subscribe", subscription.result))
        subscription.begin()

    async def _unsubscribe(self, command: protocol.Command, request: protocol.UnsubscribeRequest) -> None:
        subscription = self._subscriptions.pop(request.channel, None)
        if subscription is not None:
            await self._hub.leave(subscription)
        self.send(protocol.reply(command, "unsubscribe"))

    # What the hub asks of a connection

    def send(self, frame: str) -> None:
        """Send a frame, soon and in order."""
        if self._closing is not None:
            return
        self._outbox.append(frame)
        self._outbox_chars += len(frame)
        if self._outbox_chars > MAX_OUTBOX_CHARS:
            self.disconnect(codes.SLOW)
        elif self._writer is None:
            self._writer = asyncio.create_task(self._write())

    def lost_position(self, subscription: Subscription) -> None:
        """Let the client take a new snapshot of a channel."""
        if self._subscriptions.get(subscription.channel) is not subscription:
            return  # not confirmed yet: the subscribe itself fails
        if subscription.server_side:
            self.disconnect(codes.INSUFFICIENT_STATE)
            return
        del self._subscriptions[subscription.channel]
        self._loop.create_task(self._hub.leave(subscription)).add_done_callback(_log_failure)
        self.send(protocol.unsubscribed(subscription.channel, codes.UNSUBSCRIBED_INSUFFICIENT_STATE))

    def disconnect(self, why: codes.Disconnect) -> None:
        """Send what is waiting, if the client takes it, and close the connection."""
        if self._closing is None:
            self._closing = why
            self._loop.create_task(self._close(why)).add_done_callback(_log_failure)

    async def _write(self) -> None:
        """Send the outbox until it is empty."""
        try:
            while self._outbox:
                frames, self._outbox, self._outbox_chars = self._outbox, [], 0
                await self._websocket.send_text("\n".join(frames))
        except (WebSocketDisconnect, ClientDisconnected, RuntimeError):
            pass  # closed under us: the reader meets it too
        finally:
            self._writer = None

    async def _close(self, why: codes.Disconnect) -> None:
        with suppress(TimeoutError, WebSocketDisconnect, ClientDisconnected, RuntimeError):
            async with asyncio.timeout(CLOSE_WITHIN_S):
                if self._writer is not None and why is not codes.SLOW:
                    await asyncio.wait([self._writer])
                await self._websocket.close(why.code, why.reason)
        if self._reader is not None:
            self._reader.cancel()

    # Timers

    def _after(self, name: str, delay_s: float, action: Any) -> None:
        self._timers[name] = self._loop.call_later(delay_s, action)

    def _cancel(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def _ping(self) -> None:
        self.send(protocol.PING)
        self._after("ping", self._ping_interval_s, self._ping)
        if "pong" not in self._timers:
            wait_s = min(PONG_WITHIN_S, self._ping_interval_s)
            self._after("pong", wait_s, lambda: self.disconnect(codes.NO_PONG))


def _position(request: protocol.SubscribeRequest | None) -> Position | None:
    return Position(request.offset, request.epoch) if request is not None and request.recover else None


def _log_failure(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("a connection's task failed", exc_info=error)
