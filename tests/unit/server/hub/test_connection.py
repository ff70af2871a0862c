"""One client over a transport that the test controls: its limits, its order, and what it leaves behind."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from herald.server.auth.verify import TokenVerifier
from herald.server.hub import codes
from herald.server.hub import hub as hub_module
from herald.server.hub.connection import Connection
from herald.server.hub.frame import Frame
from herald.server.hub.hub import Hub
from herald.shared.feed.feed import Position
from herald.shared.settings import Settings
from herald.shared.tokens import TokenIssuer
from tests.unit.server.hub.test_lingering import Feed

SETTINGS = Settings()


class Follower(Feed):
    """Follows every channel at once, unless it is broken."""

    broken = False

    async def follow(self, channel: str) -> Position:
        if self.broken:
            raise ConnectionError
        return await super().follow(channel)


class Client:
    """A transport that keeps what is sent."""

    name = "websocket"

    def __init__(self) -> None:
        self.writable = True
        self.fast: Callable[[bytes], object] | None = None
        self.sent: list[dict[str, Any]] = []
        self.why: codes.Disconnect | None = None
        self.changed = asyncio.Event()

    def write(self, frame: Frame) -> None:
        assert self.writable
        self.sent += map(json.loads, frame.text.split("\n"))
        self.changed.set()

    def close(self, why: codes.Disconnect) -> None:
        self.why = why
        self.changed.set()

    async def answered(self) -> None:
        """Wait until something is sent, or the connection is closed."""
        async with asyncio.timeout(30):
            await self.changed.wait()
        self.changed.clear()


class World:
    """A hub without Redis, and connections to it."""

    def __init__(self) -> None:
        self.follower = Follower()
        self.snapshots = asyncio.Event()
        self.snapshots.set()
        self.hub = Hub(self.follower, self._snapshot)  # type: ignore[arg-type]
        self.hub._follower = self.follower  # type: ignore[assignment]

    async def _snapshot(self, _: str) -> str:
        await self.snapshots.wait()
        return '{"tasks":[]}'

    def connection(self, client: Client, **changes: Any) -> Connection:
        settings = SETTINGS.model_copy(update=changes)
        return Connection(
            client,
            hub=self.hub,
            authenticator=TokenVerifier(settings),
            store=None,  # type: ignore[arg-type]
            settings=settings,
        )

    async def connected(self, client: Client, **changes: Any) -> Connection:
        connection = self.connection(client, **changes)
        connection.feed(CONNECT)
        await client.answered()
        assert "connect" in client.sent[-1]
        return connection


CONNECT = json.dumps({"id": 1, "connect": {"token": TokenIssuer(SETTINGS).issue("ada", [], 24 * 3600)}})


@pytest.fixture
async def world() -> AsyncIterator[World]:
    created = World()
    yield created
    for connection in list(created.hub.connections):
        connection.disconnect(codes.SHUTDOWN)


class Loop:
    """The event loop, with a clock that the test sets."""

    now = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio.get_running_loop(), name)

    def time(self) -> float:
        return self.now


async def test_unused_commands_are_saved_up_for_one_second_at_most(world: World) -> None:
    client, loop = Client(), Loop()
    connection = world.connection(client, max_commands_per_s=10)
    connection._loop, connection._budgeted_at = loop, loop.now  # type: ignore[assignment]
    connection.count(10)
    loop.now += 0.5
    connection.count(5)
    loop.now += 3600
    connection.count(10)
    assert client.why is None
    connection.count(1)
    assert client.why == codes.TOO_MANY_REQUESTS


async def test_every_command_of_a_frame_counts(world: World) -> None:
    client = Client()
    world.connection(client, max_commands_per_s=10).feed("{}\n" * 11)
    assert client.why == codes.TOO_MANY_REQUESTS


async def test_frames_after_a_malformed_one_are_not_served(world: World) -> None:
    client = Client()
    world.snapshots.clear()
    connection = world.connection(client)
    for frame in (CONNECT, "nonsense", '{"id":2,"ping":{}}'):
        connection.feed(frame)
    await asyncio.sleep(0)
    world.snapshots.set()
    while client.why is None:
        await client.answered()
    assert client.why == codes.BAD_REQUEST
    assert [message["id"] for message in client.sent] == [1]


async def test_a_stopping_hub_accepts_no_more_connections(world: World) -> None:
    client = Client()
    world.hub.drain()
    world.connection(client).feed(CONNECT)
    await client.answered()
    assert (client.why, client.sent) == (codes.SHUTDOWN, [])


async def test_a_stopping_hub_spreads_out_the_disconnects_after_the_first(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "SHUTDOWN_AT_ONCE", 2)
    delays: list[float] = []

    class Timers:
        def call_later(self, delay_s: float, *_: object) -> None:
            delays.append(delay_s)

    for _ in range(5):
        world.connection(Client())
    world.hub._loop = Timers()  # type: ignore[assignment]
    world.hub.drain()
    world.hub.drain()
    assert delays == [0, 0, 0, 1, 2]


async def test_a_connect_that_failed_can_be_sent_again(world: World) -> None:
    client = Client()
    connection = world.connection(client, max_connections_per_user=1)
    world.follower.broken = True
    connection.feed(CONNECT)
    await client.answered()
    assert client.sent[-1]["error"]["code"] == codes.INTERNAL.code
    world.follower.broken = False
    connection.feed(CONNECT)
    await client.answered()
    assert client.why is None
    assert "connect" in client.sent[-1]


async def test_a_transport_that_the_outbox_fills_again_is_not_written_to_directly(world: World) -> None:
    class Narrow(Client):
        def write(self, frame: Frame) -> None:
            super().write(frame)
            connection.on_full()

    client = Narrow()
    client.fast = lambda _: None
    connection = world.connection(client)
    client.writable = False
    connection.on_full()
    connection.send("{}")
    client.writable = True
    connection.on_writable()
    assert client.sent == [{}]
    assert connection.fast is None


async def test_a_client_that_is_too_slow_for_a_ping_leaves_no_timer_behind(world: World) -> None:
    client = Client()
    connection = await world.connected(client, max_outbox_bytes=1)
    client.writable = False
    connection._ping()
    assert client.why == codes.SLOW
    assert not connection._timers and not world.hub.connections


async def test_a_client_that_is_too_slow_for_its_connect_leaves_no_timer_behind(world: World) -> None:
    client = Client()
    connection = world.connection(client, max_outbox_bytes=1)
    client.writable = False
    connection.feed(CONNECT)
    await client.answered()
    assert client.why == codes.SLOW
    assert not connection._timers and not world.hub.connections
