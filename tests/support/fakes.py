"""Fakes of everything that the hub depends on: Redis, tokens and sockets."""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

from herald.server.hub import codes
from herald.server.hub.channel import Message, Subscription
from herald.server.hub.connection import Connection
from herald.server.hub.frame import Frame
from herald.server.hub.hub import Hub
from herald.server.hub.interfaces import (
    Authorizer,
    AuthorizerUnavailableError,
    Grant,
    Identity,
    InvalidTokenError,
    TokenExpiredError,
)
from herald.server.hub.transports.transport import Transport
from herald.shared.feed.feed import Position
from herald.shared.settings import Settings

SETTINGS = Settings()


class FakeFeed:
    """A feed and its follower in one, which follows a channel at once."""

    def __init__(self) -> None:
        self.followed: set[str] = set()

    async def follow(self, channel: str) -> Position:
        self.followed.add(channel)
        return Position(0, "e")

    async def positions(self, _: Sequence[str]) -> dict[str, Position]:
        raise NotImplementedError

    def unfollow(self, channel: str) -> None:
        self.followed.remove(channel)


class Clock:
    """An event loop whose timers a test fires by hand."""

    def __init__(self) -> None:
        self.timers: list[tuple[asyncio.TimerHandle, Callable[[], None]]] = []

    def call_later(self, delay_s: float, action: Callable[..., None], *args: Any) -> asyncio.TimerHandle:
        timer = asyncio.get_running_loop().call_later(3600, lambda: None)
        self.timers.append((timer, lambda: action(*args)))
        return timer

    @property
    def pending(self) -> list[Callable[[], None]]:
        return [action for timer, action in self.timers if not timer.cancelled()]


REFUSED: dict[str, Exception] = {
    "invalid": InvalidTokenError("it is not valid"),
    "expired": TokenExpiredError(),
    "unavailable": AuthorizerUnavailableError(),
}
"""The tokens that a `FakeAuthorizer` rejects, and its errors."""


class FakeAuthorizer:
    """Takes each token as the id of a user who may follow every channel, except those in `REFUSED`."""

    def __init__(self) -> None:
        self.revoked: set[str] = set()

    async def authenticate(self, token: str) -> Identity:
        if token in REFUSED:
            raise REFUSED[token]
        return Identity(token, None, (f"tasks#{token}",))

    async def grant(self, token: str) -> Grant:
        if token in REFUSED:
            raise REFUSED[token]
        user, _, channel = token.partition(" ")
        return Grant(user, channel, None)

    async def may_subscribe(self, _: Identity, __: str) -> bool:
        return True

    async def withdrawn(self, _: Identity, __: Identity, channels: Sequence[str]) -> list[str]:
        return [channel for channel in channels if channel in self.revoked]

    def is_revoked(self, identity: Identity) -> bool:
        return identity.user_id in self.revoked


def hub_on(feed: Any, snapshot: Callable[[str], Any] | None = None) -> Hub:
    """A hub on a fake that is both its feed and its follower."""
    hub = Hub(feed, snapshot or no_snapshot)
    hub._follower = feed
    return hub


async def no_snapshot(_: str) -> str:
    raise AssertionError("a snapshot was read")


class FakeClient:
    """A transport that keeps the messages sent over it."""

    name = "websocket"

    def __init__(self) -> None:
        self.writable = True
        self.direct_write: Callable[[bytes], object] | None = None
        self.sent: list[dict[str, Any]] = []
        self.why: codes.Disconnect | None = None
        self.changed = asyncio.Event()

    def write(self, frame: Frame) -> None:
        assert self.writable
        self.sent += map(json.loads, frame.data.split(b"\n"))
        self.changed.set()

    def close(self, why: codes.Disconnect) -> None:
        self.why = why
        self.changed.set()

    async def answered(self) -> None:
        """Wait until something is sent, or the connection is closed."""
        async with asyncio.timeout(30):
            await self.changed.wait()
        self.changed.clear()


class FakeReceiver:
    """A receiver that keeps the offsets of the delivered messages."""

    direct_write: Callable[[bytes], object] | None = None

    def __init__(self) -> None:
        self.offsets: list[int] = []

    def deliver(self, _: Frame, messages: Sequence[Message]) -> None:
        self.offsets += [message.offset for message in messages]

    def lost_position(self, _: Subscription) -> None:
        raise AssertionError("the position was lost")


def connection_to(
    hub: Hub, client: Transport, authorizer: Authorizer | None = None, **changes: Any
) -> Connection:
    """A connection with changed settings; by default, its authorizer is a `FakeAuthorizer`."""
    settings = SETTINGS.model_copy(update=changes)
    return Connection(client, hub=hub, authorizer=authorizer or FakeAuthorizer(), settings=settings)


class Socket:
    """An asyncio transport; ``waiting`` is the number of bytes that its client has not read yet."""

    def __init__(self) -> None:
        self.waiting = 0
        self.aborted = self.closing = False

    def write(self, data: bytes) -> None:
        pass

    def pause_reading(self) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def get_extra_info(self, _: str) -> None:
        return None

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.aborted = True
