"""One connection over a fake transport: its limits, the order of its messages, and its cleanup."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from herald.server.hub import codes
from herald.server.hub.connection import Connection
from herald.server.hub.frame import Frame
from herald.shared.feed.feed import Position
from tests.support.fakes import FakeClient, FakeFeed, connection_to, hub_on

CONNECT = json.dumps({"id": 1, "connect": {"token": "ada"}})


class Follower(FakeFeed):
    """Follows every channel at once, unless it is broken."""

    broken = False

    async def follow(self, channel: str) -> Position:
        if self.broken:
            raise ConnectionError
        return await super().follow(channel)


class World:
    """A hub without Redis, and connections to it."""

    def __init__(self) -> None:
        self.follower = Follower()
        self.snapshots = asyncio.Event()
        self.snapshots.set()
        self.hub = hub_on(self.follower, self._snapshot)

    async def _snapshot(self, _: str) -> str:
        await self.snapshots.wait()
        return '{"tasks":[]}'

    def connection(self, client: FakeClient, **changes: Any) -> Connection:
        return connection_to(self.hub, client, **changes)

    async def connected(self, client: FakeClient, **changes: Any) -> Connection:
        connection = self.connection(client, **changes)
        connection.feed(CONNECT)
        await client.answered()
        assert "connect" in client.sent[-1]
        return connection


@pytest.fixture
async def world() -> AsyncIterator[World]:
    created = World()
    yield created
    for connection in list(created.hub.connections):
        connection.disconnect(codes.SHUTDOWN)


async def test_every_command_of_a_frame_counts_against_the_limit(world: World) -> None:
    client = FakeClient()
    world.connection(client, max_commands_per_s=10).feed("{}\n" * 11)
    assert client.why == codes.TOO_MANY_REQUESTS


async def test_frames_after_a_malformed_one_are_not_served(world: World) -> None:
    client = FakeClient()
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
    client = FakeClient()
    world.hub.drain()
    world.connection(client).feed(CONNECT)
    await client.answered()
    assert (client.why, client.sent) == (codes.SHUTDOWN, [])


async def test_a_connect_that_failed_can_be_sent_again(world: World) -> None:
    client = FakeClient()
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


async def test_a_transport_that_is_full_again_after_the_outbox_is_not_written_to_directly(
    world: World,
) -> None:
    class Narrow(FakeClient):
        def write(self, frame: Frame) -> None:
            super().write(frame)
            connection.on_full()

    client = Narrow()
    client.direct_write = lambda _: None
    connection = world.connection(client)
    client.writable = False
    connection.on_full()
    connection.send(b"{}")
    client.writable = True
    connection.on_writable()
    assert client.sent == [{}]
    assert connection.direct_write is None


async def test_a_client_that_is_too_slow_for_a_ping_leaves_no_timer_behind(world: World) -> None:
    client = FakeClient()
    connection = await world.connected(client, max_outbox_bytes=1)
    client.writable = False
    connection._ping()
    assert client.why == codes.SLOW
    assert not connection.timers.pending and not world.hub.connections


async def test_a_client_that_is_too_slow_for_its_connect_leaves_no_timer_behind(world: World) -> None:
    client = FakeClient()
    connection = world.connection(client, max_outbox_bytes=1)
    client.writable = False
    connection.feed(CONNECT)
    await client.answered()
    assert client.why == codes.SLOW
    assert not connection.timers.pending and not world.hub.connections
