"""A hub whose snapshots wait until the test releases them, and clients without a socket."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from herald.server.auth.authorizer import HubAuthorizer
from herald.server.auth.verify import TokenVerifier
from herald.server.hub import codes
from herald.server.hub.connection import Connection
from herald.server.hub.frame import Frame
from herald.server.hub.hub import Hub
from herald.shared.feed.feed import Feed
from herald.shared.settings import Settings
from herald.shared.tasks.store import Store
from herald.shared.tokens import TokenIssuer


class Client:
    """A transport that keeps every message sent over it."""

    name = "websocket"
    writable = True
    direct_write: Callable[[bytes], object] | None = None

    def __init__(self) -> None:
        self.sent: asyncio.Queue[dict[str, Any] | codes.Disconnect] = asyncio.Queue()

    def write(self, frame: Frame) -> None:
        for line in frame.data.split(b"\n"):
            self.sent.put_nowait(json.loads(line))

    def close(self, why: codes.Disconnect) -> None:
        self.sent.put_nowait(why)

    async def message(self) -> dict[str, Any]:
        message = await self.sent.get()
        assert isinstance(message, dict), message
        return message

    async def call(self, connection: Connection, **command: Any) -> dict[str, Any]:
        """Send one command, and return the next message."""
        connection.feed(json.dumps({"id": 1, **command}))
        return await self.message()


class HeldHub:
    """A hub on the real feed, and connections to it; set `snapshots_ready` to let subscriptions continue."""

    def __init__(self, feed: Feed, store: Store, settings: Settings) -> None:
        self.issuer = TokenIssuer(settings)
        self.verifier = TokenVerifier(settings)
        self._feed = feed
        self._store = store
        self._settings = settings
        self.snapshots_ready = asyncio.Event()
        self.snapshot_requested = asyncio.Event()
        self.hub: Hub

    async def snapshot(self, _: str) -> bytes:
        self.snapshot_requested.set()
        await self.snapshots_ready.wait()
        return b"{}"

    def hold(self) -> None:
        """Hold back snapshots again."""
        self.snapshots_ready.clear()
        self.snapshot_requested.clear()

    def connection(self, client: Client, **changes: Any) -> Connection:
        """A connection of ``client`` that has not sent its connect command yet."""
        return Connection(
            client,
            hub=self.hub,
            authorizer=HubAuthorizer(self.verifier, self._store),
            settings=self._settings.model_copy(update=changes),
        )

    async def connected(self, client: Client, token: str, **changes: Any) -> Connection:
        """A connection after its connect command; releases the snapshots."""
        self.snapshots_ready.set()
        connection = self.connection(client, **changes)
        assert "connect" in await client.call(connection, connect={"token": token})
        return connection


def timers(connection: Connection) -> dict[str, float]:
    """The seconds until each timer of the connection fires, by name."""
    at = asyncio.get_running_loop().time()
    return {name: timer.when() - at for name, timer in connection.timers.pending.items()}
